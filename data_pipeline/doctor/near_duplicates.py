"""Documents that are nearly another's copy, of a bounded sample, found by MinHash.

The search is that of cleaning (`data_pipeline.cleaning`), over token ids in place of words: one
word changed in a sentence of ten leaves two thirds of its pairs of neighbours as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_pipeline.cleaning.duplicates import find_duplicates
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.cleaning.signatures import minhash_of, shingles_of, signature_dtype
from data_pipeline.store.token_store import Split

RULES = CleaningRules(near_duplicates=0.6, shingle_words=2)
MOST_DOCUMENTS, MOST_TOKENS = 1 << 14, 1 << 22
# Copies often stand near each other, so what is compared are neighbours, from all over the text.
_STRETCHES = 64


@dataclass(frozen=True)
class NearDuplicates:
    """Near repeats; a lower bound where only a part was compared.

    Attributes:
        documents: how many were compared, by their first `tokens`.
        tokens: of a document, at most.
        share: of these documents, those that are nearly, or exactly, an earlier one's copy.
    """

    documents: int
    tokens: int
    share: float


def near_duplicates(
    split: Split, most_documents: int = MOST_DOCUMENTS, most_tokens: int = MOST_TOKENS
) -> NearDuplicates:
    """Compares some documents of a split, the same every time; about a second for the most.

    Args:
        split: with one document or more.
        most_documents: that are compared.
        most_tokens: of all of them together.
    """
    chosen = _chosen(split.num_documents, most_documents)
    tokens = max(1, most_tokens // len(chosen))
    starts = split.sentence_offsets[split.document_offsets[chosen]]
    ends = split.sentence_offsets[split.document_offsets[chosen + 1]]
    signatures = np.zeros(len(chosen), signature_dtype(RULES))
    minhash = signatures["minhash"]
    for i, (start, end) in enumerate(zip(starts, np.minimum(ends, starts + tokens), strict=True)):
        ids = split.tokens[start:end].astype(np.uint64)
        minhash[i] = minhash_of(shingles_of(ids, RULES.shingle_words))
    found = find_duplicates(signatures, RULES)
    return NearDuplicates(len(chosen), tokens, float(found.dropped.mean()))


def _chosen(documents: int, most: int) -> np.ndarray:
    """Numbers of documents, ascending: all, or stretches that lie evenly over them."""
    if documents <= most:
        return np.arange(documents)
    stretches = min(_STRETCHES, most)
    firsts = np.arange(stretches) * documents // stretches
    return (firsts[:, None] + np.arange(most // stretches)).reshape(-1)
