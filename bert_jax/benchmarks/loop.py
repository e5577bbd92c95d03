"""The training loop against its own bare step: what data, metrics and the clock cost."""

import statistics
import time
from pathlib import Path
from typing import Any

import jax

from bert_jax import pretraining, sharding
from bert_jax.benchmarks.data import benchmark_store
from bert_jax.benchmarks.turns import ratio
from bert_jax.config import BertConfig, ComputeConfig, MeshConfig, OptimizerConfig, TrainConfig
from bert_jax.loop import Hooks, StopRequest, run_steps
from bert_jax.program import make_program
from data_pipeline.batches import PretrainingBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.prefetch import Prefetch

Row = dict[str, Any]


def run(
    data: str | Path | None = None, size: str = "tiny", rounds: int = 7, steps: int = 30
) -> list[Row]:
    """Rows for the bare step and the loop, in turn in one process; the ratio is loop / bare.

    Args:
      data: a token store; a made-up one where not given.
      size: of the released models.
      rounds: pairs that are timed, after one that warms up.
      steps: in each.
    """
    split, ids = benchmark_store(data)
    config = BertConfig.of_size(size, vocab_size=ids.vocab_size)
    train = TrainConfig(
        batch_size=32,
        num_steps=10**6,
        warmup_steps=10,
        log_every=10,
        eval_every=0,
        checkpoint_every=0,
    )
    program = make_program(
        pretraining.make_init(config),
        pretraining.make_sums(config, ComputeConfig(scan_layers=False)),
        pretraining.make_counts(config),
        train=train,
        optimizer=OptimizerConfig(preset="adamw"),
        mesh=sharding.make_mesh(MeshConfig()),
    )
    objective = PretrainingObjective()
    batches = PretrainingBatches(split, ids, objective, seed=0, batch_size=train.batch_size)
    fixed = program.put_batch(batches(0))
    state = program.create_state()
    hooks = Hooks(lambda *_: None, lambda *_: None, lambda *_: None, lambda: None)
    bare: list[float] = []
    loop: list[float] = []
    for number in range(rounds + 1):
        began = time.perf_counter()
        for _ in range(steps):
            state, metrics = program.train_step(state, fixed)
        jax.block_until_ready((state, metrics))
        bare.append(time.perf_counter() - began)

        first = number * steps
        stop_at = TrainConfig(**{**train.__dict__, "num_steps": first + steps})
        began = time.perf_counter()
        with Prefetch(lambda s: program.put_batch(batches(s)), first, first + steps) as source:
            state, _ = run_steps(
                state,
                train_step=program.train_step,
                batches=source,
                start=first,
                config=stop_at,
                tokens_per_step=lambda _: train.batch_size * objective.max_length,
                hooks=hooks,
                stop=StopRequest(),
            )
        jax.block_until_ready(state)
        loop.append(time.perf_counter() - began)
    tokens = steps * train.batch_size * objective.max_length
    shape = f"{size} {train.batch_size} x {objective.max_length}"
    return [
        _row(f"bare step {shape}", None, tokens / statistics.median(bare[1:]), None),
        _row(
            f"training loop {shape}",
            "bare step",
            tokens / statistics.median(loop[1:]),
            ratio(loop[1:], bare[1:]),
        ),
    ]


def _row(name: str, peer: str | None, value: float, share: float | None) -> Row:
    return {"name": name, "peer": peer, "value": value, "unit": "tokens/s", "ratio": share}
