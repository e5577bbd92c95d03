"""Several splits as one: their tokens one after the other, without copying them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data_pipeline.assembly import Sequences, document_ends
from data_pipeline.store.token_store import Split

Ints = npt.NDArray[np.int64]

# Examples of a store have this many numbers to themselves, more than a run can use.
_NUMBERS = 1 << 48


class JoinedSplits:
    """What `SequenceAssembler` needs of a split, of several.

    Attributes:
        starts: [stores] the place of each one's first token among all.
    """

    def __init__(self, splits: Sequence[Split]) -> None:
        self._splits = list(splits)
        self._tokens = [np.asarray(split.tokens) for split in splits]
        lengths = np.array([len(tokens) for tokens in self._tokens])
        self.starts: Ints = np.cumsum(lengths) - lengths

    def sequences(self, store: int, own: Sequences) -> Sequences:
        """A store's sequences as those of all stores, where no other has their numbers."""
        examples = own.examples.copy()
        examples["a_start"] += self.starts[store]
        examples["b_start"] += self.starts[store]
        return Sequences(examples, own.numbers + store * _NUMBERS, own.rows)

    def document_ends(self) -> Ints:
        """Where documents end, ascending."""
        parts = zip(self._splits, self.starts, strict=True)
        return np.concatenate([document_ends(split) + start for split, start in parts])

    def gather(self, places: Ints) -> npt.NDArray[np.int32]:
        """The tokens at some places, [B, W]; a row's are of the store of its second one.

        A place that is not in this store has any token.
        """
        store = np.searchsorted(self.starts, places[:, 1], side="right") - 1
        order = np.argsort(store, kind="stable")
        ends = np.cumsum(np.bincount(store, minlength=len(self._tokens)))
        places = places[order]
        tokens = np.empty(places.shape, np.int32)
        for of in np.unique(store):
            lo, hi = ends[of - 1] if of else 0, ends[of]
            tokens[order[lo:hi]] = self._tokens[of].take(
                places[lo:hi] - self.starts[of], mode="clip"
            )
        return tokens
