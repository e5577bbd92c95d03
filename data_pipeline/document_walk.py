"""The original's walk through the documents, vectorised: which sentences are A, which are B.

The rules are those of `create_pretraining_data.py` (google-research/bert), read from the paper and
the code: a visit to a document draws its target length; sentences are collected into a chunk until
the target is reached or the document ends; the first a sentences of the chunk are A; B is the
rest, or, with probability one half and always for a chunk of one sentence, comes from a uniform
sentence of a uniform other document, and then the unused sentences go back; the longer of A and B
loses tokens at either end until both fit.

The original draws from one sequential generator. Here every draw is a function of (seed, epoch,
visit, first sentence of the chunk), which has the same distribution because a visit starts a chunk
at a sentence at most once. It lets the chunk that *would* start at each sentence be computed
for all sentences at once; the chunks that do occur are those on the chain from the first sentence
(`chain.follow`), whatever the lengths of the documents.

One rule differs: the other document is drawn among the others. The original draws among all, up to
ten times, and may come to use the same document after all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.chain import follow
from data_pipeline.counter_random import Stream, below, heads, random_bits, stream_key
from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.token_store import Split

Ints = npt.NDArray[np.int64]

# Sentences handled at once: the arrays of one piece stay in the processor's cache.
_PIECE = 1 << 16

EXAMPLE = np.dtype(
    [
        ("a_start", "<i8"),
        ("b_start", "<i8"),
        ("a_length", "<u2"),
        ("b_length", "<u2"),
        ("label", "<u4"),
    ]
)
"""One example: its two stretches of tokens in the split, and 0 (B follows A) or 1 (B is random)."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """A split without empty sentences and documents, which the original drops as well."""

    offsets: Ints  # [S + 1] of the sentences in the tokens, ascending without repeats
    starts: Ints  # [D] first sentence of each document
    ends: Ints  # [D] first sentence after it

    @property
    def num_documents(self) -> int:
        """Documents with text."""
        return len(self.starts)

    @classmethod
    def of(cls, split: Split) -> Corpus:
        """Reads the offsets of a split; DataError unless two documents have text."""
        offsets = np.asarray(split.sentence_offsets)
        bounds = np.asarray(split.document_offsets)
        empty = [
            lo + np.flatnonzero(np.diff(offsets[lo : lo + _PIECE + 1]) == 0)
            for lo in range(0, len(offsets) - 1, _PIECE)
        ]
        if any(map(len, empty)):
            dropped = np.concatenate(empty)
            offsets = np.delete(offsets, dropped)
            bounds = bounds - np.searchsorted(dropped, bounds)
        starts, ends = bounds[:-1], bounds[1:]
        with_text = ends > starts
        if not with_text.all():
            starts, ends = starts[with_text], ends[with_text]
        if len(starts) < 2:
            raise DataError(
                f"sentence pairs need at least two documents with text, because a random second "
                f"sentence comes from another document; got {len(starts)}. "
                "A blank line ends a document."
            )
        return cls(offsets, starts, ends)


@dataclass(frozen=True, eq=False)
class Chunks:
    """The chunks of a stretch of one visit, in order; all arrays are [C]."""

    corpus: Corpus
    max_tokens: int
    context: tuple[int, int, int]  # seed, epoch, visit: with the first sentence, all randomness
    first: Ints  # first sentence
    size: Ints  # sentences collected
    a_size: Ints  # sentences of A
    is_random: npt.NDArray[np.bool_]
    target: Ints  # target length in tokens
    document: Ints

    def examples(self) -> npt.NDArray[np.void]:
        """The examples of these chunks, [C] of type EXAMPLE."""
        offsets = self.corpus.offsets
        a_start = offsets[self.first]
        b_start = offsets[self.first + self.a_size]
        b_end = offsets[self.first + self.size]
        rows = np.flatnonzero(self.is_random)
        b_start_of_random, b_end_of_random = self._partners(rows, (b_start - a_start)[rows])
        a_length = b_start - a_start
        b_start[rows] = b_start_of_random
        b_end[rows] = b_end_of_random
        b_length = b_end - b_start

        a_drop, b_drop = _excess(a_length, b_length, self.max_tokens)
        result = np.empty(len(self.first), EXAMPLE)
        result["a_start"] = a_start + heads(self._key(Stream.TRUNCATE_A), self.first, a_drop)
        result["b_start"] = b_start + heads(self._key(Stream.TRUNCATE_B), self.first, b_drop)
        result["a_length"] = a_length - a_drop
        result["b_length"] = b_length - b_drop
        result["label"] = self.is_random
        return result

    def _key(self, stream: Stream) -> int:
        seed, epoch, visit = self.context
        return stream_key(seed, stream, epoch, visit)

    def _partners(self, rows: Ints, a_length: Ints) -> tuple[Ints, Ints]:
        """First token, and first token after, of a random B for each of the chunks `rows`."""
        corpus = self.corpus
        first = self.first[rows]
        bits = random_bits(self._key(Stream.PARTNER_DOCUMENT), first)
        other = below(bits, corpus.num_documents - 1)
        other += other >= self.document[rows]
        start, end = corpus.starts[other], corpus.ends[other]
        start += below(random_bits(self._key(Stream.PARTNER_SENTENCE), first), end - start)
        # At least one sentence; then one more for all that are still too short, together: all
        # rows at first, and then only the few that are left.
        offsets = corpus.offsets
        b_start = offsets.take(start)
        wanted = b_start + self.target[rows] - a_length
        stop = start + 1
        for _ in range(3):
            stop += (offsets.take(stop) < wanted) & (stop < end)
        short = np.flatnonzero((offsets.take(stop) < wanted) & (stop < end))
        while len(short):
            stop[short] += 1
            at = stop.take(short)
            short = short[(offsets.take(at) < wanted.take(short)) & (at < end.take(short))]
        return b_start, offsets.take(stop)


def walk(
    corpus: Corpus,
    objective: PretrainingObjective,
    seed: int,
    epoch: int,
    visit: int = 0,
    first_sentence: int = 0,
) -> Iterator[Chunks]:
    """Visits the documents from `first_sentence` on, in order, in pieces that fit the cache."""
    key = stream_key(seed, Stream.SPLIT_CHUNK, epoch, visit)
    num_sentences = len(corpus.offsets) - 1
    entry = first_sentence
    while entry < num_sentences:
        lo, hi = entry, min(entry + _PIECE, num_sentences)
        document, last, target = _of_sentences(corpus, objective, (seed, epoch, visit), lo, hi)
        # The chunk that would start at each sentence. A chunk of n sentences has at least as many
        # tokens, so the look-ahead is bounded by the longest target.
        offsets = corpus.offsets[lo : hi + objective.max_tokens]
        sentence = np.arange(lo, hi)
        size = np.searchsorted(offsets, offsets[: hi - lo] + target)
        size += lo
        np.minimum(size, last, out=size)
        size -= sentence
        bits = random_bits(key, sentence)
        is_random = (bits & np.uint64(1)).astype(bool)
        bits >>= np.uint64(32)
        bits *= np.maximum(size - 1, 1).view(np.uint64)
        bits >>= np.uint64(32)
        a_size = bits.view(np.int64)
        a_size += 1
        chosen, leave = follow(np.where(is_random, a_size, size), 0)
        yield Chunks(
            corpus,
            objective.max_tokens,
            (seed, epoch, visit),
            first=chosen + lo,
            size=size[chosen],
            a_size=a_size[chosen],
            is_random=is_random[chosen] | (size[chosen] == 1),
            target=target[chosen],
            document=document[chosen],
        )
        entry = lo + leave


def _of_sentences(
    corpus: Corpus,
    objective: PretrainingObjective,
    context: tuple[int, int, int],
    lo: int,
    hi: int,
) -> tuple[Ints, Ints, Ints]:
    """The document, its end, and its target length for sentences lo .. hi - 1: [hi - lo] each."""
    seed, epoch, visit = context
    first = int(np.searchsorted(corpus.ends, lo, side="right"))
    after = int(np.searchsorted(corpus.starts, hi))
    documents = np.arange(first, after)
    bits = random_bits(stream_key(seed, Stream.TARGET_LENGTH, epoch, visit), documents)
    longest = objective.max_tokens
    is_short = (bits >> np.uint64(32)) < np.uint64(round(objective.short_seq_prob * 2**32))
    shorter = 2 + ((bits & np.uint64(0xFFFFFFFF)) * np.uint64(longest - 1) >> np.uint64(32))
    target = np.where(is_short, shorter.astype(np.int64), longest)
    starts, ends = corpus.starts[first:after], corpus.ends[first:after]
    repeats = np.minimum(ends, hi) - np.maximum(starts, lo)
    return (
        np.repeat(documents, repeats),
        np.repeat(ends, repeats),
        np.repeat(target, repeats),
    )


def _excess(a_length: Ints, b_length: Ints, max_tokens: int) -> tuple[Ints, Ints]:
    """How many tokens A and B lose, dropping one of the longer (tie: B) until both fit."""
    excess = np.maximum(a_length + b_length - max_tokens, 0)
    difference = a_length - b_length
    one_sided = np.minimum(excess, np.abs(difference))
    rest = excess - one_sided  # from equal lengths on: B, A, B, A ...
    a_drop = np.where(difference > 0, one_sided, 0) + rest // 2
    return a_drop, excess - a_drop
