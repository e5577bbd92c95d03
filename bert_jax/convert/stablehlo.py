"""A model as StableHLO: a program that runs without this project, on CPU, GPU and TPU.

`jax.export` writes it, with batch and length as symbols, so that one program serves every shape.
The weights are its first argument, and lie beside it in safetensors.
"""

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
from bert_jax.convert.layout import flatten, unflatten
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.safetensors_writer import write_safetensors
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

PROGRAM = "model.stablehlo"
SIGNATURE = "signature.json"
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
# (batch, length) of the shapes at which what was written is compared.
_SHAPES = ((1, 7), (3, 16))

Inputs = Mapping[str, Any]
Outputs = dict[str, jax.Array]


class Compared(NamedTuple):
    """How far a program's outputs are from the model's.

    Attributes:
      largest_difference: of any output, over the largest magnitude of that output.
      shapes: (batch, length) at which they were compared.
    """

    largest_difference: float
    shapes: tuple[tuple[int, int], ...]


def make_forward(config: BertConfig, head: HeadConfig) -> Callable[[Any, Inputs], Outputs]:
    """(weights, inputs) -> what the model computes, by name.

    Inputs are `input_ids`, `token_type_ids` and `attention_mask`, [B, L] int32; of choices,
    [B, C, L]. Outputs, float32: `last_hidden_state` [B, L, E] and, where there is a pooler,
    `pooler_output` [B, E] of an encoder; `logits` of a head; of a masked LM [B, L, V] at every
    position, and `seq_relationship_logits` [B, 2] where it has a head for pairs.
    """
    model = models.make_model(config, head, ComputeConfig())

    def forward(params: Any, inputs: Inputs) -> Outputs:
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
        return outputs

    return forward


def write_stablehlo(config: BertConfig, head: HeadConfig, params: Any, folder: Path) -> Compared:
    """Write the program, its weights and what it takes; read it again, and compare.

    Args:
      config: the shape of the encoder.
      head: on it.
      params: a tree of weights, on the host or on a device.
      folder: made if it is missing; holds `model.stablehlo`, `model.safetensors`, `signature.json`
        and `config.json` afterwards.

    Raises:
      UserError: what was written does not compute what the model does.
    """
    forward = make_forward(config, head)
    params = unflatten({path: np.asarray(leaf) for path, leaf in flatten(params).items()})
    exported = export.export(jax.jit(forward), platforms=PLATFORMS)(
        jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), params),
        _symbolic_inputs(config, head),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROGRAM).write_bytes(exported.serialize())
    write_safetensors(folder, flatten(params))
    (folder / "config.json").write_text(config_json(config, head), encoding="utf-8")
    (folder / SIGNATURE).write_text(_signature(exported), encoding="utf-8")
    compared = _compare(folder, forward, params, config, head)
    if not compared.largest_difference < 1e-5:
        raise UserError(
            f"the program written to {folder} computes something else than the model: outputs "
            f"differ by {compared.largest_difference:.1e} of their largest magnitude"
        )
    return compared


def read_stablehlo(folder: Path) -> tuple[Any, Callable[[Any, Inputs], Outputs]]:
    """Weights and program of a folder that `write_stablehlo` wrote."""
    file = open_tensors(folder)
    params = unflatten({path: file.read(path) for path in file.tensors()})
    program = export.deserialize(bytearray((folder / PROGRAM).read_bytes()))
    return params, program.call


def _symbolic_inputs(config: BertConfig, head: HeadConfig) -> dict[str, jax.ShapeDtypeStruct]:
    names = "batch, choices, length" if head.task == "multiple_choice" else "batch, length"
    shape = export.symbolic_shape(
        names, constraints=["length >= 1", f"length <= {config.max_length}"]
    )
    array = jax.ShapeDtypeStruct(shape, jnp.int32)
    return dict.fromkeys(("input_ids", "token_type_ids", "attention_mask"), array)


def _signature(exported: export.Exported) -> str:
    """For a person and for programs: arguments after the weights, results, platforms."""

    def listed(tree: Any) -> dict[str, str]:
        return {path: str(leaf) for path, leaf in flatten(tree).items()}

    (_, inputs), _ = jax.tree.unflatten(exported.in_tree, exported.in_avals)
    outputs = jax.tree.unflatten(exported.out_tree, exported.out_avals)
    facts = {
        "arguments": ["weights: the tree of model.safetensors, `/` between its levels", "inputs"],
        "inputs": listed(inputs),
        "outputs": listed(outputs),
        "platforms": list(exported.platforms),
        "calling_convention_version": exported.calling_convention_version,
        "jax": jax.__version__,
    }
    return json.dumps(facts, indent=2) + "\n"


def _compare(
    folder: Path,
    forward: Callable[[Any, Inputs], Outputs],
    params: Any,
    config: BertConfig,
    head: HeadConfig,
) -> Compared:
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
        found, wanted = program(written, inputs), jax.jit(forward)(params, inputs)
        for name, array in wanted.items():
            difference = np.abs(np.asarray(array) - np.asarray(found[name])).max()
            largest = max(largest, float(difference / np.abs(array).max()))
    return Compared(largest, shapes)
