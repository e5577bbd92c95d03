"""Texts that come as records (of a table, of a data set), each of them a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_pipeline.documents import Lines, Parsed, Place, PlainSource, Stream, Unit
from data_pipeline.documents.decoding import decode, lines_of
from data_pipeline.documents.lines import LinesOption, record_lines
from data_pipeline.documents.stretches import UNIT_BYTES


def record_units(texts: Iterable[pa.Array], lines: Lines, counts: Counter[str]) -> Iterator[Unit]:
    """Units of about a mebibyte from texts, as arrays of pyarrow's large_binary, null where none.

    Counts `records`, `bytes`, and the `empty_documents` of units that hold nothing else.
    """
    first = 1
    for some in _of_unit_size(texts):
        size = _bytes_of(some)
        counts["records"] += len(some)
        counts["bytes"] += size
        if size:
            yield Unit(_pack(some), parse_records, lines, first=Place("record", first))
        else:
            counts["empty_documents"] += len(some)
        first += len(some)


def parse_records(content: bytes) -> Parsed:
    """The documents of the records that a unit holds.

    Blank lines inside a text do not end its document; a text of nothing but blanks is none.
    """
    with pa.ipc.open_stream(content) as stream:
        values = (value for batch in stream for value in batch.column(0).to_pylist())
        return parse_texts((n, *decode(value or b"")) for n, value in enumerate(values))


def parse_texts(texts: Iterable[tuple[int, str, int]]) -> Parsed:
    """The documents of texts: (place in the unit, text, characters replaced in it) each."""
    documents, places = [], []
    counts = {"replaced_characters": 0, "empty_documents": 0}
    for place, text, replaced in texts:
        counts["replaced_characters"] += replaced
        document = lines_of(text)
        if document:
            documents.append(document)
            places.append(place)
        else:
            counts["empty_documents"] += 1
    return Parsed(documents, counts, places)


def record_source(
    name: str,
    streams: Callable[[Lines], tuple[Stream, ...]],
    facts: Mapping[str, Any],
    lines: LinesOption,
    language: str,
) -> PlainSource:
    """The source of records.

    Args:
        name: the input as it was given.
        streams: what a line of a text holds -> its streams.
        facts: what the manifest says of it.
        lines: with "auto", the first texts decide.
        language: of the text.
    """
    found, why = record_lines(streams("paragraph"), lines, language)
    return PlainSource(name, streams(found), {**facts, "lines": found, "lines_detected": why})


def _pack(texts: pa.Array) -> bytes:
    batch = pa.record_batch([texts], names=["text"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _bytes_of(texts: pa.Array) -> int:
    return pc.sum(pc.binary_length(texts)).as_py() or 0


def _of_unit_size(arrays: Iterable[pa.Array]) -> Iterator[pa.Array]:
    """The same texts in arrays of about a mebibyte: small ones joined, large ones cut."""
    waiting: list[pa.Array] = []
    size = 0
    for array in arrays:
        waiting.append(array)
        size += _bytes_of(array)
        if size >= UNIT_BYTES:
            yield from _cut(pa.concat_arrays(waiting))
            waiting, size = [], 0
    if waiting:
        yield pa.concat_arrays(waiting)


def _cut(array: pa.Array) -> Iterator[pa.Array]:
    """An array cut after every mebibyte of text."""
    lengths = pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
    mebibyte = (np.cumsum(lengths) - lengths) // UNIT_BYTES
    starts = [0, *(np.flatnonzero(np.diff(mebibyte)) + 1).tolist(), len(array)]
    for start, end in pairwise(starts):
        yield array.slice(start, end - start)
