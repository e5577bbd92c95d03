"""From the number of a step to its batch, by arithmetic and a handful of numpy calls.

Row i of a run is row i mod R of epoch i // R, where R is the fixed number of rows of an epoch; step
s holds the rows s * batch_size up to (s + 1) * batch_size, so a batch may run over the end of an
epoch. A process makes its own rows of it, a contiguous part. Nothing is kept from step to step but
plans: any batch of any step can be had at any time.

A row is one example of the epoch's plan or, packed, several of them (`packed_plan`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from data_pipeline.assembly import Ints, SequenceAssembler, Sequences, TokenSource, join, select
from data_pipeline.errors import DataError
from data_pipeline.features import Batch
from data_pipeline.objective import PretrainingObjective
from data_pipeline.packed_rows import PackedAssembler
from data_pipeline.plans.cache import PlanSource
from data_pipeline.plans.packed_cache import PackedSource
from data_pipeline.read_ahead import ReadAhead
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

# Slots, rows x length, of the batches that are made at once: their arrays stay in the processor's
# cache, and numpy's calls for them cost little by themselves.
_SLOTS_AT_ONCE = 32_768

# Finding so many rows more takes as long as finding the next ones by themselves.
_WIDEST_GAP = 2048

Assembler: TypeAlias = Callable[[Sequences, int, int], Batch]
"""(what the rows hold, how many rows, seed) -> batch."""


class PretrainingBatches:
    """The batches of a run: `batches(step)`, a pure function of the step.

    Args:
        split: documents to train on.
        ids: the special tokens of the tokeniser that made the split.
        objective: lengths and rates.
        seed: of the run; decides pairs, order and masks.
        batch_size: rows of the whole batch, over all processes.
        process_index: which part of each batch is made, 0 .. process_count - 1.
        process_count: must divide `batch_size`.
        cache_dir: where plans are kept; None keeps them in memory.

    Raises:
        DataError: the sizes do not fit, or the split has fewer than two documents.

    Attributes:
        rows_per_epoch: R, the same in every epoch.
        examples_per_epoch: the examples of an epoch's plan; as many as its rows, unless several
            are packed into a row.
    """

    def __init__(
        self,
        split: Split,
        ids: SpecialIds,
        objective: PretrainingObjective,
        *,
        seed: int,
        batch_size: int,
        process_index: int = 0,
        process_count: int = 1,
        cache_dir: Path | None = None,
    ) -> None:
        self._local = local_rows(batch_size, process_index, process_count)
        self._batch_size = batch_size
        self._seed = seed
        self._assemble = make_assembler(split, ids, objective)
        source = PackedSource if objective.is_packed else _PlainSource
        self._source: _RowSource = source(split, objective, seed, cache_dir)
        self.rows_per_epoch = self._source.rows_per_epoch
        self.examples_per_epoch = self._source.examples_per_epoch
        self._most_at_once = _SLOTS_AT_ONCE // (len(self._local) * objective.max_length)
        self._in_turn = ReadAhead(self._make, self._at_once, len(self._local))

    def __call__(self, step: int) -> Batch:
        """This process's rows of the batch of `step` (0, 1, ...)."""
        if step < 0:
            raise DataError(f"steps are numbered from 0; got {step}")
        return self._in_turn(step)

    def _make(self, step: int, count: int) -> Batch:
        """This process's rows of `count` steps from `step` on."""
        starts = np.arange(step, step + count) * self._batch_size
        rows = (starts[:, None] + np.array(self._local)).ravel()
        return self._assemble(self.sequences_at(rows), len(rows), self._seed)

    def _at_once(self, step: int) -> int:
        """How many steps from `step` on can be made before another plan is begun or needed."""
        row = step * self._batch_size % self.rows_per_epoch
        middle = (self.rows_per_epoch + 1) // 2
        end = middle if row < middle else self.rows_per_epoch
        return max(1, min((end - row) // self._batch_size, self._most_at_once))

    def begin(self, step: int) -> None:
        """Starts making the plan that the batch of `step` needs in a thread."""
        first = step * self._batch_size + self._local.start
        self._source.begin(first // self.rows_per_epoch)

    def release(self) -> None:
        """Lets go of what is kept in memory; any batch can still be had."""
        self._source.release()
        self._in_turn.release()

    def is_planned(self, step: int) -> bool:
        """Whether the plans that the batch of `step` needs lie on the disk already."""
        return self.are_planned(step * self._batch_size + self._local.start, len(self._local))

    def are_planned(self, first: int, count: int) -> bool:
        """The same of rows `first` to `first + count - 1` of the run."""
        last = first + count - 1
        epochs = range(first // self.rows_per_epoch, last // self.rows_per_epoch + 1)
        return all(map(self._source.is_kept, epochs))

    def sequences(self, step: int) -> Sequences:
        """What this process's rows of the batch of `step` hold."""
        first = step * self._batch_size + self._local.start
        return self.sequences_of(first, len(self._local))

    def sequences_at(self, rows: Ints) -> Sequences:
        """What these rows of the run hold; `rows` [N] ascends.

        Rows between them, those of other processes, are found with them and left out, unless they
        are very many: nothing is assembled of them.
        """
        jumps = np.flatnonzero(np.diff(rows) > _WIDEST_GAP) + 1
        return join([self._near(some) for some in np.split(rows, jumps)])

    def _near(self, rows: Ints) -> Sequences:
        first, span = int(rows[0]), int(rows[-1] - rows[0]) + 1
        found = self.sequences_of(first, span)
        return found if span == len(rows) else select(found, rows - first)

    def epochs(self, steps: int) -> list[float]:
        """How often the split has been gone through after so many steps, as a list of one."""
        return [steps * self._batch_size / self.rows_per_epoch]

    def sequences_of(self, first: int, count: int) -> Sequences:
        """What rows `first` to `first + count - 1` of the run hold, of one epoch or several."""
        parts = []
        end = first + count
        while first < end:
            epoch, row = divmod(first, self.rows_per_epoch)
            count = min(end - first, self.rows_per_epoch - row)
            parts.append(self._source.take(epoch, row, count))
            first += count
        # Past the middle of an epoch the next one's plan is made beside the training.
        epoch, row = divmod(end - 1, self.rows_per_epoch)
        if 2 * row >= self.rows_per_epoch:
            self._source.begin(epoch + 1)
        return join(parts)


def make_assembler(
    source: Split | TokenSource, ids: SpecialIds, objective: PretrainingObjective
) -> Assembler:
    """What makes a batch of this objective, packed or not."""
    if objective.is_packed:
        return PackedAssembler(source, ids, objective)
    return SequenceAssembler(source, ids, objective).unpacked


def local_rows(batch_size: int, process_index: int, process_count: int) -> range:
    """A process's rows of a batch; DataError where the sizes do not fit."""
    if process_count < 1 or not 0 <= process_index < process_count:
        raise DataError(f"process {process_index} of {process_count} does not exist")
    if batch_size < 1 or batch_size % process_count:
        raise DataError(
            f"batch_size must be a multiple of the number of processes, {process_count}; "
            f"got {batch_size}"
        )
    rows = batch_size // process_count
    return range(process_index * rows, (process_index + 1) * rows)


class _RowSource(Protocol):
    """The rows of a run by epoch, as `PackedSource`."""

    rows_per_epoch: int
    examples_per_epoch: int

    def take(self, epoch: int, first: int, count: int) -> Sequences: ...
    def begin(self, epoch: int) -> None: ...
    def is_kept(self, epoch: int) -> bool: ...
    def release(self) -> None: ...


class _PlainSource:
    """Rows of one example each."""

    def __init__(
        self, split: Split, objective: PretrainingObjective, seed: int, cache_dir: Path | None
    ) -> None:
        self._objective = objective
        self._plans = PlanSource(split, objective, seed, cache_dir)
        self.rows_per_epoch = self.examples_per_epoch = self._plans.examples_per_epoch

    def take(self, epoch: int, first: int, count: int) -> Sequences:
        examples = self._plans(epoch).examples[first : first + count]
        rows = np.arange(len(examples))
        # Pairs and masks that come again have the numbers of the first time.
        number = self._objective.epoch_of(epoch) * self.examples_per_epoch + first
        return Sequences(examples, rows + number, rows)

    def begin(self, epoch: int) -> None:
        self._plans.begin(epoch)

    def is_kept(self, epoch: int) -> bool:
        return self._plans.is_kept(epoch)

    def release(self) -> None:
        self._plans.release()
