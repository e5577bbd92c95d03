"""Sentences and documents that come more than once, found by hashes of their tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.doctor.words import sequence_hashes
from data_pipeline.store.token_store import Split

_PIECE_TOKENS = 1 << 20
_LONGEST_SHOWN = 40  # tokens


@dataclass(frozen=True)
class Repeated:
    """A text that comes more than once."""

    text: str
    count: int


@dataclass(frozen=True)
class Duplicates:
    """Exact repeats; lower bounds where only a part was compared.

    Attributes:
        count: of sentences, or documents, compared.
        share: of them, those that came before.
        token_share: of their tokens, those in them.
        commonest: the most frequent ones.
    """

    count: int
    share: float
    token_share: float
    commonest: tuple[Repeated, ...]


def duplicate_sentences_and_documents(
    split: Split, decode: Callable[[list[int]], str], commonest: int = 5
) -> tuple[Duplicates, Duplicates]:
    """Exact repeats, sentence by sentence and document by document.

    In a sample, repeats of what was left out are not seen: there the shares are lower bounds.

    Args:
        split: what is compared.
        decode: ids -> text.
        commonest: how many of the most frequent ones are decoded.
    """
    hashes = _sentence_hashes(split)
    offsets = np.asarray(split.sentence_offsets)
    documents = np.asarray(split.document_offsets)
    document_hashes = sequence_hashes(hashes, documents, stream=1)
    return (
        _duplicates(split, hashes, offsets, decode, commonest),
        _duplicates(split, document_hashes, offsets.take(documents), decode, commonest),
    )


def _sentence_hashes(split: Split) -> npt.NDArray[np.uint64]:
    """The hash of each sentence, made from as many at a time as fit the cache."""
    offsets = np.asarray(split.sentence_offsets)
    hashes = np.empty(split.num_sentences, np.uint64)
    lo = 0
    while lo < split.num_sentences:
        hi = int(np.searchsorted(offsets, offsets[lo] + _PIECE_TOKENS, side="right")) - 1
        hi = max(hi, lo + 1)
        tokens = split.tokens[offsets[lo] : offsets[hi]]
        hashes[lo:hi] = sequence_hashes(tokens, offsets[lo : hi + 1] - offsets[lo])
        lo = hi
    return hashes


def _duplicates(
    split: Split,
    hashes: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    decode: Callable[[list[int]], str],
    commonest: int,
) -> Duplicates:
    """Of things that are the tokens `offsets[i]` up to `offsets[i + 1]`."""
    _, index, counts = np.unique(hashes, return_index=True, return_counts=True)
    lengths = np.diff(offsets)
    repeated_tokens = int(((counts - 1) * lengths[index]).sum())
    several = np.flatnonzero(counts > 1)
    several = several[np.lexsort((index[several], -counts[several]))][:commonest]
    shown = []
    for i in several:
        lo, hi = int(offsets[index[i]]), int(offsets[index[i] + 1])
        text = decode(split.tokens[lo : min(hi, lo + _LONGEST_SHOWN)].tolist())
        shown.append(Repeated(text + " …" * (hi - lo > _LONGEST_SHOWN), int(counts[i])))
    n, total = len(hashes), int(offsets[-1] - offsets[0])
    return Duplicates(n, 1 - len(counts) / n, repeated_tokens / max(1, total), tuple(shown))
