"""How long things are: exact quantiles and a histogram, from offsets that stay on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError
from data_pipeline.store.token_store import Split

Ints = npt.NDArray[np.int64]

QUANTILES = (1, 5, 25, 50, 75, 95, 99)
BINS = 40
# Lengths from here on count as this long, so that the counts stay small; mean and max are exact.
LONGEST = 1 << 20
# Where the 99th percentile is so many times the median, bins grow with the length.
_SKEWED = 8
_PIECE = 1 << 20


@dataclass(frozen=True)
class Lengths:
    """The distribution of a length.

    Attributes:
        count: of things measured.
        mean: of their lengths.
        min: the shortest.
        max: the longest.
        quantiles: percentile -> length: that share of things is no longer than it.
        edges: [bins + 1], ascending; a bin holds the lengths from its edge up to below the next,
            the last one all longer ones too.
        counts: [bins], things in each bin.
    """

    count: int
    mean: float
    min: int
    max: int
    quantiles: dict[int, int]
    edges: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def median(self) -> int:
        """Half of all are no longer."""
        return self.quantiles[50]


def sentence_tokens(split: Split) -> Lengths:
    """Tokens of each sentence."""
    return distribution(np.diff(part) for part in _overlapping(split.sentence_offsets))


def document_sentences(split: Split) -> Lengths:
    """Sentences of each document."""
    return distribution(np.diff(part) for part in _overlapping(split.document_offsets))


def document_tokens(split: Split) -> Lengths:
    """Tokens of each document."""
    offsets = split.sentence_offsets
    return distribution(
        np.diff(offsets.take(part)) for part in _overlapping(split.document_offsets)
    )


def distribution(pieces: Iterable[Ints]) -> Lengths:
    """The distribution of lengths that come piece by piece; memory does not grow with them.

    Raises:
        DataError: there is nothing to measure.
    """
    counts = np.zeros(2, np.int64)
    total, longest = 0, 0
    for piece in pieces:
        if not len(piece):
            continue
        longest = max(longest, int(piece.max()))
        total += int(piece.sum())
        more = np.bincount(np.minimum(piece, LONGEST), minlength=len(counts))
        more[: len(counts)] += counts
        counts = more
    count = int(counts.sum())
    if not count:
        raise DataError("there is no length to measure: the split is empty")
    reached = np.cumsum(counts)
    quantiles = {q: int(np.searchsorted(reached, -(-q * count // 100))) for q in QUANTILES}
    edges = _edges(int(np.flatnonzero(counts)[0]), quantiles[50], quantiles[99])
    below = np.concatenate(([0], reached)).take(np.minimum(edges, len(counts)))
    below[-1] = count
    return Lengths(
        count=count,
        mean=total / count,
        min=int(np.flatnonzero(counts)[0]),
        max=longest,
        quantiles=quantiles,
        edges=tuple(edges.tolist()),
        counts=tuple(np.diff(below).tolist()),
    )


def _edges(least: int, median: int, high: int) -> Ints:
    """Edges of at most `BINS` bins from `least` to beyond `high`."""
    if high > _SKEWED * max(1, median) and high - least >= BINS:
        edges = np.geomspace(max(1, least), high + 1, BINS + 1)
        rounded = np.unique(np.rint(edges).astype(np.int64))
        return np.concatenate(([0], rounded)) if least < rounded[0] else rounded
    width = max(1, -(-(high + 1 - least) // BINS))
    return np.arange(least, high + width + 1, width, dtype=np.int64)


def _overlapping(offsets: Ints) -> Iterator[Ints]:
    """Pieces of offsets, each beginning with the last of the one before."""
    for lo in range(0, len(offsets) - 1, _PIECE):
        yield np.asarray(offsets[lo : lo + _PIECE + 1])
