"""Which sequences share a row: best fit, from the numbers of sequences of each length.

A row holds sequences side by side as long as their tokens, their predictions and their number fit.
As in "Efficient sequence packing without cross-contamination" (arXiv 2107.02027, section 3), the
search sees a histogram: it decides how many rows there are of each *pattern* of lengths, and then
the sequences are given to the patterns. So its time depends on the lengths that occur and not on
how many sequences there are.

Shape letters: N sequences, R rows, K patterns, L the longest row.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective

Ints = npt.NDArray[np.int64]
UInt32s = npt.NDArray[np.uint32]

# Rows handled at once: the arrays of one piece stay in the processor's cache.
_PIECE = 1 << 16


@dataclass(frozen=True, eq=False)
class Patterns:
    """The lengths that lie side by side in a row, and how many rows are like that."""

    lengths: Ints  # of all patterns, one after the other, the longest of each first
    starts: Ints  # [K + 1], of each pattern in `lengths`
    rows: Ints  # [K]

    @property
    def num_rows(self) -> int:
        """R, the rows of all patterns."""
        return int(self.rows.sum())


def find_patterns(counts: Ints, objective: PretrainingObjective) -> Patterns:
    """Patterns that hold all sequences, found by best fit, the longest sequences first.

    Args:
        counts: [L + 1], how many sequences there are of each length, specials included.
        objective: how much a row holds: tokens, predictions and sequences.
    """
    lengths = np.flatnonzero(counts)
    if not len(lengths):
        raise DataError("there are no sequences to pack")
    if lengths[-1] > objective.max_length:
        raise DataError(
            f"a sequence of {lengths[-1]} tokens does not fit into a row of {objective.max_length}"
        )
    search = _BestFit(objective, shortest=int(lengths[0]))
    for length in lengths[::-1].tolist():
        search.add(length, int(counts[length]))
    found = [(list(fill.lengths()), fill.rows) for fill in search.fills if fill.rows]
    sizes = [len(pattern) for pattern, _ in found]
    return Patterns(
        np.array([length for pattern, _ in found for length in pattern], np.int64),
        np.concatenate(([0], np.cumsum(sizes))),
        np.array([rows for _, rows in found], np.int64),
    )


def give(patterns: Patterns, lengths: npt.NDArray[np.uint16], order: Ints) -> tuple[UInt32s, Ints]:
    """Gives each sequence to a place of a pattern, the earlier ones to the earlier patterns.

    Args:
        patterns: found from the numbers of exactly these lengths.
        lengths: [N] of the sequences.
        order: the rows wanted, different numbers below R, in the order of the result.

    Returns:
        The sequences of the wanted rows, one row after the other, as numbers below N; and where in
        them each row starts, [len(order) + 1].
    """
    if len(lengths) > 1 << 32:
        raise DataError(f"at most 2^32 sequences can be packed; got {len(lengths)}")
    # The sequences of one length wait in a queue, in their order; a place of a pattern takes as
    # many of them as the pattern has rows.
    queue = np.argsort(lengths, kind="stable").astype(np.uint32)
    sizes = np.diff(patterns.starts)
    places = np.argsort(patterns.lengths, kind="stable")
    taken = np.repeat(patterns.rows, sizes)[places]
    first = np.empty_like(taken)
    first[places] = np.cumsum(taken) - taken

    last_row = np.cumsum(patterns.rows)
    row_starts = np.zeros(len(order) + 1, np.int64)
    given = np.empty(len(lengths), np.uint32)
    for lo in range(0, len(order), _PIECE):
        row = order[lo : lo + _PIECE]
        pattern = np.searchsorted(last_row, row, side="right")
        size = sizes[pattern]
        ends = row_starts[lo + 1 : lo + 1 + len(row)]
        np.cumsum(size, out=ends)
        place = np.repeat(patterns.starts[pattern] - (ends - size), size)
        place += np.arange(len(place))
        nth = row - (last_row - patterns.rows)[pattern]
        ends += row_starts[lo]
        given[row_starts[lo] : ends[-1]] = queue.take(first[place] + np.repeat(nth, size))
    return given[: row_starts[-1]], row_starts


@dataclass(eq=False)
class _Fill:
    """Rows that are filled alike, as what the last step added to those before it."""

    before: _Fill | None
    length: int
    repeats: int  # sequences of this length that the step added
    rows: int  # that are still like this
    space: int  # tokens that still fit, and so on
    sequences: int
    predictions: int

    def lengths(self) -> Iterator[int]:
        if self.before is not None:
            yield from self.before.lengths()
            yield from [self.length] * self.repeats


@dataclass(eq=False)
class _BestFit:
    """Best fit over histograms: what is done to one row is done to all that are filled alike."""

    objective: PretrainingObjective
    shortest: int
    fills: list[_Fill] = field(default_factory=list)
    _open: dict[int, list[_Fill]] = field(default_factory=dict)  # by space
    _spaces: list[int] = field(default_factory=list)  # the keys of `_open`, ascending

    def __post_init__(self) -> None:
        self._predictions = self.objective.predictions_by_length().tolist()

    def add(self, length: int, count: int) -> None:
        """Puts `count` sequences into the fullest rows where they fit, and then into new ones."""
        for space in self._spaces[bisect_left(self._spaces, length) :]:
            for fill in self._open[space]:
                count -= self._extend(fill, length, count)
                if not count:
                    break
            self._open[space] = [fill for fill in self._open[space] if fill.rows]
            if not self._open[space]:
                del self._open[space]
                self._spaces.remove(space)
            if not count:
                return
        objective = self.objective
        self._extend(
            _Fill(
                *(None, 0, 0, count),
                space=objective.max_length,
                sequences=objective.max_sequences,
                predictions=objective.max_predictions,
            ),
            length,
            count,
        )

    def _extend(self, fill: _Fill, length: int, count: int) -> int:
        """Puts up to `count` sequences into rows filled alike, and says how many."""
        repeats = min(fill.space // length, fill.sequences)
        if self._predictions[length]:
            repeats = min(repeats, fill.predictions // self._predictions[length])
        if not repeats:
            return 0
        # Best fit goes on with a row as long as another one fits: some rows take `repeats`
        # sequences, and the last one takes what is left.
        whole, rest = divmod(min(count, repeats * fill.rows), repeats)
        self._put(fill, length, repeats, whole)
        self._put(fill, length, rest, math.ceil(rest / repeats))
        return whole * repeats + rest

    def _put(self, fill: _Fill, length: int, repeats: int, rows: int) -> None:
        if not rows:
            return
        fill.rows -= rows
        new = _Fill(
            *(fill, length, repeats, rows),
            space=fill.space - repeats * length,
            sequences=fill.sequences - repeats,
            predictions=fill.predictions - repeats * self._predictions[length],
        )
        self.fills.append(new)
        if new.space >= self.shortest and new.sequences and new.predictions:
            if new.space not in self._open:
                self._open[new.space] = []
                insort(self._spaces, new.space)
            self._open[new.space].append(new)
