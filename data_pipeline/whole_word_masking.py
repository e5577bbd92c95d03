"""Whole word masking: a word is chosen with all its pieces, or not at all.

The rule is that of google-research/bert, `create_pretraining_data.py`: a row's words come in random
order, and each is taken that still fits into what the row may predict; one that does not is
skipped.

Shape letters: B rows, L length, C words of a row in random order.
"""

from __future__ import annotations

import numpy as np

from data_pipeline.counter_random import UInt64s, random_order
from data_pipeline.words import Int64s, Words, places_of

# Words looked at beyond the most that can be taken, in place of those that are skipped.
_SPARE = 4


def choose_words(
    words: Words, counts: Int64s, key: UInt64s, *, max_predictions: int, max_length: int
) -> Int64s:
    """The places of the tokens of the chosen words, ascending.

    Args:
        words: of all rows.
        counts: [B], the most tokens that each row may predict.
        key: [B], random bits of each row.
        max_predictions: the largest count there can be.
        max_length: the largest L there can be.
    """
    rows, length = words.begins.shape
    lengths = np.zeros(rows * length, np.int64)
    lengths[words.starts] = words.lengths
    number = np.diff(words.offsets)

    def take(rows: Int64s, window: int) -> tuple[Int64s, Int64s]:
        """The first words of these rows: [R, C] starts, and how many of their tokens are taken."""
        starts = random_order(key[rows], words.begins[rows], window, max_length)
        there = np.arange(starts.shape[1]) < number[rows, None]
        starts += (rows * length)[:, None]
        return starts, what_fits(lengths.take(starts, mode="clip") * there, counts[rows])

    # A few words are nearly always enough, and where they are, looking at more changes nothing.
    window = max_predictions + _SPARE
    starts, taken = take(np.arange(rows), window)
    short = np.flatnonzero((taken.sum(axis=1) < counts) & (number > window))
    taken[short] = 0
    places = _places(starts, taken)
    if len(short):
        places = np.concatenate((places, _places(*take(short, length))))
    places.sort()
    return places


def what_fits(lengths: Int64s, room: Int64s) -> Int64s:
    """Words that are taken one after another where they fit: their lengths, and 0 for the others.

    Args:
        lengths: [B, C], of words in the order in which they are taken.
        room: [B], the tokens that there is room for.
    """
    kept = lengths.copy()
    while True:
        over = kept.cumsum(axis=1) > room[:, None]
        if not over[:, -1].any():
            return kept
        # Those before the first that is too long are taken, and only what they leave counts.
        left = room - np.where(over, 0, kept).sum(axis=1)
        kept[over & (kept > left[:, None])] = 0


def _places(starts: Int64s, taken: Int64s) -> Int64s:
    chosen = taken > 0
    return places_of(starts[chosen], taken[chosen])
