"""Where in a text the word of each id stands."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Located(NamedTuple):
    """The ids of a text and its words, as its tokeniser cuts it.

    Attributes:
        ids: of the whole text, without special tokens.
        spans: where each word begins and ends, in characters of the text, in order. Neighbours
            share a character where the Unicode form makes several words of one ("¼").
        owners: of each id, the place of its word in `spans`; [len(ids)], never falling. Each word
            has one id or more.
    """

    ids: list[int]
    spans: list[tuple[int, int]]
    owners: npt.NDArray[np.int64]


def located(
    text: str,
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    words: Sequence[int | None],
    blanks: str = "",
) -> Located:
    """Words of ids in a row.

    A word begins and ends with no white space, unless it is nothing else. Combining marks that the
    rules dropped after its last letter are part of it.

    Args:
        text: the text.
        ids: of its pieces.
        offsets: where each piece begins and ends in the text.
        words: a number for each piece, another one where another word begins. None is for the
            special tokens that the library sets, of which there are none here.
        blanks: what is a space to the tokeniser beside white space.
    """
    if not ids:
        return Located([], [], np.empty(0, np.int64))
    numbers = np.array(words, np.int64)
    begins = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    owners = np.cumsum(np.diff(numbers, prepend=numbers[0]) != 0)
    places = np.asarray(offsets)
    starts = np.minimum.reduceat(places[:, 0], begins).tolist()
    ends = np.maximum.reduceat(places[:, 1], begins).tolist()
    spans = []
    for start, end, following in zip(starts, ends, [*starts[1:], len(text)], strict=True):
        while end < following and unicodedata.category(text[end]).startswith("M"):
            end += 1
        spans.append(_trimmed(text, start, end, blanks))
    return Located(list(ids), spans, owners.astype(np.int64))


def _trimmed(text: str, start: int, end: int, blanks: str) -> tuple[int, int]:
    kept = [i for i in range(start, end) if not (text[i].isspace() or text[i] in blanks)]
    return (kept[0], kept[-1] + 1) if kept else (start, end)
