"""Where the words of rows of word pieces are, and which of them fit.

A word is a piece with the pieces after it that continue it, and nothing between: a word never goes
over a special token, so never from A into B. A continuing piece with no text before it, where a
sentence was cut inside a word, begins a word of its own.

Shape letters: B rows, L length, W words of all rows. Places and words are counted through the
rows: place p of row b is b * L + p.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


class Words(NamedTuple):
    """The words of all rows, in their order."""

    starts: Int64s  # [W], the place of each word's first token
    lengths: Int64s  # [W], in tokens
    begins: Bools  # [B, L], true at the first token of a word
    offsets: Int64s  # [B + 1], the first word of each row, and W


def find_words(input_ids: npt.NDArray[np.int32], candidates: Bools, continues_word: Bools) -> Words:
    """The words of rows.

    Args:
        input_ids: [B, L].
        candidates: [B, L], true for a token of text.
        continues_word: [vocab_size], true for an id that goes on with the word before it.
    """
    rows, length = input_ids.shape
    continues = continues_word.take(input_ids, mode="clip")
    continues.ravel()[1:] &= candidates.ravel()[:-1]
    continues[:, 0] = False
    continues &= candidates
    begins = candidates ^ continues
    ends = candidates.copy()
    ends.ravel()[:-1] &= ~continues.ravel()[1:]
    starts = np.flatnonzero(begins)
    offsets = np.searchsorted(starts, np.arange(rows + 1) * length)
    return Words(starts, np.flatnonzero(ends) + 1 - starts, begins, offsets)


def places_of(starts: Int64s, lengths: Int64s) -> Int64s:
    """The places of all tokens of the words that start here, word after word."""
    ends = lengths.cumsum()
    result: Int64s = np.repeat(starts - ends + lengths, lengths)
    result += np.arange(len(result))
    return result


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
