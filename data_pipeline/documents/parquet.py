"""Parquet files as documents: a row is a document, its text in one column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.documents import Lines, PlainSource, Unit
from data_pipeline.documents.files import FileStream, InputFiles
from data_pipeline.documents.lines import LinesOption
from data_pipeline.documents.records import record_source, record_units
from data_pipeline.documents.stretches import UNIT_BYTES
from data_pipeline.errors import DataError

_MOST_ROWS = 1 << 16


@dataclass(frozen=True)
class ParquetStream(FileStream):
    """A Parquet file.

    Attributes:
        path: its path.
        column: the column of the texts.
        lines: what a line of a text holds.
    """

    column: str
    lines: Lines = "paragraph"

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of about a mebibyte. DataError as of `parquet_texts`."""
        if self.size():
            texts = parquet_texts(self.path, self.column, advance)
            yield from record_units(texts, self.lines, counts)
        else:
            counts["empty_files"] += 1


def parquet_source(
    given: InputFiles, column: str, lines: LinesOption, language: str
) -> PlainSource:
    """The source of some files. With `lines` "auto", their first texts decide."""
    facts = {"kind": "parquet", "text_key": column}

    def streams(found: Lines) -> tuple[ParquetStream, ...]:
        return tuple(ParquetStream(path, column, found) for path in given.files)

    return record_source(given.name, streams, facts, lines, language)


def parquet_texts(path: Path, column: str, advance: Callable[[int], None]) -> Iterator[pa.Array]:
    """The texts in `column` of a file, as arrays of large_binary of about a mebibyte.

    Nothing but that column is read, a page at a time. `advance` is given the bytes of the file,
    spread evenly over its rows.

    DataError where it is no Parquet file, is damaged, or has no such column of strings.
    """
    try:
        # Without `pre_buffer`, a row group is not in memory as a whole.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=UNIT_BYTES) as file:
            _check_column(path, file.schema_arrow, column)
            yield from _texts_of(file, column, path.stat().st_size, advance)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise DataError(f"{path}: cannot be read as a Parquet file: {first}") from error


def _texts_of(
    file: pq.ParquetFile, column: str, size: int, advance: Callable[[int], None]
) -> Iterator[pa.Array]:
    rows, done = 0, 0
    batch_rows = _rows_a_unit(file.metadata, column)
    for batch in file.iter_batches(batch_rows, columns=[column], use_threads=False):
        yield _binary(batch.column(0))
        rows += len(batch)
        now = size * rows // file.metadata.num_rows
        advance(now - done)
        done = now
    advance(size - done)


def _rows_a_unit(metadata: pq.FileMetaData, column: str) -> int:
    """How many rows hold about a mebibyte of text, by what the file says of itself."""
    size = 0
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for j in range(group.num_columns):
            part = group.column(j)
            if part.path_in_schema == column:
                size += part.total_uncompressed_size
    return max(1, min(_MOST_ROWS, metadata.num_rows * UNIT_BYTES // max(1, size)))


def _check_column(path: Path, schema: pa.Schema, column: str) -> None:
    names: Sequence[str] = schema.names
    if column not in names:
        raise DataError(
            f"{path}: has no column {column!r}, but {', '.join(map(repr, names))}; "
            "name the column of the text (--text_key)"
        )
    kind = schema.field(column).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    ):
        raise DataError(
            f"{path}: column {column!r} must hold strings; it holds {kind}; "
            "name the column of the text (--text_key)"
        )


def _binary(texts: pa.Array) -> pa.Array:
    """Texts as bytes: Arrow does not check that a string is UTF-8, and `decode` does."""
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    if pa.types.is_string_view(texts.type):
        texts = texts.cast(pa.binary_view())
    return texts.cast(pa.large_binary())
