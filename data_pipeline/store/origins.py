"""Which input a document of a token store came from, and where it stands in it.

STORE/origins.json   a list of [{source, name, train, eval, places}]: for each stream (a file, say)
in the order of the store, how many documents of each split came from it, and what their places are
numbers of (lines, say)
STORE/SPLIT/document_places.npy   int64 [documents]: the first line of each, say, from 1; 0: unknown

A store that was made before either was written says less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_pipeline.documents import Place, PlaceKind, SplitName
from data_pipeline.errors import DataError
from data_pipeline.store.token_store import PLACES, SPLITS, TokenStore, map_array
from data_pipeline.strict_json import parse_json

ORIGINS = "origins.json"


class Origin(NamedTuple):
    """A stream of a source, and how many documents of each split came from it, in this order."""

    source: int
    name: str
    train: int
    eval: int
    places: PlaceKind | None = None


class DocumentOrigin(NamedTuple):
    """Where a document is from.

    Attributes:
        document: its number in the split, from 0.
        name: of the stream, a file's path; None for a store that does not say.
        place: where it begins in the stream as it was read, dropped documents and all; None for a
            store that does not say.
    """

    document: int
    name: str | None
    place: Place | None


class Origins:
    """The origins of all documents of a store."""

    def __init__(self, store: TokenStore) -> None:
        """Raises DataError where a file of them is damaged."""
        path = store.path / ORIGINS
        self._rows: list[Origin] = []
        self._ends = {name: np.zeros(0, np.int64) for name in SPLITS}
        if not path.is_file():
            return
        try:
            self._rows = [Origin(**row) for row in parse_json(path.read_text("utf-8"))]
            self._ends = {
                name: np.cumsum([getattr(row, name) for row in self._rows], dtype=np.int64)
                for name in SPLITS
            }
        except (ValueError, TypeError, OverflowError) as error:
            raise DataError(f"{path}: is damaged: {error}; prepare the store again") from error
        self._places = {
            name: map_array(store.path, f"{name}/{PLACES}.npy", "int64")
            for name in SPLITS
            if (store.path / name / f"{PLACES}.npy").is_file()
        }

    def of(self, split: SplitName, document: int) -> DocumentOrigin:
        """Where a document of a split is from."""
        stream = int(np.searchsorted(self._ends[split], document, side="right"))
        if stream >= len(self._rows):
            return DocumentOrigin(document, None, None)
        name, kind = self._rows[stream].name, self._rows[stream].places
        place = None
        if kind is not None and split in self._places:
            place = Place(kind, int(self._places[split][document]))
        return DocumentOrigin(document, name, place)
