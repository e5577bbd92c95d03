"""The sentences and documents of a split that have text, as a plan walks them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError
from data_pipeline.objective import Pairs
from data_pipeline.store.token_store import Split, changed_on_disk

Ints = npt.NDArray[np.int64]

# Sentences looked at together, so that a mapped file is never copied as a whole.
_PIECE = 1 << 16


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
    def of(cls, split: Split, pairs: Pairs = "next_sentence") -> Corpus:
        """Reads the offsets of a split.

        DataError where it has no text for such pairs, or the offsets do not ascend.
        """
        offsets = np.asarray(split.sentence_offsets)
        bounds = np.asarray(split.document_offsets)
        empty = [
            lo + _empty(offsets[lo : lo + _PIECE + 1]) for lo in range(0, len(offsets) - 1, _PIECE)
        ]
        if any(map(len, empty)):
            dropped = np.concatenate(empty)
            offsets = np.delete(offsets, dropped)
            bounds = bounds - np.searchsorted(dropped, bounds)
        starts, ends = bounds[:-1], bounds[1:]
        with_text = ends > starts
        if not with_text.all():
            if (ends < starts).any():
                raise changed_on_disk("document_offsets")
            starts, ends = starts[with_text], ends[with_text]
        if pairs == "next_sentence" and len(starts) < 2:
            raise DataError(
                f"sentence pairs need at least two documents with text, because a random second "
                f"sentence comes from another document; got {len(starts)}. "
                "A blank line ends a document."
            )
        if not len(starts):
            raise DataError(
                "an example needs a document with text; got none. Prepare text that is not empty."
            )
        if pairs == "sentence_order" and not (offsets[ends] - offsets[starts] > 1).any():
            raise DataError(
                "sentence order needs a document of two tokens, which can change places; the "
                f"longest of {len(starts)} has one"
            )
        return cls(offsets, starts, ends)

    def documents_of(self, first: int, after: int) -> slice:
        """Those of the sentences `first` up to `after`."""
        return slice(
            int(np.searchsorted(self.ends, first, side="right")),
            int(np.searchsorted(self.starts, after)),
        )


def _empty(offsets: Ints) -> Ints:
    """Which of some sentences hold nothing."""
    steps = np.diff(offsets)
    found = np.flatnonzero(steps <= 0)
    if (steps[found] < 0).any():
        raise changed_on_disk("sentence_offsets")
    return found
