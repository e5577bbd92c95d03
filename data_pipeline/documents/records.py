"""Texts that come as records (of a table, of a data set), each of them a document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_pipeline.documents import Lines, Parsed, Unit
from data_pipeline.documents.decoding import decode, lines_of
from data_pipeline.documents.lines import LinesOption, record_lines
from data_pipeline.documents.stretches import UNIT_BYTES
from data_pipeline.errors import DataError


class RecordReader(Protocol):
    """What hands out the texts of records."""

    @property
    def name(self) -> str:
        """The input as it was given."""

    def size(self) -> int:
        """How much `texts` will report to `advance` in all, in bytes."""

    def texts(self, advance: Callable[[int], None]) -> Iterator[pa.Array]:
        """The texts in a fixed order, as arrays of pyarrow's large_binary, null where is none."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of where they are from."""


@dataclass
class RecordSource:
    """The records of one input as documents.

    `lines` is what a line of a text holds; `detected` is how that was found out, or None where it
    was given.
    """

    reader: RecordReader
    lines: Lines = "paragraph"
    detected: str | None = None
    _counts: dict[str, int] = field(default_factory=dict, repr=False)

    def size(self) -> int:
        """The bytes of the reader's files as they are on disk."""
        return self.reader.size()

    def units(self, advance: Callable[[int], None]) -> Iterator[Unit]:
        """Units of about a mebibyte. DataError as of the reader, and where there is no text."""
        self._counts = {"documents": 0, "bytes": 0}
        for texts in _of_unit_size(self.reader.texts(advance)):
            self._counts["documents"] += len(texts)
            self._counts["bytes"] += _bytes_of(texts)
            yield Unit(_pack(texts), parse_records, self.lines)
        if not self._counts["bytes"]:
            raise DataError(
                f"{self.reader.name}: there is no text in it "
                f"({self._counts['documents']} records read)"
            )

    def describe(self) -> dict[str, Any]:
        """What the reader says, how lines were taken, and how much there was."""
        return {
            **self.reader.describe(),
            "lines": self.lines,
            "lines_detected": self.detected,
            **self._counts,
        }


def record_source(reader: RecordReader, lines: LinesOption, language: str) -> RecordSource:
    """The source of a reader's records. With `lines` "auto", the first texts decide."""
    source = RecordSource(reader)
    source.lines, source.detected = record_lines(source, lines, language)
    return source


def parse_records(content: bytes) -> Parsed:
    """The documents of the records that a unit holds.

    Blank lines inside a text do not end its document; a text of nothing but blanks is none.
    """
    documents = []
    counts = {"replaced_characters": 0, "empty_documents": 0}
    with pa.ipc.open_stream(content) as stream:
        for batch in stream:
            for value in batch.column(0).to_pylist():
                text, replaced = decode(value or b"")
                counts["replaced_characters"] += replaced
                document = lines_of(text)
                if document:
                    documents.append(document)
                else:
                    counts["empty_documents"] += 1
    return Parsed(documents, counts)


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
