"""From the number of a step to its batch, by arithmetic and a handful of numpy calls.

Example i of a run has the rank i mod N in epoch i // N, where N is the fixed number of examples of
an epoch; step s holds the examples s * batch_size up to (s + 1) * batch_size, so a batch may run
over the end of an epoch. A process makes its own rows of it, a contiguous part. Nothing is kept
from step to step but plans: any batch of any step can be had at any time.

Shape letters: B rows of this process, L length, P prediction slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError
from data_pipeline.features import Batch
from data_pipeline.masking import mask_tokens
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plan_cache import PlanSource
from data_pipeline.special_ids import SpecialIds
from data_pipeline.token_store import Split

_EVALUATION_SEED = 0


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
        examples_per_epoch: N, the same in every epoch.
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
        self._local = _local_rows(batch_size, process_index, process_count)
        self._batch_size = batch_size
        self._seed = seed
        self._assembler = _Assembler(split, ids, objective)
        self._plans = PlanSource(split, objective, seed, cache_dir)
        self.examples_per_epoch = self._plans.examples_per_epoch

    def __call__(self, step: int) -> Batch:
        """This process's rows of the batch of `step` (0, 1, ...)."""
        if step < 0:
            raise DataError(f"steps are numbered from 0; got {step}")
        first = step * self._batch_size + self._local.start
        index = np.arange(first, first + len(self._local))
        return self._assembler(self._examples(first, len(index)), index, self._seed)

    def _examples(self, first: int, count: int) -> npt.NDArray[np.void]:
        """The examples `first` up to `first + count` of the run, from one epoch or several."""
        parts = []
        while count > 0:
            epoch, rank = divmod(first, self.examples_per_epoch)
            part = self._plans(epoch).examples[rank : rank + count]
            parts.append(part)
            first += len(part)
            count -= len(part)
        # Past the middle of an epoch the next one's plan is made beside the training.
        epoch, rank = divmod(first - 1, self.examples_per_epoch)
        if 2 * rank >= self.examples_per_epoch:
            self._plans.begin(epoch + 1)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class EvaluationBatches(Sequence[Batch]):
    """The same examples with the same masks every time; see `evaluation_batches`."""

    def __init__(
        self,
        assembler: _Assembler,
        examples: npt.NDArray[np.void],
        batch_size: int,
        local: range,
    ) -> None:
        self._assembler = assembler
        self._examples = examples
        self._batch_size = batch_size
        self._local = local
        self.num_examples = len(examples)

    def __len__(self) -> int:
        return -(-self.num_examples // self._batch_size)

    @overload
    def __getitem__(self, number: int) -> Batch: ...
    @overload
    def __getitem__(self, number: slice) -> list[Batch]: ...
    def __getitem__(self, number: int | slice) -> Batch | list[Batch]:
        """Batch `number`, or a list of them."""
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(f"batch {number} of {len(self)}")
        first = (number % len(self)) * self._batch_size + self._local.start
        index = np.arange(first, first + len(self._local))
        real = index < self.num_examples
        # Rows that only pad the batch repeat an example, so that no row is without a token to
        # attend to, and have no weight anywhere.
        batch = self._assembler(self._examples[np.where(real, index, 0)], index, _EVALUATION_SEED)
        for name in ("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"):
            batch[name][~real] = 0
        batch["next_sentence_weights"][~real] = 0
        return batch


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

    The last batch is filled with rows whose weights are 0, so that all have one shape and every
    process has as many. The examples do not depend on the batch's size or the processes.
    """
    if max_examples is not None and max_examples < 1:
        raise DataError(f"max_examples must be at least 1; got {max_examples}")
    local = _local_rows(batch_size, process_index, process_count)
    plan = PlanSource(split, objective, _EVALUATION_SEED, cache_dir)(0)
    assembler = _Assembler(split, ids, objective)
    return EvaluationBatches(assembler, plan.examples[:max_examples], batch_size, local)


class _Assembler:
    """Examples -> batch: gathers the tokens, adds the specials, masks."""

    def __init__(self, split: Split, ids: SpecialIds, objective: PretrainingObjective) -> None:
        self._tokens = np.asarray(split.tokens)
        self._ids = ids
        self._objective = objective
        self._predictions = objective.predictions_by_length()
        self._columns = np.arange(objective.max_length)

    def __call__(
        self, examples: npt.NDArray[np.void], index: npt.NDArray[np.int64], seed: int
    ) -> Batch:
        columns = self._columns
        a_length = examples["a_length"].astype(np.int64)[:, None]
        length = a_length + examples["b_length"][:, None] + 3
        in_a_part = columns <= a_length + 1  # [CLS] A [SEP]
        is_token = columns < length
        # Place c of A is token a_start + c - 1; place c of B is b_start + c - a_length - 2.
        shift = np.where(
            in_a_part, examples["a_start"][:, None] - 1, examples["b_start"][:, None] - a_length - 2
        )
        shift += columns
        # Places of specials and padding take any token and are overwritten.
        input_ids = self._tokens.take(shift, mode="clip").astype(np.int32)
        candidates = is_token.copy()
        input_ids[~is_token] = self._ids.pad
        input_ids[:, 0] = self._ids.cls
        candidates[:, 0] = False
        rows = np.arange(len(examples))[:, None]
        separators = np.concatenate((a_length + 1, length - 1), axis=1)
        input_ids[rows, separators] = self._ids.sep
        candidates[rows, separators] = False

        masked = mask_tokens(
            input_ids,
            candidates,
            self._predictions[length[:, 0]],
            objective=self._objective,
            ids=self._ids,
            seed=seed,
            example_index=index,
        )
        return {
            "input_ids": masked.input_ids,
            "token_type_ids": (is_token & ~in_a_part).astype(np.int32),
            "attention_mask": is_token.astype(np.int32),
            "masked_lm_positions": masked.positions,
            "masked_lm_ids": masked.ids,
            "masked_lm_weights": masked.weights,
            "next_sentence_labels": examples["label"].astype(np.int32),
            "next_sentence_weights": np.ones(len(examples), np.float32),
        }


def _local_rows(batch_size: int, process_index: int, process_count: int) -> range:
    """This process's rows of a batch."""
    if process_count < 1 or not 0 <= process_index < process_count:
        raise DataError(f"process {process_index} of {process_count} does not exist")
    if batch_size < 1 or batch_size % process_count:
        raise DataError(
            f"batch_size must be a multiple of the number of processes, {process_count}; "
            f"got {batch_size}"
        )
    rows = batch_size // process_count
    return range(process_index * rows, (process_index + 1) * rows)
