"""Examples -> padded rows of one sequence each, with special tokens and masks.

Shape letters: B rows, L length, P prediction slots.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from data_pipeline.features import Batch
from data_pipeline.masking.masking import Masked, mask_tokens
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Tokens from one to the next of these reads; 64 bytes, a line, hold 32 of two bytes or 16 of four.
_TOUCHED = 16


class Sequences(NamedTuple):
    """What some rows hold, S sequences in all; every row has at least one."""

    examples: npt.NDArray[np.void]
    """[S], with the fields of `document_walk.EXAMPLE`."""
    numbers: Ints
    """[S], of the examples in the run: they decide the masks."""
    rows: Ints
    """[S], the row that each is in, ascending from 0; [0, 1, ...] where rows are not packed."""


def join(parts: list[Sequences]) -> Sequences:
    """The rows of one part after those of another."""
    if len(parts) == 1:
        return parts[0]
    rows, first = [], 0
    for part in parts:
        rows.append(part.rows + first)
        first = int(rows[-1][-1]) + 1
    return Sequences(
        np.concatenate([part.examples for part in parts]),
        np.concatenate([part.numbers for part in parts]),
        np.concatenate(rows),
    )


def select(sequences: Sequences, wanted: Ints) -> Sequences:
    """Some of the rows, numbered anew; `wanted` ascends."""
    place = np.full(int(sequences.rows[-1]) + 1, -1)
    place[wanted] = np.arange(len(wanted))
    rows = place[sequences.rows]
    kept = np.flatnonzero(rows >= 0)
    return Sequences(sequences.examples[kept], sequences.numbers[kept], rows[kept])


def sequence_lengths(examples: npt.NDArray[np.void], objective: PretrainingObjective) -> Ints:
    """Tokens of each sequence with its special tokens, [S]."""
    length: Ints = examples["a_length"].astype(np.int64)
    length += objective.specials
    if objective.has_pairs:
        length += examples["b_length"]
    else:  # a [SEP] for each end of a document inside it
        length += examples["label"]
    return length


class TokenSource(Protocol):
    """The tokens that examples are stretches of."""

    def gather(self, places: Ints) -> npt.NDArray[np.int32]:
        """The tokens at some places, [B, W]; any where a place is outside the text."""

    def document_ends(self) -> Ints:
        """The places after the last tokens of documents, ascending."""


class _SplitTokens:
    """Those of one split."""

    def __init__(self, split: Split) -> None:
        self._split = split
        self._tokens = np.asarray(split.tokens)

    def gather(self, places: Ints) -> npt.NDArray[np.int32]:
        # One token of each cache line first: these reads depend on nothing and wait for memory
        # together, which takes half the time of reading each row to its end.
        self._tokens.take(places[:, ::_TOUCHED], mode="clip")
        return self._tokens.take(places, mode="clip").astype(np.int32)

    def document_ends(self) -> Ints:
        return document_ends(self._split)


def document_ends(split: Split) -> Ints:
    """The places after the last tokens of a split's documents, of empty ones none."""
    ends = np.asarray(split.sentence_offsets).take(split.document_offsets[1:])
    return ends[np.diff(ends, prepend=0) > 0]


