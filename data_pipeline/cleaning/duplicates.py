"""Which documents are copies of an earlier one, among all documents of a corpus.

Documents are compared only where a band of their MinHash values is the same (locality-sensitive
hashing; Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4). Pairs found so
count as near-duplicates if the similarity that all their values estimate reaches the threshold;
what pairs connect is a group, and the first document of a group stays. So the result depends on the
documents and their order alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.cleaning.signatures import NUM_HASHES, Signatures
from data_pipeline.progress import Progress, silent

Indices = npt.NDArray[np.int64]

# Of pairs exactly at the threshold, so many agree in some band.
_LEAST_RECALL = 0.99
# Within those that agree in a band, all are compared with the first, what is unlike it with the
# first of these, and so on, so often: work grows with the documents, not with their pairs.
_ROUNDS = 8
# Rows of signatures in memory at a time.
_PIECE = 1 << 14
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Duplicates:
    """For each of D documents, in their order.

    Attributes:
        kept: int64 [D], the number of the document that stays in this one's place; its own number
            where it stays itself.
        exact: bool [D], whether it has the same words as an earlier document.
    """

    kept: Indices
    exact: npt.NDArray[np.bool_]

    @property
    def dropped(self) -> npt.NDArray[np.bool_]:
        """Whether a document is dropped: [D]."""
        return self.kept != np.arange(len(self.kept))


def find_duplicates(
    signatures: Signatures, rules: CleaningRules, *, progress: Progress = silent
) -> Duplicates:
    """Finds the documents that are copies of an earlier one.

    About 40 bytes a document are in memory; `signatures` may be memory-mapped, and is read once and
    then once for each band.

    Args:
      signatures: [D] records of all documents (`signatures.signatures`), made with these rules.
      rules: which duplicates to look for.
      progress: shows what is done.
    """
    first = np.arange(len(signatures))
    bands = _bands(rules.near_duplicates) if rules.near_duplicates is not None else []
    with progress("finding duplicates", len(bands) + 1, "bands") as task:
        if rules.exact_duplicates:
            exact = signatures["exact"]
            _join_alike(first, first.copy(), exact[:, 0].copy(), _same(exact))
        is_exact = first != np.arange(len(first))
        task.advance(1)
        documents = np.flatnonzero(~is_exact)
        for low, high in bands:
            minhash = signatures["minhash"]
            keys = _band_keys(minhash, documents, low, high)
            _join_alike(first, documents, keys, _similar(minhash, rules.near_duplicates or 1.0))
            task.advance(1)
    return Duplicates(first, is_exact)


def _bands(threshold: float) -> list[tuple[int, int]]:
    """Where each band of values begins and ends.

    Bands as long as can be, so that few pairs are compared in vain, among those that still find
    99 % of the pairs at the threshold: a pair of similarity t agrees in one of b bands of r values
    with probability 1 - (1 - t^r)^b.
    """
    for rows in range(NUM_HASHES, 0, -1):
        bands = NUM_HASHES // rows
        if rows == 1 or 1 - (1 - threshold**rows) ** bands >= _LEAST_RECALL:
            break
    return [(band * rows, (band + 1) * rows) for band in range(bands)]


def _band_keys(
    minhash: npt.NDArray[np.uint16], documents: Indices, low: int, high: int
) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of the values low .. high - 1 of each document: [documents]."""
    keys = np.zeros(len(documents), np.uint64)
    for piece in _pieces(len(documents)):
        values = minhash[documents[piece], low:high]
        part = keys[piece]
        for place in range(high - low):
            part += values[:, place]
            part *= _MULTIPLIER
            part ^= part >> np.uint64(29)
    return keys


def _join_alike(
    first: Indices,
    documents: Indices,
    keys: npt.NDArray[np.uint64],
    alike: Callable[[Indices, Indices], npt.NDArray[np.bool_]],
) -> None:
    """Joins the groups of those documents that have the same key and are alike.

    Args:
      first: [D] for each document the first of its group; changed in place.
      documents: ascending numbers of the documents to compare.
      keys: one for each of `documents`.
      alike: tells for pairs of documents whether they are.
    """
    order = np.argsort(keys, kind="stable")  # in a bucket, ascending by number
    keys = keys[order]
    shared = _with_another(keys)
    members, keys = documents[order[shared]], keys[shared]
    del order
    for _ in range(_ROUNDS):
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
        pivots = np.repeat(members[starts], np.diff(np.append(starts, len(keys))))
        joined = first[pivots] == first[members]
        unknown = np.flatnonzero(~joined)
        joined[unknown] = alike(pivots[unknown], members[unknown])
        _join(first, pivots[joined], members[joined])
        members, keys = members[~joined], keys[~joined]
        shared = _with_another(keys)
        members, keys = members[shared], keys[shared]
        if not len(members):
            return


def _with_another(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which of these sorted keys are there more than once."""
    shared = np.zeros(len(keys), bool)
    equal = keys[1:] == keys[:-1]
    shared[1:] = equal
    shared[:-1] |= equal
    return shared


def _join(first: Indices, left: Indices, right: Indices) -> None:
    """Makes one group of the groups of each pair: what pairs connect has one first document."""
    left, right = first[left], first[right]
    apart = left != right
    if not apart.any():
        return
    # SciPy, which JAX needs anyway; imported late because it takes a second.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.concatenate([left[apart], right[apart]])
    groups, places = np.unique(pairs, return_inverse=True)
    n = len(pairs) // 2
    graph = coo_array((np.ones(n, bool), (places[:n], places[n:])), (len(groups), len(groups)))
    component = connected_components(graph, directed=False)[1]
    # `groups` ascends, so the first place of a component is its lowest number.
    lowest = groups[np.unique(component, return_index=True)[1]]
    first[groups] = lowest[component]
    first[:] = first[first]


def _same(exact: npt.NDArray[np.uint64]) -> Callable[[Indices, Indices], npt.NDArray[np.bool_]]:
    def alike(left: Indices, right: Indices) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = (exact[left] == exact[right]).all(axis=1)
        return found

    return alike


def _similar(
    minhash: npt.NDArray[np.uint16], threshold: float
) -> Callable[[Indices, Indices], npt.NDArray[np.bool_]]:
    needed = math.ceil(threshold * NUM_HASHES - 1e-9)

    def alike(left: Indices, right: Indices) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(left), bool)
        for piece in _pieces(len(left)):
            equal = minhash[left[piece]] == minhash[right[piece]]
            found[piece] = np.count_nonzero(equal, axis=1) >= needed
        return found

    return alike


def _pieces(n: int) -> Iterator[slice]:
    for start in range(0, n, _PIECE):
        yield slice(start, start + _PIECE)
