"""A model as StableHLO: a program that runs without this project, on CPU, GPU and TPU.

`jax.export` writes it, with batch and length as symbols, so that one program serves every shape up
to the length that the model has positions for.
The weights are its first argument, and lie beside it in safetensors.
"""

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from bert_jax import models
from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.config_file import config_json
from bert_jax.convert.hf_config import read_json_object
from bert_jax.convert.layout import flatten, unflatten
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.safetensors_writer import write_safetensors
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.pooling import divided_by_length, pool
from bert_jax.sentence_config import SentenceConfig

PROGRAM = "model.stablehlo"
SIGNATURE = "signature.json"
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
# (batch, length) of the shapes at which what was written is compared.
_SHAPES = ((1, 7), (3, 16))

Weights = Mapping[str, Any]
Inputs = Mapping[str, Any]
Outputs = dict[str, jax.Array]


class Compared(NamedTuple):
    """What a program takes and gives, and how far its outputs are from the model's.

    Attributes:
      largest_difference: of any output, over the largest magnitude of that output.
      shapes: (batch, length) at which they were compared.
      signature: the content of `signature.json`.
    """

    largest_difference: float
    shapes: tuple[tuple[int, int], ...]
    signature: dict[str, Any]


def make_forward(
    config: BertConfig, head: HeadConfig, truncate_dim: int | None = None
) -> Callable[[Weights, Inputs], Outputs]:
    """(weights, inputs) -> what the model computes, by name.

    Weights are by their paths, as `model.safetensors` has them. Inputs are `input_ids`,
    `token_type_ids` and `attention_mask`, [B, L] int32; of choices, [B, C, L]. Outputs, float32:
    `last_hidden_state` [B, L, E] and, where there is a pooler, `pooler_output` [B, E] of an
    encoder; `logits` of a head; of a masked LM [B, L, V] at every position, and
    `seq_relationship_logits` [B, 2] where it has a head for pairs. An encoder that was trained to
    make vectors of sentences gives `sentence_embedding` [B, E] as well: pooled and, where the model
    does so, divided by its length, and then cut to `truncate_dim` numbers.
    """
    model = models.make_model(config, head, ComputeConfig())

    def forward(weights: Weights, inputs: Inputs) -> Outputs:
        params = unflatten(dict(weights))
        ids, types, mask = (
            inputs[name] for name in ("input_ids", "token_type_ids", "attention_mask")
        )
        if head.task == "pretraining":
            everywhere = jnp.broadcast_to(jnp.arange(ids.shape[1])[None], ids.shape)
            output: Any = model.apply({"params": params}, ids, types, mask, everywhere)
            outputs = {"logits": output.predictions.logits()[:, :, : config.vocab_size]}
            if output.next_sentence_logits is not None:
                outputs["seq_relationship_logits"] = output.next_sentence_logits
            return outputs
        output = model.apply({"params": params}, ids, types, mask)
        if output.logits is not None:
            return {"logits": output.logits}
        outputs = {"last_hidden_state": output.encoder.sequence}
        if output.encoder.pooled is not None:
            outputs["pooler_output"] = output.encoder.pooled
        if head.pooling != "none":
            vectors = pool(output.encoder.sequence, mask, head.pooling)
            if head.normalize:
                vectors = divided_by_length(vectors)
            outputs["sentence_embedding"] = vectors[:, :truncate_dim]
        return outputs

    return forward


def write_stablehlo(
    config: BertConfig,
    head: HeadConfig,
    params: Any,
    folder: Path,
    sentences: SentenceConfig | None = None,
) -> Compared:
    """Write the program, its weights and what it takes; read it again, and compare.

    Args:
      config: the shape of the encoder.
      head: on it.
      params: a tree of weights, on the host or on a device.
      folder: made if it is missing; holds `model.stablehlo`, `model.safetensors`, `signature.json`
        and `config.json` afterwards.
      sentences: what is done to a text before the program's part begins, for `config.json`, and
        how long a vector is.

    Raises:
      UserError: what was written does not compute what the model does, or flatbuffers is not
        installed.
    """
    if importlib.util.find_spec("flatbuffers") is None:
        raise UserError(
            "a program cannot be written: jax needs flatbuffers for it, which is not installed; "
            "pip install flatbuffers"
        )
    forward = make_forward(config, head, sentences.truncate_dim if sentences else None)
    weights = {path: np.asarray(leaf) for path, leaf in flatten(params).items()}
    exported = export.export(jax.jit(forward), platforms=PLATFORMS)(
        {path: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for path, leaf in weights.items()},
        _symbolic_inputs(config, head),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRAM).write_bytes(exported.serialize())
    write_safetensors(folder, weights)
    (folder / "config.json").write_text(config_json(config, head, sentences), encoding="utf-8")
    signature = _signature(exported, config.max_length)
    (folder / SIGNATURE).write_text(json.dumps(signature, indent=2) + "\n", encoding="utf-8")
    compared = Compared(*_compare(folder, forward, weights, config, head), signature)
    if not compared.largest_difference < 1e-5:
        raise UserError(
            f"the program written to {folder} computes something else than the model: outputs "
            f"differ by {compared.largest_difference:.1e} of their largest magnitude"
        )
    return compared


