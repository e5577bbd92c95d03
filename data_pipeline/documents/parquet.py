"""Parquet files as documents: a row is a document, its text in one column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_pipeline.documents.files import InputFiles
from data_pipeline.documents.stretches import UNIT_BYTES
from data_pipeline.errors import DataError

_MOST_ROWS = 1 << 16


@dataclass
class ParquetReader:
    """The Parquet files of one input (`records.RecordReader`).

    Attributes:
        input: the files.
        column: the column of the texts.
    """

    input: InputFiles
    column: str

    @property
    def name(self) -> str:
        """The input as it was given."""
        return self.input.name

    def size(self) -> int:
        """The bytes of the files as they are on disk."""
        return self.input.size()

    def texts(self, advance: Callable[[int], None]) -> Iterator[pa.Array]:
        """The texts of all rows. DataError as of `parquet_texts`."""
        return parquet_texts(self.input.files, self.column, advance)

    def describe(self) -> dict[str, Any]:
        """The input's name and what was read of it."""
        return {
            "kind": "parquet",
            "input": self.input.name,
            "files": len(self.input.files),
            "text_key": self.column,
        }


def parquet_texts(
    files: Iterable[Path], column: str, advance: Callable[[int], None]
) -> Iterator[pa.Array]:
    """The texts in `column` of each file, as arrays of large_binary of about a mebibyte.

    Nothing but that column is read, a page at a time. `advance` is given the bytes of the files,
    spread evenly over their rows.

    DataError where a file is no Parquet file, is damaged, or has no such column of strings.
    """
    for path in files:
        if not path.stat().st_size:
            continue
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
