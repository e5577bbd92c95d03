"""Span masking: several whole words in a row are chosen together.

After SpanBERT (arXiv 1907.10529, section 3.1; facebookresearch/SpanBERT,
`pretraining/fairseq/data/masking.py`): the lengths of spans, in words, are geometric and at most
the longest one; where a span begins is uniform over the words; and one draw decides what becomes of
all its tokens.

There spans are drawn one by one and may run into each other. Here they are laid at once and never
overlap. A row's words are taken as a ring, and every way to lay spans of the lengths drawn on it is
as likely as any other: so every word is as likely to be in a span, next to [SEP] too. A span goes
on from the end of A in B, and from the end of B at the beginning of A; it is two then, each with a
draw of its own.

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
    stream_keys,
)
from data_pipeline.masking.words import Int64s, Words, places_of, what_fits
from data_pipeline.objective import PretrainingObjective

# Words laid beyond the most that can be taken, in place of those that do not fit.
_SPARE = 4


class SpanTokens(NamedTuple):
    """The tokens of all spans."""

    places: Int64s  # ascending
    number: Int64s  # [B], of each row's tokens in spans
    heads: Int64s  # the place of the first token of each one's span


def choose_spans(
    words: Words,
    counts: Int64s,
    objective: PretrainingObjective,
    seed: int,
    example_index: Int64s,
) -> SpanTokens:
    """Spans are taken in random order until a row's count of tokens is reached.

    A word that is longer than what is left of the count is passed over, and those behind it are
    another span. So a row may have a few tokens fewer than its count, and never more.

    Args:
        words: of all rows.
        counts: [B], the most tokens that each row may predict.
        objective: lengths of rows and spans.
        seed: of the run.
        example_index: [B], the number of each example in the run.
    """
    number = words.offsets[1:] - words.offsets[:-1]
    laid = np.minimum(number, counts + _SPARE)
    columns = np.arange(min(words.begins.shape[1], objective.max_predictions + _SPARE))
    length_key, slot_key, rotation_key = stream_keys(
        seed, example_index, Stream.SPAN_LENGTH, Stream.SPAN_SLOT, Stream.SPAN_ROTATION
    )
    # Half of the most there can be are nearly always enough; what lies behind is not used.
    for drawn in (-(-len(columns) // 2), len(columns)):
        bits = random_bits(length_key[:, None], columns[:drawn])
        lengths = span_lengths(bits, objective.span_end_prob, objective.longest_span)
        ends = lengths.cumsum(axis=1)
        if (ends[:, -1] >= laid).all():
            break
    left = laid[:, None] - ends + lengths
    spans = (left > 0).sum(axis=1)
    most = spans.max(initial=1)
    lengths = np.minimum(lengths[:, :most], np.maximum(left[:, :most], 0))

    slots = number - laid + spans
    is_slot = np.arange(slots.max(initial=most)) < slots[:, None]
    order = random_order(slot_key, is_slot, most, objective.max_length)
    first = lay(lengths, order) + below(rotation_key, np.maximum(number, 1))[:, None]

    # From here on the words of all rows' spans one after another, in the order of taking.
    is_span = lengths > 0
    lengths = lengths[is_span]
    word = places_of(first[is_span], lengths) % number.repeat(laid)
    word += words.offsets[:-1].repeat(laid)
    span = np.arange(len(lengths)).repeat(lengths)
    is_word = columns < laid[:, None]
    sizes = np.zeros(is_word.shape, np.int64)
    sizes[is_word] = words.lengths.take(word)
    sizes = what_fits(sizes, counts)
    taken = sizes[is_word]
    return _tokens(words.starts.take(word), taken, span, sizes.sum(axis=1))


def _tokens(starts: Int64s, sizes: Int64s, span: Int64s, number: Int64s) -> SpanTokens:
    """From words (the place of each, its tokens or 0, and which span it is of) to tokens."""
    taken = sizes > 0
    starts, sizes, span = starts[taken], sizes[taken], span[taken]
    # A span is two where something lies between: a special token, or a word passed over.
    goes_on = (starts[1:] == (starts + sizes)[:-1]) & (span[1:] == span[:-1])
    first = np.arange(len(starts))
    first[1:][goes_on] = 0
    heads = starts.take(np.maximum.accumulate(first))
    # Places are all different, so one sort carries the heads along.
    both = places_of(starts, sizes) << 32 | heads.repeat(sizes)
    both.sort()
    return SpanTokens(both >> 32, number, both & 0xFFFFFFFF)


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
    rows, spans = lengths.shape
    order = np.where(lengths > 0, slots, np.iinfo(np.int64).max).argsort(axis=1)
    order += (np.arange(rows) * spans)[:, None]
    longer = lengths.take(order) - 1
    first = slots.copy()
    first.ravel()[order] += longer.cumsum(axis=1) - longer
    return first


@lru_cache(maxsize=16)
def _bounds(end_prob: float, longest: int) -> UInt64s:
    """Below the first of them, of 2^32 draws, a length is 1; below the second at most 2; ..."""
    # Products one after another and not powers: the same bits on every machine.
    goes_on = np.full(longest, 1 - end_prob)
    goes_on[0] = 1
    share = goes_on.cumprod().cumsum()
    return (share / share[-1] * 2**32).astype(np.uint64)
