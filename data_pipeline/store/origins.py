"""Which input a document of a token store came from.

STORE/origins.json   a list of [{source, name, train, eval}]: for each stream (a file, say) in the
order of the store, how many documents of each split came from it
"""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np

from data_pipeline.documents import SplitName
from data_pipeline.errors import DataError
from data_pipeline.store.token_store import SPLITS, TokenStore

ORIGINS = "origins.json"


class Origin(NamedTuple):
    """A stream of a source, and how many documents of each split came from it, in this order."""

    source: int
    name: str
    train: int
    eval: int


class DocumentOrigin(NamedTuple):
    """Where a document is from.

    Attributes:
        document: its number in the split.
        name: of the stream, a file's path; None for a store that does not say.
        number: of the document among those that the split has of the stream, from 0.
    """

    document: int
    name: str | None
    number: int | None


class Origins:
    """The origins of all documents of a store; a store made before they were written has none."""

    def __init__(self, store: TokenStore) -> None:
        """Raises DataError where the file is no list of origins."""
        path = store.path / ORIGINS
        self._names: list[str] = []
        self._ends = {name: np.zeros(0, np.int64) for name in SPLITS}
        if not path.is_file():
            return
        try:
            rows = [Origin(**row) for row in json.loads(path.read_text("utf-8"))]
            self._names = [row.name for row in rows]
            self._ends = {
                name: np.cumsum([getattr(row, name) for row in rows], dtype=np.int64)
                for name in SPLITS
            }
        except (ValueError, TypeError) as error:
            raise DataError(f"{path}: is damaged: {error}; prepare the store again") from error

    def of(self, split: SplitName, document: int) -> DocumentOrigin:
        """Where a document of a split is from."""
        ends = self._ends[split]
        stream = int(np.searchsorted(ends, document, side="right"))
        if stream >= len(ends):
            return DocumentOrigin(document, None, None)
        before = int(ends[stream - 1]) if stream else 0
        return DocumentOrigin(document, self._names[stream], document - before)
