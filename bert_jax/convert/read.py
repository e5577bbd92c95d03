"""From a file of weights to a model: which head it has, and whether every weight is there."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bert_jax import models
from bert_jax.config import BertConfig
from bert_jax.convert.canonical import Names, canonical_names, check_tied, describe_left
from bert_jax.convert.difference import Difference, compare, listed
from bert_jax.convert.hf_classes import check_has_class, family_of
from bert_jax.convert.hf_config import (
    FILE,
    HuggingFaceConfig,
    parse_config,
    read_config,
    read_json_object,
)
from bert_jax.convert.layout import Place, places, to_ours
from bert_jax.convert.model import Weights
from bert_jax.convert.names import GOOGLE, Family
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.tensors import TensorFile, printable
from bert_jax.errors import UserError
from bert_jax.head_config import TASKS, HeadConfig
from bert_jax.sharding import unbox
from data_pipeline.wording import amount

# A pooler that nothing reads: files of masked LMs often carry one, because the model that they
# began as had it. transformers leaves it as well.
_POOLER_LEFT = "of a pooler that this head does not read"
GOOGLE_CONFIG = "bert_config.json"


class Found(NamedTuple):
    """A file's tensors beside the weights of a model.

    Attributes:
      config: the shape of its encoder.
      head: on it.
      names: of the tensors, sorted out.
      placed: the name of every weight -> where it belongs.
      difference: what is not as the model needs it.
    """

    config: BertConfig
    head: HeadConfig
    names: Names
    placed: dict[str, Place]
    difference: Difference


def read_hugging_face(
    folder: Path,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    new: Sequence[str] = (),
) -> Weights:
    """The model in a folder of Hugging Face's layout.

    Args:
      folder: with `config.json` and safetensors.
      task: of the head (`bert_jax.head_config.TASKS`); found in the weights where not given.
      drop: patterns of names (Hugging Face's) of weights that are not to be taken over.
      new: patterns of names of weights that are not there and shall start at random.

    Returns:
      The weights, found to be those of the model by their names and shapes, and not read yet.

    Raises:
      UserError: a file is missing or damaged, or the weights are not those of the model.
    """
    said = read_config(folder / FILE)
    return _read(folder, open_tensors(folder), said, None, task, drop, new)


def read_google(
    path: Path,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    new: Sequence[str] = (),
) -> Weights:
    """The same from a checkpoint of google-research/bert with its `bert_config.json`.

    Args:
      path: the folder, or the checkpoint's prefix.
      task: see `read_hugging_face`.
      drop: see there; names are those of the checkpoint.
      new: see there.
    """
    said = read_google_config(path)
    return _read(path, open_tensors(path), said, GOOGLE, task, drop, new)


def read_google_config(path: Path) -> HuggingFaceConfig:
    """The `bert_config.json` of a checkpoint; `path` and errors as of `read_google`."""
    config_path = (path if path.is_dir() else path.parent) / GOOGLE_CONFIG
    values = read_json_object(config_path)
    # The released code computes the tanh approximation under the name gelu since 2019-02; what a
    # checkpoint was trained with is not written in it, and its config says "gelu" either way.
    try:
        return parse_config({**values, "model_type": "bert"})
    except UserError as error:
        raise UserError(f"{config_path}: {error}") from error


def find_weights(
    file: TensorFile, said: HuggingFaceConfig, family: Family | None, task: str | None = None
) -> Found:
    """A file's tensors beside the weights of the model that its config and its names tell of.

    Args:
      file: the tensors; none is read.
      said: by the config.
      family: of names; that of the config's model_type where not given.
      task: of the head (`bert_jax.head_config.TASKS`); found in the names where not given.

    Raises:
      UserError: it cannot be said which model that would be.
    """
    base = family or family_of(said.model_type, said.task or "encoder")
    tensors = file.tensors()
    names = canonical_names(tensors, base)
    config, head = _head_of(names, base, said, task)
    if family is None:
        family = family_of(said.model_type, head.task)
    if said.model_type == "roberta":
        check_has_class(config, head)  # its masked LM does not heed its config
    _check_layers(names, config, family)
    placed = places(config, head, family)
    _leave_pooler(names, placed, family)
    found = {name: tensors[original] for name, original in names.original.items()}
    return Found(config, head, names, placed, compare(placed, found))


def _read(
    path: Path,
    file: TensorFile,
    said: HuggingFaceConfig,
    family: Family | None,
    task: str | None,
    drop: Sequence[str],
    new: Sequence[str],
) -> Weights:
    try:
        config, head, names, placed, difference = find_weights(file, said, family, task)
        _check(difference.without(drop, new), head)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error

    def read() -> Any:
        try:
            check_tied(names, file.read)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        return to_ours(
            {name: place for name, place in placed.items() if name in names.original},
            lambda name: file.read(names.original[name]),
            start=_fresh(config, head) if difference.missing else None,
        )

    notes = describe_left(names.left)
    for names_of, what in (
        (difference.unexpected, "dropped as asked for"),
        (difference.missing, "start at random as asked for"),
    ):
        if names_of:
            shown = listed([printable(name) for name in names_of])
            notes.append(f"{len(names_of)} {what}: {shown}")
    return Weights(config, head, read, tuple(notes))


def _head_of(
    names: Names, family: Family, said: HuggingFaceConfig, task: str | None
) -> tuple[BertConfig, HeadConfig]:
    """The head whose weights are there; a classifier's kind is what the config names.

    Raises:
      UserError: the config does not say which kind of classifier it is.
    """
    theirs = {name.ours: name.theirs for name in family.names}

    def has(*ours: str) -> bool:
        return any(
            theirs.get(f"{path}/{leaf}") in names.original
            for path in ours
            for leaf in ("kernel", "bias")
        )

    pairs = has("cls/seq_relationship")
    masked = theirs["cls/predictions/bias"] in names.original or has("cls/predictions/transform")
    classifies = has("classifier") or any("classifier.out_proj" in name for name in names.original)
    if task is None:
        if masked:
            task = "pretraining"
        elif has("qa_outputs"):
            task = "question_answering"
        elif classifies:
            kinds = ("sequence_classification", "token_classification", "multiple_choice")
            if said.task not in kinds:
                raise UserError(
                    "it has a classifier, and its config does not say of what (architectures); "
                    f"give --head with one of {', '.join(kinds)}"
                )
            task = said.task
        else:
            task = "encoder"
    elif task not in TASKS:
        raise UserError(f"there is no head {task!r}; there are {', '.join(TASKS)}")
    pair_task = "none"
    if task == "pretraining" and pairs:
        # Files of a class for masked LMs often have this head, too.
        named = said.config.pair_task
        pair_task = "next_sentence" if named == "none" else named
    classifies_or_chooses = task.endswith("classification") or task == "multiple_choice"
    labels = said.labels if task.endswith("classification") else ()
    return dataclasses.replace(said.config, pair_task=pair_task), HeadConfig(
        task=task,
        labels=labels,
        problem_type=(
            said.problem_type
            if task == "sequence_classification"
            else "single_label_classification"
        ),
        has_pooler=has("bert/pooler") if task == "encoder" else True,
        classifier_dropout=said.classifier_dropout if classifies_or_chooses else None,
    )


def _check_layers(names: Names, config: BertConfig, family: Family) -> None:
    """Raise `UserError` before a list is made of layers that are not there."""
    if len(names.original) < config.num_hidden_layers:
        raise UserError(
            f"its config says {amount(config.num_hidden_layers, 'layer')} (num_hidden_layers), and "
            f"the file has {amount(len(names.original), 'weight')} in all"
        )


def _leave_pooler(names: Names, placed: Mapping[str, Any], family: Family) -> None:
    poolers = {n.theirs for n in family.names if n.ours.startswith("bert/pooler/")}
    for name in sorted(poolers & names.original.keys() - placed.keys()):
        names.left.setdefault(_POOLER_LEFT, []).append(names.original.pop(name))


def _check(difference: Difference, head: HeadConfig) -> None:
    if not difference:
        return
    remedies = []
    if difference.unexpected:
        remedies.append("--drop NAME leaves what is unexpected")
    if difference.missing:
        remedies.append("--new NAME lets what is missing start at random")
    said = "; ".join([*difference.lines(), *remedies])
    raise UserError(f"its weights are not those of {TASKS[head.task]}: {said}")


def _fresh(config: BertConfig, head: HeadConfig) -> Any:
    init = models.make_init(config, head)
    # As one program: weight by weight it would take seconds to compile.
    return jax.tree.map(np.array, jax.jit(lambda key: unbox(init(key)))(jax.random.key(0)))
