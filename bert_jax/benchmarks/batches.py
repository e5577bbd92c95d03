"""How fast plans and batches are made on one core."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bert_jax.benchmarks.data import benchmark_store
from data_pipeline.batches import PretrainingBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.packed_plan import count_rows, make_packed_plan
from data_pipeline.plans.sentence_pairs import count_examples, make_plan
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

Row = dict[str, Any]
# (rows, objective) of what is measured: the paper's first phase in small and whole batches, and its
# second phase; the same with masks of whole words and of spans, and packed.
SHAPES = (
    (32, PretrainingObjective(max_length=128, max_predictions=20)),
    (256, PretrainingObjective(max_length=128, max_predictions=20)),
    (32, PretrainingObjective(max_length=512, max_predictions=77)),
    (32, PretrainingObjective(max_length=128, max_predictions=20, masking="whole_word")),
    (32, PretrainingObjective(max_length=512, max_predictions=77, masking="whole_word")),
    (32, PretrainingObjective(max_length=128, max_predictions=20, masking="span")),
    (32, PretrainingObjective(max_length=512, max_predictions=77, masking="span")),
    (32, PretrainingObjective(max_length=128, max_predictions=20, max_sequences=8)),
    (32, PretrainingObjective(max_length=512, max_predictions=80, max_sequences=8)),
)


def run(data: str | Path | None = None, seconds: float = 5.0) -> list[Row]:
    """Rows for every shape of `SHAPES`, on one core.

    Args:
      data: a token store; a made-up one where not given (`benchmark_store`).
      seconds: how long batches of each shape are made.
    """
    split, ids = benchmark_store(data)
    rows: dict[str, Row] = {}
    with one_core() as cores:
        for batch_size, objective in SHAPES:
            for row in benchmark_batches(split, ids, objective, batch_size, seconds):
                # A length's plans are the same for any number of rows: shown once.
                name = f"{row['name']}, {cores}"
                rows.setdefault(name, {**row, "name": name})
    return list(rows.values())


@contextmanager
def one_core() -> Iterator[str]:
    """Hold this process to one of its cores where the system can; yields what came of it."""
    if not hasattr(os, "sched_setaffinity"):
        yield "not held to one core"
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield "one core"
    finally:
        os.sched_setaffinity(0, before)


def benchmark_batches(
    split: Split,
    ids: SpecialIds,
    objective: PretrainingObjective,
    batch_size: int = 32,
    seconds: float = 5.0,
) -> list[Row]:
    """Rows with the keys `name peer value unit ratio`; there is no peer, so two are None.

    Times the count of an epoch's examples (of its rows, where they are packed), one plan, and then
    batches for `seconds`, from the start of the epoch on. "Slots" are the B * L places of a batch,
    padding included; "tokens" are those with an attention mask of 1. Pairs, specials and masks are
    included; the plan's time is its own row, and is spread over the epoch in a further one.
    """
    began = time.perf_counter()
    if objective.is_packed:
        size = count_rows(split, objective)
    else:
        count = count_examples(split, objective)
    count_seconds = time.perf_counter() - began
    began = time.perf_counter()
    if objective.is_packed:
        make_packed_plan(split, objective, 0, 0, size)
    else:
        make_plan(split, objective, 0, 0, num_examples=count)
    plan_seconds = time.perf_counter() - began

    batches = PretrainingBatches(split, ids, objective, seed=0, batch_size=batch_size)
    # Within the first half of an epoch no other plan is made beside the measurement.
    steps = max(1, batches.rows_per_epoch // 2 // batch_size)
    batches(0)
    made = tokens = 0
    spent = 0.0
    while spent < seconds:
        began = time.perf_counter()
        batch = batches(made % steps)
        spent += time.perf_counter() - began
        made += 1
        tokens += int(batch["attention_mask"].sum())
    slots = made * batch_size * objective.max_length
    with_plan = spent + plan_seconds * made * batch_size / batches.rows_per_epoch
    packed, counted = ("packed ", "rows") if objective.is_packed else ("", "examples")
    shape = f"{packed}batches {batch_size} x {objective.max_length}"
    if objective.masking != "piece":
        shape += f", {objective.masking}"
    plan = f"{packed}plan of an epoch at {objective.max_length}"
    return [
        _row(
            f"count of {counted} at {objective.max_length}",
            split.num_sentences / count_seconds,
            "sentences/s",
        ),
        _row(plan, plan_seconds, "s"),
        _row(f"{plan}, rate", split.num_sentences / plan_seconds, "sentences/s"),
        _row(shape, slots / spent, "slots/s"),
        _row(f"{shape}, real tokens", tokens / spent, "tokens/s"),
        _row(f"{shape}, plan included", tokens / with_plan, "tokens/s"),
        _row(f"{shape}, slots filled", tokens / slots, "share"),
    ]


def _row(name: str, value: float, unit: str) -> Row:
    return {"name": name, "peer": None, "value": value, "unit": unit, "ratio": None}
