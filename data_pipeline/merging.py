"""Finished units -> token store, in the order of the input."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from data_pipeline.documents import Source, SplitName
from data_pipeline.encoded_unit import EncodedUnit, read_unit
from data_pipeline.errors import DataError
from data_pipeline.preparation_work import StreamKey, Work, streams_of
from data_pipeline.token_store import SPLITS, TokenStore
from data_pipeline.token_store_writer import StoreWriter

ORIGINS = "origins.json"


class Origin(NamedTuple):
    """A stream of a source, and how many documents of each split came from it, in this order."""

    source: int
    name: str
    train: int
    eval: int


def merge(
    work: Work,
    sources: Sequence[Source],
    writer: StoreWriter,
    facts: Mapping[str, Any],
    check: Callable[[Mapping[str, int]], None],
    advance: Callable[[int], None],
) -> TokenStore:
    """Writes the store of all units of a finished work folder.

    Args:
        work: every stream of it is finished.
        sources: of the work.
        writer: of the store.
        facts: go into the manifest.
        check: is given the number of documents of each split before the store gets its name, and
            raises where it is no good.
        advance: counts units.

    Raises:
        DataError: a source holds nothing, a unit's file is damaged, or `check` says so.
    """
    counts: list[Counter[str]] = [Counter() for _ in sources]
    odd: Counter[str] = Counter(replaced_characters=0, dropped_sentences=0, dropped_documents=0)
    units: Counter[int] = Counter()
    origins: list[Origin] = []
    for key, stream in streams_of(sources):
        record = work.stream_record(key)
        assert record is not None, f"{key} is not finished"
        counts[key.source].update(record["counts"])
        units[key.source] += record["units"]
        documents: dict[SplitName, int] = {"train": 0, "eval": 0}
        for unit in _units(work, key, record["units"]):
            odd.update(unit.counts)
            for name in SPLITS:
                documents[name] += _append(writer, name, unit)
            advance(1)
        origins.append(Origin(key.source, stream.name, documents["train"], documents["eval"]))
        for name in SPLITS:
            counts[key.source][f"{name}_documents"] += documents[name]
    for number, source in enumerate(sources):
        if not units[number]:
            raise DataError(f"{source.name}: there is no text in it")
    check({name: writer.splits[name].counts["documents"] for name in SPLITS})
    rows = [origin._asdict() for origin in origins]
    writer.write(ORIGINS, json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    described = [
        {**source.describe(), **count} for source, count in zip(sources, counts, strict=True)
    ]
    return writer.finish({**facts, **odd, "sources": described})


def _units(work: Work, key: StreamKey, number: int) -> Iterator[EncodedUnit]:
    return (read_unit(work.unit_path(key, n)) for n in range(number))


def _append(writer: StoreWriter, name: SplitName, unit: EncodedUnit) -> int:
    """Adds the documents of a split, and says how many there were."""
    chosen = unit.held_out if name == "eval" else ~unit.held_out
    number = int(chosen.sum())
    if number:
        writer.splits[name].append(unit.part(chosen))
    return number
