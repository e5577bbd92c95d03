"""Sequences -> packed rows: each is made by itself and then laid beside its neighbours.

A sequence is the same, masks included, in a row of its own and in a packed one. The sequences of a
batch are made in a few arrays of different widths, so that little padding is made, and the rows
are gathered from these.

Shape letters: B rows, L length, P prediction slots of a row, M sequences of a row, S sequences in
all.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from data_pipeline.assembly import SequenceAssembler, Sequences, TokenSource, sequence_lengths
from data_pipeline.features import Batch
from data_pipeline.masking.masking import Masked
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

Ints = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

# What an array more costs, as so many places of padding: about 0.1 ms.
_ARRAY_COST = 2048


class PackedAssembler:
    """Sequences and their rows -> a packed batch."""

    def __init__(
        self, source: Split | TokenSource, ids: SpecialIds, objective: PretrainingObjective
    ) -> None:
        self._sequences = SequenceAssembler(source, ids, objective)
        self._objective = objective
        self._pad = ids.pad

    def __call__(self, sequences: Sequences, num_rows: int, seed: int) -> Batch:
        """The packed batch of B = `num_rows` rows."""
        objective = self._objective
        length = sequence_lengths(sequences.examples, objective)
        made = self._make(sequences, length, seed)

        rows = sequences.rows
        tokens = _Cells(rows, length, num_rows, objective.max_length)
        predictions = _Cells(rows, made.predictions, num_rows, objective.max_predictions)
        slot = np.arange(len(rows)) - tokens.first_of_row[rows]
        start = tokens.start - rows * objective.max_length  # in its row
        segment_ids = tokens.spread(slot + 1, 0)
        is_token = segment_ids > 0
        position_ids = tokens.places - tokens.spread(tokens.start, 0)
        position_ids *= is_token
        batch = {
            "input_ids": made.input_ids.take(tokens.gather(made.token_base, made.blank_token)),
            "token_type_ids": np.zeros(is_token.shape, np.int32),
            "attention_mask": is_token.astype(np.int32),
            "segment_ids": segment_ids,
            "position_ids": position_ids,
        }
        index = predictions.gather(made.prediction_base, made.blank_prediction)
        batch["masked_lm_positions"] = made.positions.take(index) + predictions.spread(start, 0)
        batch["masked_lm_ids"] = made.ids.take(index)
        batch["masked_lm_weights"] = predictions.spread(np.ones(len(rows)), 0, np.float32)
        if objective.has_pairs:
            last_of_a = sequences.examples["a_length"].astype(np.int32) + 1
            types = position_ids > tokens.spread(last_of_a, 0)
            batch["token_type_ids"] = types.astype(np.int32)
            for name, values, dtype in (
                ("cls_positions", start, np.int32),
                ("next_sentence_labels", sequences.examples["label"], np.int32),
                ("next_sentence_weights", 1, np.float32),
            ):
                array = np.zeros((num_rows, objective.max_sequences), dtype)
                array[rows, slot] = values
                batch[name] = array
        return batch

    def _make(self, sequences: Sequences, length: Ints, seed: int) -> _Made:
        """All sequences by themselves, masked, in a few arrays that are then laid flat."""
        order = np.argsort(length, kind="stable")
        made = _Made(len(order), self._objective, self._pad)
        for lo, hi in _groups(length[order]):
            which = order[lo:hi]
            part = Sequences(
                sequences.examples[which], sequences.numbers[which], sequences.rows[which]
            )
            width = int(length[which[-1]])
            made.add(which, self._sequences.mask(part, length[which], seed, width))
        made.finish()
        return made


class _Made:
    """Flat arrays of what was made, and where each sequence begins in them.

    At the end of each stands a row of what is where no sequence is.
    """

    def __init__(self, count: int, objective: PretrainingObjective, pad: int) -> None:
        self.token_base = np.empty(count, np.int64)
        self.prediction_base = np.empty(count, np.int64)
        self.predictions = np.empty(count, np.int64)
        self.blank_token = self.blank_prediction = 0
        self._no_tokens = np.full(objective.max_length, pad, np.int32)
        self._no_predictions = np.zeros(objective.max_predictions, np.int32)
        self._parts: tuple[list[Int32s], list[Int32s], list[Int32s]] = ([], [], [])

    def add(self, which: Ints, masked: Masked) -> None:
        nth = np.arange(len(which))
        self.token_base[which] = self.blank_token + nth * masked.input_ids.shape[1]
        self.prediction_base[which] = self.blank_prediction + nth * masked.positions.shape[1]
        # Where whole words do not fit, fewer than there might be.
        self.predictions[which] = masked.weights.sum(axis=1)
        self.blank_token += masked.input_ids.size
        self.blank_prediction += masked.positions.size
        arrays = masked.input_ids, masked.positions, masked.ids
        for parts, array in zip(self._parts, arrays, strict=True):
            parts.append(array.reshape(-1))

    def finish(self) -> None:
        input_ids, positions, ids = self._parts
        self.input_ids = np.concatenate([*input_ids, self._no_tokens])
        self.positions = np.concatenate([*positions, self._no_predictions])
        self.ids = np.concatenate([*ids, self._no_predictions])


class _Cells:
    """Rows divided into cells: one for each sequence, and at the end one for what is left."""

    def __init__(self, rows: Ints, length: Ints, num_rows: int, width: int) -> None:
        self._shape = num_rows, width
        self.first_of_row = np.searchsorted(rows, np.arange(num_rows))
        self._of_sequence = np.arange(len(rows)) + rows
        after = np.append(self.first_of_row[1:], len(rows))
        self._of_rest = after + np.arange(num_rows)
        self._length = np.empty(len(rows) + num_rows, np.int64)
        self._length[self._of_sequence] = length
        self._length[self._of_rest] = width - np.add.reduceat(length, self.first_of_row)
        starts = np.cumsum(self._length) - self._length
        self.start: Ints = starts[self._of_sequence]
        self._start_of_rest: Ints = starts[self._of_rest]
        self.places = np.arange(num_rows * width, dtype=np.int32).reshape(num_rows, width)

    def spread(
        self, values: npt.NDArray[np.generic], rest: int, dtype: type = np.int32
    ) -> npt.NDArray:
        """Each sequence's value at all its places, and `rest` at all others: [B, width]."""
        of_cells: npt.NDArray = np.full(len(self._length), rest, dtype)
        of_cells[self._of_sequence] = values
        return np.repeat(of_cells, self._length).reshape(self._shape)

    def gather(self, base: Ints, blank: int) -> Ints:
        """What stands at each place, in a flat array where sequences begin at `base`: [B, width].

        What is left of a row stands there from `blank` on.
        """
        shift = np.empty(len(self._length), np.int64)
        shift[self._of_sequence] = base - self.start
        shift[self._of_rest] = blank - self._start_of_rest
        index: Ints = np.repeat(shift, self._length).reshape(self._shape)
        index += self.places
        return index


def _groups(length: Ints) -> list[tuple[int, int]]:
    """Divides ascending lengths into stretches, one after the other, that leave little padding."""
    stretches = [(0, len(length))]
    done = []
    while stretches:
        lo, hi = stretches.pop()
        # Cut before `cut`, the first part is only as wide as its longest.
        cut = np.arange(lo + 1, hi)
        saved = (cut - lo) * (length[hi - 1] - length[lo : hi - 1])
        best = int(saved.argmax()) if len(cut) else 0
        if len(cut) and saved[best] > _ARRAY_COST:
            stretches += [(lo, int(cut[best])), (int(cut[best]), hi)]
        else:
            done.append((lo, hi))
    return done
