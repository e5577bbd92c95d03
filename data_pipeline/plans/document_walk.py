"""The original's walk through the documents, vectorised: which sentences are A, which are B.

The rules are those of `create_pretraining_data.py` (google-research/bert), read from the paper and
the code: a visit to a document draws its target length; sentences are collected into a chunk until
the target is reached or the document ends; the first a sentences of the chunk are A; B is the
rest, or, with probability one half and always for a chunk of one sentence, comes from a uniform
sentence of a uniform other document, and then the unused sentences go back; the longer of A and B
loses tokens at either end until both fit.

Sentence order (ALBERT, `create_pretraining_data.py` of google-research/albert) has the same
chunks, and every sentence of one is used: B is the rest, and with probability one half A and B
have changed places, before tokens are dropped.

The original draws from one sequential generator. Here every draw is a function of (seed, epoch,
visit, first sentence of the chunk), which has the same distribution because a visit starts a chunk
at a sentence at most once. It lets the chunk that *would* start at each sentence be computed
for all sentences at once; the chunks that do occur are those on the chain from the first sentence
(`chain.follow`), whatever the lengths of the documents. It also lets a chunk be drawn again from
its first sentence and its size, which are all that a walk keeps of it.

Two rules differ. The other document is drawn among the others; the original draws among all, up to
ten times, and may come to use the same document after all. And a chunk of one sentence, to which
ALBERT's code gives a random B with label 1, is split inside the sentence for sentence order, so
that both parts are always of one document: a model could tell other pairs by their topics, which is
what sentence order is to do without. The split is at a random token, inside a word at times, as
dropped tokens leave parts of words in all pairs: a plan knows lengths alone. A chunk of a single
token is no example.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data_pipeline.counter_random import Stream, below, heads, random_bits, stream_key
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.chain import follow
from data_pipeline.plans.corpus import Corpus

Ints = npt.NDArray[np.int64]

# Sentences handled at once: the arrays of one piece stay in the processor's cache, and a place in
# it fits 16 bits.
_PIECE = 1 << 15
_STEPS = 64  # below 256: counted in bytes

EXAMPLE = np.dtype(
    [
        ("a_start", "<i8"),
        ("b_start", "<i8"),
        ("a_length", "<u2"),
        ("b_length", "<u2"),
        ("label", "<u4"),
    ]
)
"""One example: its two stretches of tokens in the split, and what there is to tell of it.

