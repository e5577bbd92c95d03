"""The packed plan of an epoch: which sequences share which row, in the order of training.

The sequences of an epoch's plan are packed (`packing`), and the rows shuffled. How many rows that
gives differs a little from epoch to epoch. Every epoch has the same number all the same, that of a
reference (seed 0, epoch 0), so that a step's place in its epoch is arithmetic: of more rows the
last after shuffling are left out, and where there are fewer, the epoch's plan is made anew with
more examples. So a few sequences in a thousand may be left out of an epoch, and others come in from
a further visit to their documents; none is lost from the middle or comes twice in one visit.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.assembly import sequence_lengths
from data_pipeline.counter_random import Stream, permutation, stream_key
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.document_walk import EXAMPLE
from data_pipeline.plans.packing import find_patterns, give
from data_pipeline.plans.sentence_pairs import Examples, count_examples, make_plan
from data_pipeline.store.token_store import Split

PACKED = np.dtype([*EXAMPLE.descr, ("rank", "<u4"), ("row", "<u4")])
"""An example, its number in the epoch's plan, and its row."""

_REFERENCE_SEED = 0
# Records handled at once: the arrays of one piece stay in the processor's cache.
_PIECE = 1 << 16


@dataclass(frozen=True, eq=False)
class PackedPlan:
    """The sequences of one epoch, those of a row together: `records` is [N] of type PACKED."""

    records: npt.NDArray[np.void]

    def __len__(self) -> int:
        """The number of rows."""
        return int(self.records["row"][-1]) + 1

    def take(self, first: int, count: int) -> npt.NDArray[np.void]:
        """The records of up to `count` rows from row `first` on."""
        row = self.records["row"]
        # Not np.searchsorted, which would copy the whole field.
        return self.records[bisect_left(row, first) : bisect_left(row, first + count)]


@dataclass(frozen=True)
class EpochSize:
    """What every epoch of packed rows has: its rows; its plan has so many examples at least."""

    rows: int
    examples: int


def count_rows(split: Split, objective: PretrainingObjective) -> EpochSize:
    """The size of an epoch: the rows into which a reference plan (seed 0, epoch 0) is packed."""
    examples = count_examples(split, objective)
    plan = make_plan(split, objective, _REFERENCE_SEED, 0, examples)
    lengths = _lengths(plan.examples, objective)
    return EpochSize(find_patterns(_histogram(lengths), objective).num_rows, examples)


def make_packed_plan(
    split: Split,
    objective: PretrainingObjective,
    seed: int,
    epoch: int,
    size: EpochSize | None = None,
) -> PackedPlan:
    """The packed plan of an epoch: a pure function of its arguments.

    Args:
        split: the documents.
        objective: lengths and rates, and how much a row holds.
        seed: of the run.
        epoch: 0, 1, ...; with static epochs, the plan is that of `objective.epoch_of(epoch)`.
        size: `count_rows(split, objective)` where it is known, to save counting.

    Raises:
        DataError: the split has no text for such pairs.
    """
    size = size or count_rows(split, objective)
    epoch = objective.epoch_of(epoch)
    wanted = size.examples
    while True:
        examples = make_plan(split, objective, seed, epoch, wanted).examples
        lengths = _lengths(examples, objective)
        patterns = find_patterns(_histogram(lengths), objective)
        if patterns.num_rows >= size.rows:
            break
        # A little more than in proportion: packing again costs more than a row that is left out.
        wanted = wanted * size.rows // patterns.num_rows + wanted // 1000 + objective.max_sequences
    order = permutation(stream_key(seed, Stream.PACKED_ROWS, epoch), patterns.num_rows)
    ranks, starts = give(patterns, lengths, order[: size.rows])
    return PackedPlan(_records(examples, ranks, starts))


def pack_in_order(examples: Examples, objective: PretrainingObjective) -> PackedPlan:
    """Packs exactly these examples, into as many rows as it takes; the rows are not shuffled."""
    lengths = _lengths(examples, objective)
    patterns = find_patterns(_histogram(lengths), objective)
    return PackedPlan(_records(examples, *give(patterns, lengths, np.arange(patterns.num_rows))))


def _lengths(examples: Examples, objective: PretrainingObjective) -> npt.NDArray[np.uint16]:
    lengths = np.empty(len(examples), np.uint16)
    for lo in range(0, len(examples), _PIECE):
        lengths[lo : lo + _PIECE] = sequence_lengths(examples[lo : lo + _PIECE], objective)
    return lengths


def _histogram(lengths: npt.NDArray[np.uint16]) -> npt.NDArray[np.int64]:
    # In pieces: np.bincount makes a copy of 8 bytes each.
    counts = np.zeros(1 << 16, np.int64)
    for lo in range(0, len(lengths), _PIECE):
        counts += np.bincount(lengths[lo : lo + _PIECE], minlength=len(counts))
    return counts


def _records(
    examples: Examples, ranks: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.void]:
    records = np.empty(len(ranks), PACKED)
    # As plain bytes: numpy would copy a record field by field.
    size = EXAMPLE.itemsize
    parts = records.view([("example", f"V{size}"), ("rank", "<u4"), ("row", "<u4")])
    source = examples.view(f"V{size}")
    for lo in range(0, len(starts) - 1, _PIECE):
        hi = min(lo + _PIECE, len(starts) - 1)
        piece = slice(starts[lo], starts[hi])
        parts["example"][piece] = source.take(ranks[piece])
        parts["rank"][piece] = ranks[piece]
        parts["row"][piece] = np.repeat(np.arange(lo, hi), np.diff(starts[lo : hi + 1]))
    return records
