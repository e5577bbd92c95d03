"""Whole word masking: a word is chosen with all its pieces, or not at all.

The rule is that of google-research/bert, `create_pretraining_data.py`: a row's words come in random
order, and each is taken that still fits into what the row may predict; one that does not is
skipped.

Shape letters: B rows, L length, C words of a row in random order.
"""

from __future__ import annotations

import numpy as np

from data_pipeline.counter_random import UInt64s, random_order
from data_pipeline.masking.words import Int64s, Words, places_of, what_fits

# Words looked at beyond the most that can be taken, in place of those that are skipped.
_SPARE = 4


def choose_words(
    words: Words, counts: Int64s, key: UInt64s, *, max_predictions: int, max_length: int
) -> tuple[Int64s, Int64s]:
    """The places of the tokens of the chosen words, ascending, and each row's number of them.

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
    number = words.offsets[1:] - words.offsets[:-1]

    def take(row: Int64s | slice, window: int) -> tuple[Int64s, Int64s]:
        """The first words of some rows: [R, C] starts, and how many of their tokens are taken."""
        starts = random_order(key[row], words.begins[row], window, max_length)
        there = np.arange(starts.shape[1]) < number[row, None]
        starts += row_starts[row, None]
        return starts, what_fits(lengths.take(starts, mode="clip") * there, counts[row])

    row_starts = np.arange(rows) * length
    # A few words are nearly always enough, and where they are, looking at more changes nothing.
    window = max_predictions + _SPARE
    starts, taken = take(slice(None), window)
    tokens = taken.sum(axis=1)
    short = np.flatnonzero((tokens < counts) & (number > window))
    taken[short] = 0
    places = _places(starts, taken)
    if len(short):
        starts, taken = take(short, length)
        tokens[short] = taken.sum(axis=1)
        places = np.concatenate((places, _places(starts, taken)))
    places.sort()
    return places, tokens


def _places(starts: Int64s, taken: Int64s) -> Int64s:
    chosen = taken > 0
    return places_of(starts[chosen], taken[chosen])