The label is 0 where B follows A, and 1 where B is random (`next_sentence`) or A follows B
(`sentence_order`). Without pairs B is empty, and the label is the number of documents that end
inside A: there one more [SEP] takes a place.
"""


class Drawn(NamedTuple):
    """What is drawn for each chunk of a stretch; all arrays are [C]."""

    size: Ints  # sentences collected
    a_end: Ints  # the token after A
    is_other: npt.NDArray[np.bool_]  # B is random, or A and B have changed places
    target: Ints  # target length in tokens
    document: Ints


@dataclass(frozen=True, eq=False)
class Chunks:
    """The chunks of a stretch of one visit, in order. Four bytes each; the rest is drawn again."""

    corpus: Corpus
    objective: PretrainingObjective
    context: tuple[int, int, int]  # seed, epoch, visit: with the first sentence, all randomness
    origin: int
    places: npt.NDArray[np.uint16]  # [C] first sentences, counted from `origin`
    sizes: npt.NDArray[np.uint16]  # [C] sentences collected

    def __len__(self) -> int:
        return len(self.places)

    def head(self, count: int) -> Chunks:
        """The first `count` of them."""
        return replace(self, places=self.places[:count], sizes=self.sizes[:count])

    @property
    def first(self) -> Ints:
        """The first sentence of each, [C]."""
        return self.places + np.int64(self.origin)

    def drawn(self) -> Drawn:
        """Sizes, splits and labels."""
        corpus, first = self.corpus, self.first
        if not len(first):
            none = np.zeros(0, np.int64)
            return Drawn(none, none, none.astype(bool), none, none)
        documents = corpus.documents_of(self.origin, int(first[-1]) + 1)
        document = np.searchsorted(corpus.ends[documents], first, side="right")
        target = _targets(self.objective, self.context, documents).take(document)
        size = self.sizes.astype(np.int64)
        bits = random_bits(self._key(Stream.SPLIT_CHUNK), first)
        is_other = (bits & np.uint64(1)).astype(bool)
        a_end = corpus.offsets.take(first + _a_sizes(bits, size))
        if self.objective.pairs == "next_sentence":
            is_other |= size == 1
        else:
            single = np.flatnonzero(size == 1)
            start = corpus.offsets.take(first[single])
            a_end[single] = start + _a_sizes(bits[single], a_end[single] - start)
        return Drawn(size, a_end, is_other, target, document + documents.start)

    def examples(self) -> npt.NDArray[np.void]:
        """The examples of these chunks, [C] of type EXAMPLE."""
        drawn, first = self.drawn(), self.first
        a_start, b_start = self.corpus.offsets.take(first), drawn.a_end
        b_end = self.corpus.offsets.take(first + drawn.size)
        a_length = b_start - a_start
        rows = np.flatnonzero(drawn.is_other)
        if self.objective.pairs == "next_sentence":
            wanted = (drawn.target - a_length)[rows]
            b_start[rows], b_end[rows] = self._partners(first[rows], drawn.document[rows], wanted)
            b_length = b_end - b_start
        else:
            b_length = b_end - b_start
            a_start, b_start = _exchanged(a_start, b_start, rows)
            a_length, b_length = _exchanged(a_length, b_length, rows)

        a_drop, b_drop = _excess(a_length, b_length, self.objective.max_tokens)
        result = np.empty(len(first), EXAMPLE)
        result["a_start"] = a_start + heads(self._key(Stream.TRUNCATE_A), first, a_drop)
        result["b_start"] = b_start + heads(self._key(Stream.TRUNCATE_B), first, b_drop)
        result["a_length"] = a_length - a_drop
        result["b_length"] = b_length - b_drop
        result["label"] = drawn.is_other
        return result

    def _key(self, stream: Stream) -> int:
        seed, epoch, visit = self.context
        return stream_key(seed, stream, epoch, visit)

    def _partners(self, first: Ints, document: Ints, wanted: Ints) -> tuple[Ints, Ints]:
        """First token, and first token after, of a random B of `wanted` tokens for each chunk."""
        corpus = self.corpus
        bits = random_bits(self._key(Stream.PARTNER_DOCUMENT), first)
        other = below(bits, corpus.num_documents - 1)
        other += other >= document
        start, end = corpus.starts.take(other), corpus.ends.take(other)
        start += below(random_bits(self._key(Stream.PARTNER_SENTENCE), first), end - start)
        # At least one sentence; then one more for all that are still too short, together: all
        # rows at first, and then only the few that are left.
        offsets = corpus.offsets
        b_start = offsets.take(start)
        wanted = b_start + wanted
        stop = start + 1
        for _ in range(3):
            stop += (offsets.take(stop) < wanted) & (stop < end)
        b_end = offsets.take(stop)
        short = np.flatnonzero((b_end < wanted) & (stop < end))
        while len(short):
            stop[short] += 1
            at = stop.take(short)
            reached = b_end[short] = offsets.take(at)
            short = short[(reached < wanted.take(short)) & (at < end.take(short))]
        return b_start, b_end


def walk(
    corpus: Corpus,
    objective: PretrainingObjective,
    seed: int,
    epoch: int,
    visit: int = 0,
    first_sentence: int = 0,
) -> Iterator[Chunks]:
    """Visits the documents from `first_sentence` on, in order, in pieces that fit the cache."""
    context = seed, epoch, visit
    key = stream_key(seed, Stream.SPLIT_CHUNK, epoch, visit)
    num_sentences = len(corpus.offsets) - 1
    goes_back = objective.pairs == "next_sentence"
    entry = first_sentence
    while entry < num_sentences:
        lo, hi = entry, min(entry + _PIECE, num_sentences)
        documents = corpus.documents_of(lo, hi)
        starts, ends = corpus.starts[documents], corpus.ends[documents]
        repeats = np.minimum(ends, hi) - np.maximum(starts, lo)
        last = np.repeat(ends, repeats)
        target = np.repeat(_targets(objective, context, documents), repeats)
        # The chunk that would start at each sentence.
        size = _sizes(corpus, objective.max_tokens, lo, last, target)
        if goes_back:
            bits = random_bits(key, np.arange(lo, hi))
            is_random = (bits & np.uint64(1)).astype(bool)
            chosen, leave = follow(np.where(is_random, _a_sizes(bits, size), size), 0)
        else:
            chosen, leave = follow(size, 0)
            first = chosen + lo
            tokens = corpus.offsets.take(first + size[chosen]) - corpus.offsets.take(first)
            chosen = chosen[tokens > 1]
        places, sizes = chosen.astype(np.uint16), size[chosen].astype(np.uint16)
        yield Chunks(corpus, objective, context, lo, places, sizes)
        entry = lo + leave


def _targets(
    objective: PretrainingObjective, context: tuple[int, int, int], documents: slice
) -> Ints:
    """The target length in tokens of a visit to each of the documents, [D]."""
    seed, epoch, visit = context
    numbers = np.arange(documents.start, documents.stop)
    bits = random_bits(stream_key(seed, Stream.TARGET_LENGTH, epoch, visit), numbers)
    return drawn_lengths(bits, objective)


def drawn_lengths(bits: npt.NDArray[np.uint64], objective: PretrainingObjective) -> Ints:
    """The longest length in tokens or, with probability `short_seq_prob`, uniform from 2 up."""
    longest = objective.max_tokens
    is_short = (bits >> np.uint64(32)) < np.uint64(round(objective.short_seq_prob * 2**32))
    shorter = 2 + ((bits & np.uint64(0xFFFFFFFF)) * np.uint64(longest - 1) >> np.uint64(32))
    return np.where(is_short, shorter.astype(np.int64), longest)


def _sizes(corpus: Corpus, max_tokens: int, lo: int, last: Ints, target: Ints) -> Ints:
    """The sentences collected from each of `lo`, `lo` + 1, ... on, up to `last`: [C].

    One more sentence for all that are too short, together, is ten times as fast as a search for
    each; searched are the few that need more than most.
    """
    offsets, count = corpus.offsets, len(last)
    wanted = offsets[lo : lo + count] + target
    size = np.ones(count, np.uint8)
    more = np.zeros(count, np.bool_)
    for step in range(1, _STEPS):
        there = offsets[lo + step : lo + step + count]
        np.less(there, wanted[: len(there)], out=more[: len(there)])
        more[len(there) :] = False
        size += more.view(np.uint8)
        if step % 4 == 0 and np.count_nonzero(more) * 32 < count:
            break
    sizes = size.astype(np.int64)
    rows = np.flatnonzero(more)
    # A chunk of n sentences has at least as many tokens, so that its end is not far away.
    ahead = offsets[lo : lo + count + max_tokens]
    sizes[rows] = np.searchsorted(ahead, wanted[rows]) - rows
    np.minimum(sizes, last - np.arange(lo, lo + count), out=sizes)
    return sizes


def _a_sizes(bits: npt.NDArray[np.uint64], size: Ints) -> Ints:
    """The first part of `size` things that are split in two: uniform in 1 .. size - 1 (1 of 1)."""
    half = np.uint64(32)
    part = (bits >> half) * np.maximum(size - 1, 1).view(np.uint64)
    part >>= half
    part += np.uint64(1)
    return part.view(np.int64)


def _exchanged(one: Ints, other: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Copies of both, the elements `rows` of which have changed places."""
    first, second = one.copy(), other.copy()
    first[rows], second[rows] = other[rows], one[rows]
    return first, second


def _excess(a_length: Ints, b_length: Ints, max_tokens: int) -> tuple[Ints, Ints]:
    """How many tokens A and B lose, dropping one of the longer (tie: B) until both fit."""
    excess = np.maximum(a_length + b_length - max_tokens, 0)
    difference = a_length - b_length
    one_sided = np.minimum(excess, np.abs(difference))
    rest = excess - one_sided  # from equal lengths on: B, A, B, A ...
    a_drop = np.where(difference > 0, one_sided, 0) + rest // 2
    return a_drop, excess - a_drop
