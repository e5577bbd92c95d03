"""Span masking: several whole words in a row are chosen together.

After SpanBERT (arXiv 1907.10529, section 3.1; facebookresearch/SpanBERT,
`pretraining/fairseq/data/masking.py`): the lengths of spans, in words, are geometric and at most
the longest one; where a span begins is uniform over the words; and one draw decides what becomes of
all its tokens.

There spans are drawn one by one and may run into each other. Here they are laid at once and never
overlap. A row's words are taken as a ring, and every way to lay spans of the lengths drawn on it is
as likely as any other: so every word is as likely to be in a span, next to [SEP] too. Where a span
goes over the end of A or of B it is two, one on either side, each with a draw of its own.

Shape letters: B rows, L length, S spans of a row, C words of a row's spans, one span after another.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from data_pipeline.counter_random import (
    Stream,
    UInt64s,
    below,
    random_bits,
    random_order,
    stream_key,
)
from data_pipeline.objective import PretrainingObjective
from data_pipeline.words import Bools, Int64s, Words, places_of

# Words laid beyond the most that can be taken, in place of those that do not fit.
_SPARE = 4


class SpanTokens(NamedTuple):
    """The tokens of all spans."""

    places: Int64s  # ascending
    heads: Int64s  # the place of the first token of each one's span


def choose_spans(
    words: Words,
    counts: Int64s,
    objective: PretrainingObjective,
    seed: int,
    example_index: Int64s,
) -> SpanTokens:
    """Spans are taken in random order until a row's count of tokens is reached.

    A span ends before the first word that is longer than what is left of the count, and the next
    one is tried: a row may have a few tokens fewer than its count, and never more.

    Args:
        words: of all rows.
        counts: [B], the most tokens that each row may predict.
        objective: lengths of rows and spans.
        seed: of the run.
        example_index: [B], the number of each example in the run.
    """
    rows, length = words.begins.shape
    number = np.diff(words.offsets)
    laid = np.minimum(number, counts + _SPARE)
    columns = np.arange(min(length, objective.max_predictions + _SPARE))

    def key(stream: Stream) -> UInt64s:
        return random_bits(stream_key(seed, stream), example_index)

    bits = random_bits(key(Stream.SPAN_LENGTH)[:, None], columns)
    lengths = span_lengths(bits, objective.span_end_prob, objective.longest_span)
    before = lengths.cumsum(axis=1) - lengths  # words of the spans before
    lengths = np.clip(laid[:, None] - before, 0, lengths)
    slots = number - laid + (lengths > 0).sum(axis=1)
    is_slot = np.arange(max(len(columns), slots.max(initial=0))) < slots[:, None]
    order = random_order(key(Stream.SPAN_PLACE), is_slot, len(columns), objective.max_length)
    rotation = below(key(Stream.SPAN_ROTATION), np.maximum(number, 1))
    first = lay(lengths, order) + rotation[:, None]  # the first word of each span

    # From here on by word.
    is_first = np.zeros((rows, len(columns)), np.bool_)
    row, span = np.nonzero(lengths)
    is_first[row, before[row, span]] = True
    span_of = is_first.cumsum(axis=1) - 1
    in_row = np.take_along_axis(first - before, span_of, axis=1) + columns
    word = in_row % np.maximum(number, 1)[:, None] + words.offsets[:-1, None]
    starts = words.starts.take(word, mode="clip")
    sizes = words.lengths.take(word, mode="clip")
    sizes *= columns < laid[:, None]
    # A span goes on in the next column unless something lies between the two words.
    is_first[:, 1:] |= starts[:, 1:] != (starts + sizes)[:, :-1]
    head = np.take_along_axis(
        starts, np.maximum.accumulate(np.where(is_first, columns, 0), axis=1), axis=1
    )
    taken = _cut(sizes, span_of, counts)
    chosen = taken > 0
    taken = taken[chosen]
    # Places are distinct, so that one sort carries the heads along.
    both = (places_of(starts[chosen], taken) << 32) | np.repeat(head[chosen], taken)
    both.sort()
    return SpanTokens(both >> 32, both & 0xFFFFFFFF)


def span_lengths(bits: UInt64s, end_prob: float, longest: int) -> Int64s:
    """Lengths 1 .. longest from 64 random bits each.

    A length l has a probability in proportion to end_prob (1 - end_prob)^(l - 1), which is what
    drawing again where it is above `longest` comes to.
    """
    return np.searchsorted(_bounds(end_prob, longest), bits >> np.uint64(32), side="right") + 1


def lay(lengths: Int64s, slots: Int64s) -> Int64s:
    """Where spans begin, on a line of words in which each lies at a slot of its own.

    Were every span one word long, slots would be words; each span moves those behind it by what it
    is longer.

    Args:
        lengths: [B, S], 0 where there is no span.
        slots: [B, S], all different where there are spans.
    """
    order = np.where(lengths > 0, slots, np.iinfo(np.int64).max).argsort(axis=1)
    longer = np.take_along_axis(lengths, order, axis=1) - 1
    moved = np.empty_like(slots)
    np.put_along_axis(moved, order, longer.cumsum(axis=1) - longer, axis=1)
    return slots + moved


@lru_cache(maxsize=16)
def _bounds(end_prob: float, longest: int) -> UInt64s:
    """Below the first of them, of 2^32 draws, a length is 1; below the second at most 2; ..."""
    # Products one after another and not powers: the same bits on every machine.
    goes_on = np.full(longest, 1 - end_prob)
    goes_on[0] = 1
    share = goes_on.cumprod().cumsum()
    return (share / share[-1] * 2**32).astype(np.uint64)


def _cut(sizes: Int64s, span_of: Int64s, room: Int64s) -> Int64s:
    """The sizes [B, C] of the words that are taken, and 0 for the others.

    A span ends before the first of its words that does not fit into what those before it left.
    """
    sizes = sizes.copy()
    while True:
        ends = sizes.cumsum(axis=1)
        over = ends > room[:, None]
        rows = np.flatnonzero(over[:, -1])
        if not len(rows):
            return sizes
        over = over[rows]
        at = over.argmax(axis=1)
        is_full = ends[rows, at] - sizes[rows, at] == room[rows]
        of_this_span: Bools = span_of[rows] == span_of[rows, at][:, None]
        sizes[rows] *= ~(over & (of_this_span | is_full[:, None]))
