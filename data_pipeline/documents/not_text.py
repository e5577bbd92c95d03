"""Files that could be read as text but hold something else: JSON, tables, dumps.

Read as text they give a corpus of braces, keys and commas, and nobody notices before a model has
learned it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from data_pipeline.documents.compression import MARK, blocks, without_suffix
from data_pipeline.documents.decoding import decode
from data_pipeline.documents.files import kind_of_content
from data_pipeline.errors import DataError
from data_pipeline.strict_json import parse_json

_LOOKED_AT_BYTES = 1 << 16
_MOST_ROWS = 20
_LEAST_ROWS = 5
# No sentence begins so.
_JSON = re.compile(r'\s*\[?\s*\{\s*"(?:[^"\\\n]|\\.){0,200}"\s*:')
_TABLES = {".csv": ",", ".tsv": "\t"}
# A column's name; after a comma of a sentence there is a space.
_COLUMN = re.compile(r"[^\W\d_][\w.:-]*( [\w.:-]+){0,2}")
_HOLDS = {"parquet": "is a Parquet file", "mediawiki": "is a MediaWiki dump"}
_NAME = {"parquet": ".parquet", "mediawiki": ".xml"}


def check_is_text(path: Path) -> None:
    """DataError where a file that is to be read as text begins as something else does.

    Its first 64 KiB are looked at. The error says what to do, and how to have the file as it is.
    """
    block = b"".join(islice(blocks(path, lambda n: None, _LOOKED_AT_BYTES), 1))
    kind = kind_of_content(block)
    if kind in _HOLDS:
        raise _refused(path, _HOLDS[kind], f"name it {_NAME[kind]}")
    text, _ = decode(block.removeprefix(MARK).replace(b"\r\n", b"\n"))
    rows = text.split("\n")
    if len(block) == _LOOKED_AT_BYTES:
        rows.pop()  # it is cut
    rows = [row for row in rows if row and not row.isspace()][:_MOST_ROWS]
    if _JSON.match(text):
        if all(map(_is_object, rows)):
            raise _refused(path, "holds JSON lines", "name it .jsonl")
        if rows[0].strip() in ("[", "{") or rows[0].lstrip().startswith("[{"):
            what = "one object a line, in a file named .jsonl, is needed (`jq -c .[] FILE`)"
            raise _refused(path, "holds JSON", what)
    columns = _columns(path, rows)
    if columns:
        names = ", ".join(map(repr, columns[:4])) + (", ..." if len(columns) > 4 else "")
        raise _refused(
            path,
            f"is a table with the columns {names}",
            "write its texts as Parquet (pyarrow.csv reads it) or as JSON lines",
        )


def _refused(path: Path, holds: str, remedy: str) -> DataError:
    return DataError(
        f"{path}: {holds}, and would be read as plain text; {remedy}, or say --lines (in Python, "
        "lines=) sentence, paragraph or document to have it as it is"
    )


def _is_object(line: str) -> bool:
    try:
        value = parse_json(line)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value)


def _columns(path: Path, rows: Sequence[str]) -> list[str]:
    """The names of a table's columns; none where the file is no table."""
    named = _TABLES.get(Path(without_suffix(path.name)).suffix.lower())
    if named is not None:
        return next(iter(_records(rows[:1], named)), [path.name])
    for delimiter in (",", "\t", ";"):
        records = _records(rows, delimiter)
        header = records[0] if records else []
        if (
            len(records) >= _LEAST_ROWS
            and len(header) > 1
            and len(set(header)) == len(header)
            # The first column of a table that was written with its index has no name.
            and all(map(_COLUMN.fullmatch, header[1:]))
            and (not header[0] or _COLUMN.fullmatch(header[0]))
            and {len(record) for record in records} == {len(header)}
        ):
            return header
    return []


def _records(rows: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        records = list(csv.reader((f"{row}\n" for row in rows), delimiter=delimiter))
    except csv.Error:
        return []
    # A quoted field may go on in the rows that were not looked at.
    return records[:-1] if len(rows) == _MOST_ROWS else records
