"""A model as a folder: in Hugging Face's layout, or as a run's that has not been trained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import ml_dtypes
import numpy as np

from bert_jax.checkpoint import Checkpoints
from bert_jax.config import BertConfig
from bert_jax.config_file import config_json
from bert_jax.convert.hf_classes import family_of, model_type_of
from bert_jax.convert.hf_config import FILE, to_hugging_face
from bert_jax.convert.known_facts import KEPT, kept_json
from bert_jax.convert.layout import Array, places, to_theirs
from bert_jax.convert.model import Model
from bert_jax.convert.model_card import CARD, Facts, model_card
from bert_jax.convert.new_folder import new_folder
from bert_jax.convert.open_model import CHECKPOINTS, TOKENIZER
from bert_jax.convert.safetensors_writer import write_safetensors
from bert_jax.convert.sentence_encoder import limited
from bert_jax.convert.sentence_writer import write_modules
from bert_jax.convert.stablehlo import Compared, write_stablehlo
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.sentence_config import SentenceConfig
from bert_jax.train_step import TrainState

DTYPES = {
    "float32": np.dtype(np.float32),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float16": np.dtype(np.float16),
}


class Written(NamedTuple):
    """What was written.

    Attributes:
      path: the folder.
      files: name -> bytes of each file in it; a checkpoint is one, with a `/` at its end.
    """

    path: Path
    files: dict[str, int]


def write_hugging_face(
    model: Model,
    params: Any,
    dest: Path,
    dtype: str = "float32",
    *,
    weights_only: bool = False,
    facts: Facts | None = None,
    check: Callable[[Path], object] = lambda folder: None,
) -> Written:
    """Write a folder that transformers opens, and sentence-transformers where it makes vectors.

    Args:
      model: what `params` are of.
      params: a tree of weights (`Weights.read`).
      dest: a folder that is not there, or is empty.
      dtype: of the weights, one of `DTYPES`.
      weights_only: no tokeniser and no model card.
      facts: for the model card; only what is known.
      check: is called with the folder before it has its name; if it raises, nothing is left.

    Raises:
      UserError: `dest` is taken, no class of transformers is such a model, or a weight does not
        fit the type.
    """
    config, head = model.config, model.head
    values = to_hugging_face(config, head, dtype)
    if model.tokenizer is not None and values["model_type"] != "roberta":
        values["pad_token_id"] = model.tokenizer.pad_id
    tensors = cast(hugging_face_tensors(config, head, params), dtype)
    with new_folder(dest) as folder:
        if model.tokenizer is not None and not weights_only:
            # That of a run may say the usual length, whatever the model's.
            longest = min(model.tokenizer.model_max_length, config.max_length)
            model.tokenizer.with_max_length(longest).save(folder)
        (folder / FILE).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        write_safetensors(folder, tensors)
        if head.pooling != "none":
            write_modules(folder, config, head, _sentences(model))
        if not weights_only:
            card = model_card(dest.absolute().name, config, head, facts or Facts())
            (folder / CARD).write_text(card, encoding="utf-8")
        check(folder)
        files = _sizes(folder)
    return Written(dest, files)


def write_run(
    model: Model,
    params: Any,
    dest: Path,
    *,
    weights_only: bool = False,
    facts: Facts | None = None,
    check: Callable[[Path], object] = lambda folder: None,
) -> Written:
    """Write a folder like a run's, with the weights as its checkpoint of step 0.

    Args:
      model: what `params` are of.
      params: a tree of weights (`Weights.read`).
      dest: a folder that is not there, or is empty.
      weights_only: no tokeniser, and nothing for a model card.
      facts: what is known, which the card of what this run is converted to has again.
      check: as of `write_hugging_face`.

    Raises:
      UserError: `dest` is taken.
    """
    config, head = model.config, model.head
    with new_folder(dest) as folder:
        sentences = _sentences(model) if head.pooling != "none" else None
        (folder / FILE).write_text(config_json(config, head, sentences), encoding="utf-8")
        (folder / TOKENIZER).mkdir()
        if model.tokenizer is not None and not weights_only:
            model.tokenizer.save(folder / TOKENIZER)
        kept = None if facts is None or weights_only else kept_json(facts)
        if kept is not None:
            (folder / KEPT).write_text(kept, encoding="utf-8")
        state = TrainState(jax.numpy.zeros((), jax.numpy.int32), jax.device_put(params), ())
        with Checkpoints(folder / CHECKPOINTS) as checkpoints:
            checkpoints.save(0, state)
        check(folder)
        files = _sizes(folder)
    return Written(dest, files)


def write_program(
    model: Model, params: Any, dest: Path, *, weights_only: bool = False
) -> tuple[Written, Compared]:
    """Write a model as a StableHLO program (`bert_jax.convert.stablehlo`), and its tokeniser.

    Args:
      model: what `params` are of.
      params: a tree of weights (`Weights.read`).
      dest: a folder that is not there, or is empty.
      weights_only: no tokeniser.

    Raises:
      UserError: `dest` is taken, or the program does not compute what the model does.
    """
    with new_folder(dest) as folder:
        if model.tokenizer is not None and not weights_only:
            model.tokenizer.save(folder)
        sentences = _sentences(model) if model.head.pooling != "none" else None
        compared = write_stablehlo(model.config, model.head, params, folder, sentences)
        files = _sizes(folder)
    return Written(dest, files), compared


def hugging_face_tensors(config: BertConfig, head: HeadConfig, params: Any) -> dict[str, Array]:
    """The tensors of a file of Hugging Face's, by the names that transformers saves them under.

    What is tied is there once, and an encoder without a head has no prefix.
    """
    family = family_of(model_type_of(config), head.task)
    tensors = to_theirs(places(config, head, family), params)
    if head.task == "encoder":
        return {name.removeprefix(family.prefix): array for name, array in tensors.items()}
    return tensors


def cast(tensors: dict[str, Array], dtype: str) -> dict[str, Array]:
    """The tensors in another type.

    Raises:
      UserError: there is no such type, or it cannot hold a weight.
    """
    if dtype not in DTYPES:
        raise UserError(f"the type is {dtype!r}; it must be one of {', '.join(DTYPES)}")
    if dtype == "float32":
        return tensors
    with np.errstate(over="ignore"):
        found = {name: array.astype(DTYPES[dtype]) for name, array in tensors.items()}
    for name, array in found.items():
        if not np.isfinite(array).all() and np.isfinite(tensors[name]).all():
            largest = float(np.abs(tensors[name]).max())
            raise UserError(
                f"{name} has weights up to {largest:.3g}, which {dtype} cannot hold; take bfloat16 "
                "or float32"
            )
    return found


def _sentences(model: Model) -> SentenceConfig:
    """How its texts are read, with a length; one that is new has no length of its own."""
    if model.sentences is not None:
        return limited(model.sentences, model.config.max_length)
    of_tokenizer = [] if model.tokenizer is None else [model.tokenizer.model_max_length]
    return limited(SentenceConfig(), model.config.max_length, *of_tokenizer)


def _sizes(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            parts = path.relative_to(folder).parts
            name = "/".join(parts[:2]) + "/" if parts[0] == CHECKPOINTS else "/".join(parts)
            found[name] = found.get(name, 0) + path.stat().st_size
    return found
