"""Finished units -> token store, in the order of the input."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipeline.cleaning.dropped import Dropped, dropped_duplicates
from data_pipeline.cleaning.duplicates import find_duplicates
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.cleaning.signatures import join_signatures
from data_pipeline.documents import PlaceKind, Source, SplitName
from data_pipeline.errors import DataError
from data_pipeline.preparation.encoded_unit import EncodedUnit, read_unit
from data_pipeline.preparation.work import Work, signatures_path, streams_of
from data_pipeline.progress import Progress
from data_pipeline.store.origins import ORIGINS, Origin
from data_pipeline.store.token_store import SPLITS, TokenStore
from data_pipeline.store.writer import StoreWriter

# In the work folder: all documents' signatures in a row.
SIGNATURES = "signatures.npy"


class EmptyInput(DataError):
    """There is nothing to write: what was done is of no use."""


def merge(
    work: Work,
    sources: Sequence[Source],
    writer: StoreWriter,
    facts: Mapping[str, Any],
    cleaning: CleaningRules,
    check: Callable[[Mapping[str, int], Dropped], None],
    progress: Progress,
) -> TokenStore:
    """Writes the store of all units of a finished work folder.

    Args:
        work: every stream of it is finished.
        sources: of the work.
        writer: of the store.
        facts: go into the manifest.
        cleaning: which duplicates are dropped.
        check: is given the number of documents of each split, and what cleaning dropped, before the
            store gets its name, and raises where that is no good.
        progress: shows what is done.

    Raises:
        DataError: a source holds nothing, a unit's file is damaged, or `check` says so.
    """
    records = {key: work.stream_record(key) or {} for key, _ in streams_of(sources)}
    paths = {
        key: [work.unit_path(key, n) for n in range(record["units"])]
        for key, record in records.items()
    }
    for number, source in enumerate(sources):
        if not any(units for key, units in paths.items() if key.source == number):
            raise EmptyInput(f"{source.name}: there is no text in it")
    is_copy, dropped = _duplicates(
        work, [p for some in paths.values() for p in some], cleaning, progress
    )

    counts: list[Counter[str]] = [Counter() for _ in sources]
    odd: Counter[str] = Counter(
        replaced_characters=0,
        removed_control_characters=0,
        dropped_sentences=0,
        dropped_documents=0,
    )
    by_rules = Dropped()
    origins: list[Origin] = []
    seen = 0
    with progress("writing the store", sum(map(len, paths.values())), "unit") as task:
        for key, stream in streams_of(sources):
            counts[key.source].update(records[key]["counts"])
            documents: dict[SplitName, int] = {"train": 0, "eval": 0}
            place_kind: PlaceKind | None = None
            for unit in map(read_unit, paths[key]):
                kept = np.ones(unit.num_documents, bool)
                if is_copy is not None:
                    kept = ~is_copy[seen : seen + unit.num_documents]
                seen += unit.num_documents
                place_kind = unit.place_kind
                for name, n in unit.counts.items():
                    (odd if name in odd else counts[key.source])[name] += n
                by_rules += unit.dropped
                for name in SPLITS:
                    documents[name] += _append(writer, name, unit, kept)
                task.advance(1)
            origins.append(Origin(key.source, stream.name, **documents, places=place_kind))
            for name in SPLITS:
                counts[key.source][f"{name}_documents"] += documents[name]
    dropped = by_rules + dropped
    check({name: writer.splits[name].counts["documents"] for name in SPLITS}, dropped)
    rows = [origin._asdict() for origin in origins]
    writer.write(ORIGINS, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    described = [
        {**source.describe(), **count} for source, count in zip(sources, counts, strict=True)
    ]
    cleaned = {"rules": asdict(cleaning), "dropped": dropped.facts()}
    return writer.finish({**facts, **odd, "cleaning": cleaned, "sources": described})


def _duplicates(
    work: Work, units: Sequence[Path], cleaning: CleaningRules, progress: Progress
) -> tuple[npt.NDArray[np.bool_] | None, Dropped]:
    """Which of all documents, in the order of the units, are copies of an earlier one, or None."""
    if not cleaning.finds_duplicates:
        return None, Dropped()
    joined = work.folder / SIGNATURES
    found = join_signatures(map(signatures_path, units), joined, cleaning)
    duplicates = find_duplicates(found, cleaning, progress=progress)
    return duplicates.dropped, dropped_duplicates(found, duplicates)


def _append(
    writer: StoreWriter, name: SplitName, unit: EncodedUnit, kept: npt.NDArray[np.bool_]
) -> int:
    """Adds the documents of a split that are kept, and says how many there were."""
    chosen = kept & (unit.held_out if name == "eval" else ~unit.held_out)
    number = int(chosen.sum())
    if number:
        writer.splits[name].append(unit.part(chosen))
    return number