class SequenceAssembler:
    """Examples -> rows: gathers the tokens, adds the special ones, masks.

    What stands in a row is a function of the seed, the example and its number alone: neither the
    rows beside it nor the width of the array change it.
    """

    def __init__(
        self, source: Split | TokenSource, ids: SpecialIds, objective: PretrainingObjective
    ) -> None:
        self._source = _SplitTokens(source) if isinstance(source, Split) else source
        self._ids = ids
        self.objective = objective
        self._predictions = objective.predictions_by_length()
        self._columns = np.arange(objective.max_length)

    @cached_property
    def _document_ends(self) -> Ints:
        return self._source.document_ends()

    def _prediction_counts(self, examples: npt.NDArray[np.void], length: Ints) -> Ints:
        """How many tokens of each sequence may be predicted, [S]."""
        counts = self._predictions.take(length)
        if self.objective.has_pairs:
            return counts
        return np.minimum(counts, examples["a_length"])  # the table knows of one [SEP] only

    def unpacked(self, sequences: Sequences, num_rows: int, seed: int) -> Batch:
        """The batch whose row b is sequence b; `num_rows` is B."""
        assert num_rows == len(sequences.examples)
        objective = self.objective
        length = sequence_lengths(sequences.examples, objective)
        masked = self.mask(sequences, length, seed, objective.max_length)
        is_token = _is_token(length, objective.max_length)
        batch = {
            "input_ids": masked.input_ids,
            "token_type_ids": np.zeros(is_token.shape, np.int32),
            "attention_mask": is_token.astype(np.int32),
            "masked_lm_positions": masked.positions,
            "masked_lm_ids": masked.ids,
            "masked_lm_weights": masked.weights,
        }
        if objective.has_pairs:
            examples = sequences.examples
            in_a_part = _is_token(examples["a_length"] + np.int64(2), objective.max_length)
            batch["token_type_ids"] = (is_token & ~in_a_part).astype(np.int32)
            batch["next_sentence_labels"] = examples["label"].astype(np.int32)
            batch["next_sentence_weights"] = np.ones(num_rows, np.float32)
        return batch

    def mask(self, sequences: Sequences, length: Ints, seed: int, width: int) -> Masked:
        """Rows of one sequence each, [B, width], with masks.

        Args:
            sequences: their `rows` play no part.
            length: `sequence_lengths` of them, each at most `width`.
            seed: of the run.
            width: columns.
        """
        examples = sequences.examples
        columns = self._columns[:width]
        place = self._place_pairs if self.objective.has_pairs else self._place_one_part
        shift, separators = place(examples, length, columns)
        shift += columns
        # Places of specials and padding take any token and are overwritten.
        input_ids = self._source.gather(shift)
        candidates = _is_token(length, width)
        np.copyto(input_ids, self._ids.pad, where=~candidates)
        input_ids[:, 0] = self._ids.cls
        candidates[:, 0] = False
        input_ids[separators] = self._ids.sep
        candidates[separators] = False
        return mask_tokens(
            input_ids,
            candidates,
            self._prediction_counts(examples, length),
            objective=self.objective,
            ids=self._ids,
            seed=seed,
            example_index=sequences.numbers,
        )

    def _place_pairs(
        self, examples: npt.NDArray[np.void], length: Ints, columns: Ints
    ) -> tuple[Ints, tuple[Ints, Ints]]:
        """For [CLS] A [SEP] B [SEP]: what to add to a column to have its token; the separators."""
        # Column c of A is token a_start + c - 1; column c of B is b_start + c - a_length - 2.
        b_column = examples["a_length"] + np.int64(2)
        shift = _columns(examples["a_start"] - 1, examples["b_start"] - b_column)
        counts = _columns(b_column, len(columns) - b_column)
        separators = _columns(b_column - 1, length - 1)
        return _repeat(shift, counts), (np.arange(len(examples))[:, None], separators)

    def _place_one_part(
        self, examples: npt.NDArray[np.void], length: Ints, columns: Ints
    ) -> tuple[Ints, tuple[Ints, Ints]]:
        """The same for [CLS] text [SEP], with a [SEP] more at each end of a document inside."""
        start, count = examples["a_start"], examples["label"].astype(np.int64)
        shift = np.repeat(start[:, None] - 1, len(columns), axis=1)
        every = np.arange(len(examples))
        if not count.any():
            return shift, (every, length - 1)
        row = np.repeat(every, count)
        nth = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        first = np.searchsorted(self._document_ends, start, side="right")
        end = self._document_ends[first[row] + nth]
        column = end - start[row] + 1 + nth  # after [CLS] and the separators before it
        before = np.zeros(shift.shape, np.int64)
        before[row, column] = 1
        shift -= np.cumsum(before, axis=1, out=before)
        return shift, (np.concatenate((row, every)), np.concatenate((column, length - 1)))


def _is_token(length: Ints, width: int) -> Bools:
    """Whether a place is before its row's length, [B, width]; two bytes each compare quickest."""
    return np.arange(width, dtype=np.uint16) < length.astype(np.uint16)[:, None]


def _columns(*arrays: Ints) -> Ints:
    """`np.stack` of these as columns, which takes longer than all it is used for."""
    result = np.empty((len(arrays[0]), len(arrays)), np.int64)
    for column, array in enumerate(arrays):
        result[:, column] = array
    return result


def _repeat(values: npt.NDArray, counts: Ints) -> npt.NDArray:
    """Rows of `values[b, 0]` times `counts[b, 0]` and so on, [B, W]; counts have one sum, W."""
    return np.repeat(values.reshape(-1), counts.reshape(-1)).reshape(len(values), -1)
