"""A bounded part of a split, as a split: stretches of whole sentences, spread over all of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_pipeline.counter_random import Stream, below, random_bits, stream_key
from data_pipeline.store.token_store import Split

_SEED = 0
_STRETCHES = 64


@dataclass(frozen=True, eq=False)
class Sample:
    """A part of a split.

    Attributes:
        split: the part; the split itself where that is small.
        share: of the split's tokens, 1 where it is all of it.
    """

    split: Split
    share: float

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return self.share >= 1


def sample_split(split: Split, max_tokens: int) -> Sample:
    """About `max_tokens` tokens of a split, the same every time.

    Each of 64 equal parts of the text gives a stretch that begins with the document after a random
    token (in a document longer than a stretch: with that token's sentence) and ends with a
    document, where one ends soon enough.
    """
    if split.num_tokens <= max_tokens:
        return Sample(split, 1.0)
    ranges = _ranges(split, max_tokens)
    offsets = split.sentence_offsets
    tokens = np.concatenate([split.tokens[offsets[lo] : offsets[hi]] for lo, hi in ranges])
    lengths = np.concatenate([np.diff(offsets[lo : hi + 1]) for lo, hi in ranges])
    counts = np.concatenate([_document_counts(split, lo, hi) for lo, hi in ranges])
    part = Split(tokens, _offsets(lengths), _offsets(counts))
    return Sample(part, part.num_tokens / split.num_tokens)


def _ranges(split: Split, max_tokens: int) -> list[tuple[int, int]]:
    """The stretches as ranges of sentences, ascending and apart."""
    offsets, documents = split.sentence_offsets, split.document_offsets
    wanted = max(1, max_tokens // _STRETCHES)
    width = max(1, split.num_tokens // _STRETCHES)
    bits = random_bits(stream_key(_SEED, Stream.DOCTOR_SAMPLE), np.arange(_STRETCHES))
    starts = np.arange(_STRETCHES) * width + below(bits, width)
    ranges: list[tuple[int, int]] = []
    taken, end = 0, 0
    for at in starts:
        sentence = int(np.searchsorted(offsets, at, side="right")) - 1
        first = int(documents[np.searchsorted(documents, sentence)])
        if first >= split.num_sentences or offsets[first] - at > wanted:
            first = sentence
        first = max(first, end)
        # A sentence may be longer than all that was asked for; whole documents never come to this.
        if first >= split.num_sentences or taken >= 2 * max_tokens:
            break
        last = int(np.searchsorted(offsets, offsets[first] + wanted))
        last = min(max(last, first + 1), split.num_sentences)
        document_end = int(documents[np.searchsorted(documents, last)])
        if offsets[document_end] - offsets[first] <= 2 * wanted:
            last = document_end
        ranges.append((first, last))
        taken += int(offsets[last] - offsets[first])
        end = last
    return ranges


def _document_counts(split: Split, lo: int, hi: int) -> np.ndarray:
    """Sentences of each document, or part of one, among the sentences lo .. hi - 1."""
    documents = split.document_offsets
    inside = documents[np.searchsorted(documents, lo, side="right") :]
    inside = inside[: np.searchsorted(inside, hi)]
    return np.diff(np.concatenate(([lo], inside, [hi])))


def _offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate(([0], np.cumsum(lengths)))
