"""Batches of held-out examples: the same examples with the same masks every time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from data_pipeline.assembly import Sequences
from data_pipeline.batches import Assembler, local_rows, make_assembler
from data_pipeline.errors import DataError
from data_pipeline.features import Batch
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.cache import PlanSource
from data_pipeline.plans.packed_plan import pack_in_order
from data_pipeline.plans.sentence_pairs import Examples
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

_SEED = 0
_OF_PREDICTIONS = ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights")


def evaluation_batches(
    split: Split,
    ids: SpecialIds,
    objective: PretrainingObjective,
    *,
    batch_size: int,
    max_examples: int | None = None,
    process_index: int = 0,
    process_count: int = 1,
    cache_dir: Path | None = None,
) -> EvaluationBatches:
    """The first `max_examples` (None: all) examples of the epoch 0 of seed 0, with fixed masks.

    Packed, they are the same examples with the same masks in fewer rows. The last batch is filled
    with rows whose weights are 0, so that all have one shape and every process has as many. The
    examples do not depend on the batch's size or the processes.
    """
    if max_examples is not None and max_examples < 1:
        raise DataError(f"max_examples must be at least 1; got {max_examples}")
    local = local_rows(batch_size, process_index, process_count)
    examples = PlanSource(split, objective, _SEED, cache_dir)(0).examples
    if max_examples is not None:
        examples = examples[:max_examples].copy()  # a part would keep all of it in memory
    rows = _FixedRows(examples, objective)
    return EvaluationBatches(make_assembler(split, ids, objective), rows, batch_size, local)


class BatchSequence(Sequence[Batch]):
    """Batches by number or slice, from the end too, as of a list; a subclass makes each."""

    @abstractmethod
    def _batch(self, number: int) -> Batch:
        """Batch `number`, 0 .. len - 1."""

    @overload
    def __getitem__(self, number: int) -> Batch: ...
    @overload
    def __getitem__(self, number: slice) -> list[Batch]: ...
    def __getitem__(self, number: int | slice) -> Batch | list[Batch]:
        """Batch `number`, or a list of them."""
        if isinstance(number, slice):
            return [self._batch(n) for n in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(f"batch {number} of {len(self)}")
        return self._batch(number % len(self))


class EvaluationBatches(BatchSequence):
    """The same examples with the same masks every time; see `evaluation_batches`.

    Attributes:
        num_examples: in all batches.
        num_rows: that hold them.
    """

    def __init__(
        self, assemble: Assembler, rows: _FixedRows, batch_size: int, local: range
    ) -> None:
        self._assemble = assemble
        self._rows = rows
        self._batch_size = batch_size
        self._local = local
        self.num_examples = len(rows.examples)
        self.num_rows = len(rows)

    def __len__(self) -> int:
        return -(-self.num_rows // self._batch_size)

    def _batch(self, number: int) -> Batch:
        first = number * self._batch_size + self._local.start
        index = np.arange(first, first + len(self._local))
        batch = self._assemble(self._rows.take(index), len(index), _SEED)
        padding = index >= self.num_rows
        for name in _OF_PREDICTIONS:
            batch[name][padding] = 0
        if "next_sentence_weights" in batch:
            batch["next_sentence_weights"][padding] = 0
        return batch


class _FixedRows:
    """Examples that lie in fixed rows, one in each or packed."""

    def __init__(self, examples: Examples, objective: PretrainingObjective) -> None:
        if objective.is_packed:
            self.examples = pack_in_order(examples, objective).records
            self._numbers = self.examples["rank"].astype(np.int64)
            self._sizes = np.bincount(self.examples["row"])
        else:
            self.examples = examples
            self._numbers = np.arange(len(examples))
            self._sizes = np.ones(len(examples), np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def take(self, index: npt.NDArray[np.int64]) -> Sequences:
        """What the rows `index` hold; those beyond the end hold what row 0 does.

        So no row is without a token to attend to.
        """
        real = index < len(self)
        wanted = np.where(real, index, 0)
        size = self._sizes[wanted]
        rows = np.repeat(np.arange(len(index)), size)
        place = np.arange(len(rows)) + np.repeat(
            self._starts[wanted] - np.cumsum(size) + size, size
        )
        numbers = np.where(real[rows], self._numbers[place], index[rows])
        return Sequences(self.examples[place], numbers, rows)
