"""Whether what a conversion wrote is what it read: every weight, and what the model computes."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bert_jax import models
from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.convert.hf_classes import DROPPING_OUT, class_of, model_type_of
from bert_jax.convert.layout import flatten, meant_shapes
from bert_jax.convert.model import Model
from bert_jax.convert.open_model import open_model
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.sentence_encoder import encoder_folder
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

# Of float32 through a deep encoder, relative to the largest output.
TOLERANCE = 1e-4
# Largest relative error of rounding to the nearest: half of the last bit kept.
_ROUNDING = {"float32": 0.0, "bfloat16": 2.0**-8, "float16": 2.0**-11}
# Half of float16's smallest number: what is nearer to 0 may become 0.
_SMALLEST = {"float16": 2.0**-25}
_ROWS, _LENGTH, _CHOICES = 2, 16, 2


class WeightsCheck(NamedTuple):
    """How what was written differs from what was read.

    Attributes:
      params: as they were read again.
      compared: how many numbers were compared.
      largest: the largest difference, relative to the largest weight of its array; 0 where all
        are equal to the bit.
      rounded_from: the type that the source has its weights in, where reading rounded them.
    """

    params: Any
    compared: int
    largest: float
    rounded_from: str | None = None


class OutputsCheck(NamedTuple):
    """How our outputs differ from those of transformers on the same tokens.

    Attributes:
      version: of transformers.
      largest: the largest difference, relative to the largest output.
    """

    version: str
    largest: float


def check_weights(model: Model, params: Any, folder: Path, dtype: str = "float32") -> WeightsCheck:
    """Read a folder that was just written, and compare its weights with those it was made of.

    Args:
      model: what `params` are of.
      params: the weights.
      folder: what was written.
      dtype: that they were written in.

    Raises:
      UserError: it is another model, or a weight differs by more than rounding.
    """
    again = open_model(folder, cased=None if model.tokenizer is None else model.tokenizer.cased)
    wanted, found = _meant(model.config, model.head), _meant(again.config, again.head)
    differing = [
        f"{name} was {wanted[name]!r} and is read again as {found[name]!r}"
        for name in wanted
        if wanted[name] != found[name]
    ]
    if model.sentences is not None and again.sentences != model.sentences:
        differing.append("how it reads a text is not what it was")
    if differing:
        raise UserError(f"what was written is another model: {'; '.join(differing)}")
    read = again.weights.read()
    before, after = flatten(params), flatten(read)
    largest, count = 0.0, 0
    for path, shape in meant_shapes(model.config, model.head).items():
        one, other = (np.asarray(tree[path])[: shape[0]] for tree in (before, after))
        count += one.size
        if np.array_equal(one, other, equal_nan=True):
            continue
        difference = np.abs(one - other)
        bound = _ROUNDING[dtype] * np.abs(one) + _SMALLEST.get(dtype, 0.0)
        if not (difference <= bound).all():
            raise UserError(
                f"{path} is not what was read: it differs by up to {np.nanmax(difference):.3g}"
            )
        largest = max(largest, float(difference.max() / np.abs(one).max()))
    return WeightsCheck(read, count, largest, rounded_from(model))


def rounded_from(model: Model) -> str | None:
    """The type of a source's weights where float32 cannot hold them, which they are read as."""
    if model.kind == "run":
        return None
    file = open_tensors(encoder_folder(model.path) if model.kind == "hugging_face" else model.path)
    float64 = any(info.dtype == np.float64 for info in file.tensors().values())
    return "float64" if float64 else None


def _meant(config: BertConfig, head: HeadConfig) -> dict[str, Any]:
    """The fields that a model has a use for; the others need not survive another's layout."""
    found = dataclasses.asdict(config) | dataclasses.asdict(head)
    if head.task != "pretraining":
        found["pair_task"] = "none"
    if head.task != "encoder":
        del found["has_pooler"]
    if head.task != "sequence_classification":
        del found["problem_type"]
    if head.task not in DROPPING_OUT[model_type_of(config)]:
        del found["classifier_dropout"]
    elif head.classifier_dropout is None:
        found["classifier_dropout"] = config.hidden_dropout_prob
    if not (head.needs_pooler or found["pair_task"] != "none"):
        del found["pooler_act"]
    return found


