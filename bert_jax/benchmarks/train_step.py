"""One training step, ours and PyTorch's in turn.

Everything is alike: sizes, batch, dropout, AdamW, clipping, float32, number of threads. There are
two peers. One is Hugging Face's `BertForPreTraining` as it is: every position is projected to the
vocabulary, and memory comes as a Python program gets it that has asked for nothing. The other is
the fair one: the same model with the masked positions gathered first, as ours and the original do,
and with the same huge pages as ours (`bert_jax.huge_pages`), which help it as much.
"""

import importlib.util
import os
import statistics
from typing import Any

import numpy as np

from bert_jax.benchmarks.turns import Maker, Step, contestants, in_turns, ratio
from bert_jax.errors import UserError
from bert_jax.huge_pages import environment_without
from data_pipeline.workers import available_cores

Row = dict[str, Any]
SIZES = ("tiny", "mini")
ROWS, LENGTH, PREDICTIONS, VOCAB_SIZE = 32, 128, 20, 30522


def random_batch(seed: int = 0) -> dict[str, np.ndarray]:
    """A full batch of random tokens: 32 x 128 with 20 masked positions."""
    rng = np.random.default_rng(seed)
    positions = rng.permuted(np.tile(np.arange(1, LENGTH), (ROWS, 1)), axis=1)[:, :PREDICTIONS]
    types = np.tile(np.arange(LENGTH) >= LENGTH // 2, (ROWS, 1))
    return {
        "input_ids": rng.integers(5, VOCAB_SIZE, (ROWS, LENGTH)).astype(np.int32),
        "token_type_ids": types.astype(np.int32),
        "attention_mask": np.ones((ROWS, LENGTH), np.int32),
        "masked_lm_positions": np.sort(positions).astype(np.int32),
        "masked_lm_ids": rng.integers(5, VOCAB_SIZE, (ROWS, PREDICTIONS)).astype(np.int32),
        "masked_lm_weights": np.ones((ROWS, PREDICTIONS), np.float32),
        "next_sentence_labels": rng.integers(0, 2, ROWS).astype(np.int32),
        "next_sentence_weights": np.ones(ROWS, np.float32),
    }


def our_step(size: str) -> Step:
    """One step of ours on one CPU, as the peers', waited for."""
    import jax

    from bert_jax import devices, pretraining, sharding
    from bert_jax.config import BertConfig, ComputeConfig, MeshConfig, OptimizerConfig, TrainConfig
    from bert_jax.program import make_program

    config = BertConfig.of_size(size, vocab_size=VOCAB_SIZE)
    program = make_program(
        pretraining.make_init(config),
        # As the shipped experiments of these sizes compute.
        pretraining.make_sums(config, ComputeConfig(scan_layers=False)),
        pretraining.make_counts(config),
        train=TrainConfig(batch_size=ROWS, num_steps=1000, warmup_steps=10),
        optimizer=OptimizerConfig(preset="adamw"),
        mesh=sharding.make_mesh(MeshConfig(), devices.initialize("cpu")[:1]),
    )
    batch = program.put_batch(random_batch())
    state = [program.create_state()]

    def step() -> None:
        state[0], metrics = program.train_step(state[0], batch)
        jax.block_until_ready((state[0], metrics))

    return step


def run(rounds: int = 7, steps: int = 5) -> list[Row]:
    """Rows `name peer value unit ratio`: tokens/s of ours, then of each peer with the ratio.

    Raises:
      UserError: PyTorch or transformers is not installed.
    """
    missing = [n for n in ("torch", "transformers") if importlib.util.find_spec(n) is None]
    if missing:
        raise UserError(
            f"the benchmark compares with PyTorch, and there is no {' and no '.join(missing)} "
            "here; install bert-jax[peers], or use the environment that `make test-peers` makes"
        )
    from bert_jax.benchmarks.peer_steps import peer_step

    rows: list[Row] = []
    makers: list[Maker]
    threads = available_cores()
    for size in SIZES:
        makers = [
            (our_step, (size,)),
            (peer_step, (size, True, threads)),
            (peer_step, (size, False, threads), environment_without(os.environ)),
        ]
        with contestants(*makers) as entrants:
            ours, gathered, plain = in_turns(entrants, rounds, steps)
        name = f"train-step {size} {ROWS} x {LENGTH}, float32, {threads} threads"
        rows.append(_row(name, None, ours, None))
        rows.append(_row(name, "transformers, masked positions gathered", gathered, ours))
        rows.append(_row(name, "transformers as it is", plain, ours))
    return rows


def _row(name: str, peer: str | None, seconds: list[float], ours: list[float] | None) -> Row:
    return {
        "name": name,
        "peer": peer,
        "value": ROWS * LENGTH / statistics.median(seconds),
        "unit": "tokens/s",
        "ratio": None if ours is None else ratio(ours, seconds),
    }
