"""From a file of weights to a model: which head it has, and whether every weight is there."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bert_jax import models
from bert_jax.config import BertConfig
from bert_jax.convert.canonical import (
    Names,
    called,
    canonical_names,
    check_tied,
    describe_left,
    without_ties,
)
from bert_jax.convert.difference import Difference, compare, listed
from bert_jax.convert.finite import check_finite, count_not_finite
from bert_jax.convert.found_head import head_of, why_not_ours
from bert_jax.convert.hf_classes import family_of
from bert_jax.convert.hf_config import (
    FILE,
    HuggingFaceConfig,
    parse_config,
    read_config,
    read_json_object,
)
from bert_jax.convert.layout import Array, Place, places, to_ours
from bert_jax.convert.model import Weights
from bert_jax.convert.names import GOOGLE, Family
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.tensors import TensorFile
from bert_jax.errors import UserError
from bert_jax.head_config import TASKS, HeadConfig
from bert_jax.sharding import unbox
from data_pipeline.wording import amount

# A pooler that nothing reads: files of masked LMs often carry one, because the model that they
# began as had it. transformers leaves it as well.
_POOLER_LEFT = "of a pooler that this head does not read"
GOOGLE_CONFIG = "bert_config.json"
# Of PyTorch's DataParallel and compile, and of Lightning's modules.
_WRAPPERS = ("module.", "_orig_mod.", "model.")


class Found(NamedTuple):
    """A file's tensors beside the weights of a model.

    Attributes:
      config: the shape of its encoder.
      head: on it.
      names: of the tensors, sorted out.
      placed: the name of every weight -> where it belongs.
      difference: what is not as the model needs it.
      not_ours: why no head of ours is that of the file; None if one is.
      heads: fits the names of the heads of pretraining.
    """

    config: BertConfig
    head: HeadConfig
    names: Names
    placed: dict[str, Place]
    difference: Difference
    not_ours: str | None
    heads: str


def read_hugging_face(
    folder: Path,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    new: Sequence[str] = (),
    encoder_will_do: bool = False,
    of_sentences: bool = False,
) -> Weights:
    """The model in a folder of Hugging Face's layout.

    Args:
      folder: with `config.json` and safetensors.
      task: of the head (`bert_jax.head_config.TASKS`); found in the weights where not given.
      drop: patterns of names of weights that are not to be taken over, as the file has them, or
        as transformers has them where the file leaves out the prefix of its encoder.
      new: patterns of names of weights that are not there and shall start at random.
      encoder_will_do: whether a head that is none of ours is left, and is no error.
      of_sentences: whether the folder says how vectors are made of its encoder, so that its head
        is none that is wanted where `encoder_will_do`.

    Returns:
      The weights, found to be those of the model by their names and shapes, and not read yet.

    Raises:
      UserError: a file is missing or damaged, or the weights are not those of the model.
    """
    said = read_config(folder / FILE)
    of_sentences = of_sentences and encoder_will_do
    return _read(
        folder, open_tensors(folder), said, None, task, drop, new, encoder_will_do, of_sentences
    )


def read_google(
    path: Path,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    new: Sequence[str] = (),
    encoder_will_do: bool = False,
) -> Weights:
    """The same from a checkpoint of google-research/bert with its `bert_config.json`.

    Args:
      path: the folder, or the checkpoint's prefix.
      task: see `read_hugging_face`.
      drop: see there; names are those of the checkpoint.
      new: see there.
      encoder_will_do: see there.
    """
    said = read_google_config(path)
    return _read(path, open_tensors(path), said, GOOGLE, task, drop, new, encoder_will_do)


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
    file: TensorFile,
    said: HuggingFaceConfig,
    family: Family | None,
    task: str | None = None,
    *,
    encoder_will_do: bool = False,
    of_sentences: bool = False,
) -> Found:
    """A file's tensors beside the weights of the model that its config and its names tell of.

    Args:
      file: the tensors; none is read.
      said: by the config.
      family: of names; that of the config's model_type where not given.
      task: of the head (`bert_jax.head_config.TASKS`); found in the names where not given.
      encoder_will_do: whether it is the encoder alone where the head is none of ours.
      of_sentences: see `read_hugging_face`.

    Raises:
      UserError: it cannot be said which model that would be.
    """
    base = family or family_of(said.model_type, said.task or "encoder")
    tensors = file.tensors()
    names = canonical_names(tensors, base)
    config, head = head_of(names, base, said, task)
    not_ours = why_not_ours(names, base, said, config, head, task)
    if not_ours is None and of_sentences and task is None and head.task == "pretraining":
        not_ours = "vectors of sentences are made without it"
    if not_ours and encoder_will_do:
        config, head = head_of(names, base, said, "encoder")
    if family is None:
        family = family_of(said.model_type, head.task)
    if head.task != "pretraining":
        names = without_ties(names)
    _check_layers(names, config, family)
    placed = places(config, head, family)
    _leave_pooler(names, placed, family)
    found = {name: tensors[original] for name, original in names.original.items()}
    difference = compare(placed, found, called(names, placed, family))
    return Found(config, head, names, placed, difference, not_ours, base.heads)


def _read(
    path: Path,
    file: TensorFile,
    said: HuggingFaceConfig,
    family: Family | None,
    task: str | None,
    drop: Sequence[str],
    new: Sequence[str],
    encoder_will_do: bool,
    of_sentences: bool = False,
) -> Weights:
    try:
        config, head, names, placed, difference, not_ours, heads = find_weights(
            file,
            said,
            family,
            task,
            encoder_will_do=encoder_will_do,
            of_sentences=of_sentences,
        )
        if not_ours and not encoder_will_do:
            raise UserError(
                f"{not_ours}. Its encoder can be taken alone: bert-jax convert "
                f"{shlex.quote(str(path))} NEW_FOLDER --head encoder --drop '{heads}'"
            )
        if not_ours:
            drop = (*drop, heads)
        _check(difference.without(drop, new), head)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error

    def read() -> Any:
        not_finite: dict[str, int] = {}

        def read_one(name: str) -> Array:
            with np.errstate(over="ignore"):
                array = file.read(names.original[name]).astype(np.float32, copy=False)
            not_finite[names.original[name]] = count_not_finite(array)
            return array

        try:
            check_tied(names, file.read)
            params = to_ours(
                {name: place for name, place in placed.items() if name in names.original},
                read_one,
                start=_fresh(config, head) if difference.missing else None,
            )
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        check_finite(str(path), not_finite)
        return params

    notes = [*said.notes, *describe_left(names.left)]
    for names_of, what in (
        (difference.unexpected, f"left: {not_ours}" if not_ours else "dropped as asked for"),
        (difference.missing, "start at random as asked for"),
    ):
        if names_of:
            notes.append(f"{len(names_of)} {what}: {listed(difference.shown(names_of))}")
    return Weights(config, head, read, tuple(notes))


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
        remedies.append("leaves what is unexpected with --drop NAME")
    if difference.missing:
        remedies.append("lets what is missing start at random with --new NAME")
    said = "; ".join(difference.lines())
    if prefix := _wrapper_of(difference):
        said += (
            f"; what is unexpected begins with {prefix!r}, as training wrappers save weights: save "
            "the model without the wrapper"
        )
        remedies = []
    remedy = f"; bert-jax convert {' and '.join(remedies)}" if remedies else ""
    raise UserError(f"its weights are not those of {TASKS[head.task]}: {said}{remedy}")


def _wrapper_of(difference: Difference) -> str | None:
    """What stands before the name of every weight, where those that are missing are there so."""
    missing = {*difference.missing, *difference.shown(difference.missing)}
    for prefix in _WRAPPERS:
        fitting = [name for name in difference.unexpected if name.startswith(prefix)]
        if missing & {name.removeprefix(prefix) for name in fitting}:
            return prefix
    return None


def _fresh(config: BertConfig, head: HeadConfig) -> Any:
    init = models.make_init(config, head)
    # As one program: weight by weight it would take seconds to compile.
    return jax.tree.map(np.array, jax.jit(lambda key: unbox(init(key)))(jax.random.key(0)))