def read_stablehlo(folder: Path) -> tuple[Weights, Callable[[Weights, Inputs], Outputs]]:
    """Weights and program of a folder that `write_stablehlo` wrote.

    The program raises `UserError` for rows that are longer than its model's positions; of its own
    it says no more than that it cannot refine shapes.
    """
    file = open_tensors(folder)
    weights = {path: file.read(path) for path in file.tensors()}
    program = export.deserialize(bytearray((folder / PROGRAM).read_bytes()))
    longest = read_json_object(folder / SIGNATURE).get("max_length")

    def call(weights: Weights, inputs: Inputs) -> Outputs:
        length = inputs["input_ids"].shape[-1]
        if longest is not None and length > longest:
            raise UserError(f"rows have {length} tokens; the program takes at most {longest}")
        outputs: Outputs = program.call(weights, inputs)
        return outputs

    return weights, call


def _symbolic_inputs(config: BertConfig, head: HeadConfig) -> dict[str, jax.ShapeDtypeStruct]:
    names = "batch, choices, length" if head.task == "multiple_choice" else "batch, length"
    shape = export.symbolic_shape(
        names, constraints=["length >= 1", f"length <= {config.max_length}"]
    )
    array = jax.ShapeDtypeStruct(shape, jnp.int32)
    return dict.fromkeys(("input_ids", "token_type_ids", "attention_mask"), array)


def _signature(exported: export.Exported, longest: int) -> dict[str, Any]:
    """For a person and for programs: arguments after the weights, results, platforms."""

    def listed(tree: Any) -> dict[str, str]:
        return {path: str(leaf) for path, leaf in flatten(tree).items()}

    (_, inputs), _ = jax.tree.unflatten(exported.in_tree, exported.in_avals)
    outputs = jax.tree.unflatten(exported.out_tree, exported.out_avals)
    return {
        "arguments": ["weights: the tensors of model.safetensors by their names", "inputs"],
        "inputs": listed(inputs),
        "outputs": listed(outputs),
        "max_length": longest,
        "platforms": list(exported.platforms),
        "calling_convention_version": exported.calling_convention_version,
        "jax": jax.__version__,
    }


def _compare(
    folder: Path,
    forward: Callable[[Weights, Inputs], Outputs],
    weights: Weights,
    config: BertConfig,
    head: HeadConfig,
) -> tuple[float, tuple[tuple[int, int], ...]]:
    written, program = read_stablehlo(folder)
    rng, largest = np.random.default_rng(0), 0.0
    shapes = tuple((rows, min(length, config.max_length)) for rows, length in _SHAPES)
    for rows, length in shapes:
        shape = (rows, 2, length) if head.task == "multiple_choice" else (rows, length)
        mask = np.arange(length) < rng.integers(1, length + 1, (*shape[:-1], 1))
        drawn: dict[str, Any] = {
            "input_ids": rng.integers(0, config.vocab_size, shape) * mask,
            "token_type_ids": rng.integers(0, max(config.type_vocab_size, 1), shape),
            "attention_mask": mask,
        }
        inputs = {name: array.astype(np.int32) for name, array in drawn.items()}
        found, wanted = program(written, inputs), jax.jit(forward)(weights, inputs)
        for name, array in wanted.items():
            difference = np.abs(np.asarray(array) - np.asarray(found[name])).max()
            largest = max(largest, float(difference / np.abs(array).max()))
    return largest, shapes