def transformers_is_there() -> bool:
    """Whether PyTorch and transformers are installed; neither is imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))


def check_outputs(config: BertConfig, head: HeadConfig, params: Any, folder: Path) -> OutputsCheck:
    """Run ours and transformers on the same tokens.

    Args:
      config: of our model.
      head: on it.
      params: its weights.
      folder: the same model, in Hugging Face's layout.

    Raises:
      UserError: transformers does not open it, finds other weights, or computes something else.
    """
    batch = random_batch(config, head)
    # Only this class asks for a pooler that a model may lack.
    arguments = ["no-pooler"] if head.task == "encoder" and not head.has_pooler else []
    if model_type_of(config) == "distilbert":
        arguments = []
    theirs, version = _run_transformers(class_of(config, head), folder, batch, arguments)
    largest = 0.0
    for name, ours in our_outputs(config, head, params, batch).items():
        real = batch["attention_mask"].astype(bool)
        one, other = (
            (x[real] if x.shape[: real.ndim] == real.shape else x) for x in (ours, theirs[name])
        )
        if one.shape != other.shape or not np.isfinite(one).all():
            raise UserError(f"{name} is {list(one.shape)} here and {list(other.shape)} there")
        largest = max(largest, float(np.abs(one - other).max() / np.abs(other).max()))
    if not largest <= TOLERANCE:
        raise UserError(
            f"the model computes something else than transformers {version}: its outputs differ "
            f"by {largest:.2g} of the largest, and {TOLERANCE:g} is the limit"
        )
    return OutputsCheck(version, largest)


def our_outputs(
    config: BertConfig, head: HeadConfig, params: Any, batch: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What a model computes in float32, by the names that transformers has for it.

    Args:
      config: of its encoder.
      head: on it.
      params: its weights.
      batch: `input_ids`, `token_type_ids` and `attention_mask`, [B, L], or [B, C, L] of choices.
    """
    model = models.make_model(config, head, ComputeConfig(matmul_precision="highest"))
    ids, types, mask = (batch[name] for name in ("input_ids", "token_type_ids", "attention_mask"))
    more: tuple[np.ndarray, ...] = ()
    if head.task == "pretraining":
        more = (np.broadcast_to(np.arange(ids.shape[1], dtype=np.int32), ids.shape),)
    output: Any = model.apply({"params": params}, ids, types, mask, *more)
    if head.task == "pretraining":
        logits = np.asarray(output.predictions.logits())[..., : config.vocab_size]
        if config.pair_task == "none":
            return {"logits": logits}
        pairs = np.asarray(output.next_sentence_logits)
        return {"prediction_logits": logits, "seq_relationship_logits": pairs}
    if head.task == "encoder":
        found = {"last_hidden_state": output.encoder.sequence}
        if output.encoder.pooled is not None:
            found["pooler_output"] = output.encoder.pooled
    elif head.task == "question_answering":
        found = {"start_logits": output.logits[..., 0], "end_logits": output.logits[..., 1]}
    else:
        found = {"logits": output.logits}
    return {name: np.asarray(array) for name, array in found.items()}


def random_batch(config: BertConfig, head: HeadConfig) -> dict[str, np.ndarray]:
    """Tokens of all of the vocabulary, a row with padding, both token types."""
    length = min(_LENGTH, config.max_length)
    shape: tuple[int, ...] = (_ROWS, length)
    if head.task == "multiple_choice":
        shape = (_ROWS, _CHOICES, length)
    # RoBERTa tells by this id where padding is, and counts positions by it.
    padding = max(0, config.position_offset - 1)
    ids = np.random.default_rng(0).integers(0, config.vocab_size, shape)
    ids = np.where(ids == padding, (padding + 1) % config.vocab_size, ids)
    mask = np.ones(shape, np.int32)
    mask[-1, ..., length // 2 :] = length == 1
    types = np.broadcast_to(np.arange(length) > length // 4, shape) * (config.type_vocab_size > 1)
    return {
        "input_ids": np.where(mask, ids, padding).astype(np.int32),
        "token_type_ids": np.where(mask, types, 0).astype(np.int32),
        "attention_mask": mask,
    }


def _run_transformers(
    name: str, folder: Path, batch: dict[str, np.ndarray], arguments: list[str]
) -> tuple[dict[str, np.ndarray], str]:
    """Its outputs and its version, of an interpreter of its own: PyTorch takes memory to itself."""
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch, "batch.npz"), Path(scratch, "outputs.npz")
        arrays: dict[str, Any] = dict(batch)
        np.savez(given, **arrays)
        command = [sys.executable, "-m", "bert_jax.convert.transformers_check"]
        done = subprocess.run(
            [*command, name, str(folder.absolute()), str(given), str(made), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise UserError(f"transformers cannot open it: {printable(last, 300)}")
        said = json.loads(done.stdout.splitlines()[-1])
        if said["missing"]:
            raise UserError(
                f"transformers {said['version']} misses {printable(', '.join(said['missing']))}"
            )
        with np.load(made) as found:
            return dict(found), said["version"]
