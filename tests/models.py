"""A small model, a small batch, and a program for both, shared by tests of the core."""

import functools
from typing import Any

import jax
import numpy as np

from bert_jax import pretraining, sharding
from bert_jax.config import BertConfig, ComputeConfig, MeshConfig, OptimizerConfig, TrainConfig
from bert_jax.program import Program, make_program


def small_config(**fields: Any) -> BertConfig:
    """Two layers, 16 wide, a vocabulary that is no multiple of 128."""
    shape = {
        "vocab_size": 130,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 32,
        "max_position_embeddings": 32,
    }
    return BertConfig(**(shape | fields))


def random_batch(
    rows: int = 8, length: int = 24, predictions: int = 4, vocab_size: int = 130, seed: int = 0
) -> dict[str, np.ndarray]:
    """A batch with padding, both token types, and unused prediction slots."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(length // 2, length + 1, (rows, 1))
    lengths[0] = length
    columns = np.arange(length)[None]
    real = columns < lengths
    weights = (np.arange(predictions)[None] < rng.integers(1, predictions + 1, (rows, 1))) * 1.0
    used = weights > 0
    places = 1 + rng.permuted(np.tile(np.arange(length // 2 - 1), (rows, 1)), axis=1)
    places = places[:, :predictions]
    return {
        "input_ids": (rng.integers(5, vocab_size, (rows, length)) * real).astype(np.int32),
        "token_type_ids": ((columns > lengths // 2) & real).astype(np.int32),
        "attention_mask": real.astype(np.int32),
        "masked_lm_positions": (places * used).astype(np.int32),
        "masked_lm_ids": (rng.integers(5, vocab_size, used.shape) * used).astype(np.int32),
        "masked_lm_weights": weights.astype(np.float32),
        "next_sentence_labels": rng.integers(0, 2, rows).astype(np.int32),
        "next_sentence_weights": np.ones(rows, np.float32),
    }


def packed(batch: dict[str, np.ndarray], sequences: list[int]) -> dict[str, np.ndarray]:
    """The same sequences in fewer rows: the first `sequences[0]` in row 0, and so on.

    Slots for predictions and for sequences that a row does not need come last, with weight 0.
    """
    rows, most = len(sequences), max(sequences)
    length, predictions = (most * batch[n].shape[1] for n in ("input_ids", "masked_lm_ids"))
    found = {
        name: np.zeros((rows, size), batch[name].dtype)
        for names, size in (
            (("input_ids", "token_type_ids", "attention_mask"), length),
            (("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"), predictions),
            (("next_sentence_labels", "next_sentence_weights"), most),
        )
        for name in names
    }
    for name, size in (("segment_ids", length), ("position_ids", length), ("cls_positions", most)):
        found[name] = np.zeros((rows, size), np.int32)
    sequence = 0
    for row, held in enumerate(sequences):
        start, used = 0, 0
        for place in range(held):
            size = int(batch["attention_mask"][sequence].sum())
            here = slice(start, start + size)
            for name in ("input_ids", "token_type_ids", "attention_mask"):
                found[name][row, here] = batch[name][sequence, :size]
            found["segment_ids"][row, here] = place + 1
            found["position_ids"][row, here] = np.arange(size)
            predicted = batch["masked_lm_weights"][sequence] > 0
            there = slice(used, used + predicted.sum())
            positions = batch["masked_lm_positions"][sequence, predicted]
            found["masked_lm_positions"][row, there] = start + positions
            for name in ("masked_lm_ids", "masked_lm_weights"):
                found[name][row, there] = batch[name][sequence, predicted]
            found["cls_positions"][row, place] = start
            for name in ("next_sentence_labels", "next_sentence_weights"):
                found[name][row, place] = batch[name][sequence]
            start, used, sequence = start + size, used + predicted.sum(), sequence + 1
    return found


def without_pairs(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a batch holds where there is nothing to tell of pairs."""
    of_pairs = ("next_sentence_labels", "next_sentence_weights", "cls_positions")
    return {name: array for name, array in batch.items() if name not in of_pairs}


@functools.cache
def small_program(
    mesh: tuple[int, int, int] = (1, 1, 1),
    *,
    config: BertConfig | None = None,
    compute: ComputeConfig | None = None,
    train: TrainConfig | None = None,
    preset: str = "adamw",
) -> Program:
    """A program on the first devices that the mesh needs; made, and so compiled, once."""
    config = config or small_config()
    train = train or TrainConfig(num_steps=100, batch_size=8, learning_rate=1e-2, warmup_steps=0)
    devices = jax.devices()[: int(np.prod(mesh))]
    return make_program(
        pretraining.make_init(config),
        pretraining.make_sums(config, compute or ComputeConfig()),
        pretraining.make_counts(config),
        train=train,
        optimizer=OptimizerConfig(preset=preset),
        mesh=sharding.make_mesh(
            MeshConfig(data=mesh[0], fsdp=mesh[1], tensor=mesh[2]), list(devices)
        ),
    )


def random_params(config: BertConfig, scale: float = 0.1, seed: int = 0) -> Any:
    """Weights of which none is 0 or 1, so that each of them matters to the output."""
    shapes = sharding.unbox(jax.eval_shape(pretraining.make_init(config), jax.random.key(0)))
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: (rng.normal(0, scale, leaf.shape)).astype(np.float32), shapes)
