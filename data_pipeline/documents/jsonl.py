"""JSON lines as documents: an object a line, its text under one key."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_pipeline.documents import Lines, Parsed, Place, PlainSource, Unit
from data_pipeline.documents.decoding import decode, text_blocks
from data_pipeline.documents.files import FileStream, InputFiles
from data_pipeline.documents.lines import LinesOption
from data_pipeline.documents.records import parse_texts, record_source
from data_pipeline.documents.stretches import UNIT_BYTES, last_after, stretches
from data_pipeline.errors import DataError
from data_pipeline.strict_json import parse_json

# A line has to fit in memory, several times over.
LONGEST_LINE_BYTES = 128 << 20
_LONG_LINE_BYTES = 4 << 20
_SHOWN = 40
_ARRAY_HINT = "one object a line is needed: `jq -c .[] FILE` writes an array so"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class JsonLinesStream(FileStream):
    """A file of JSON lines.

    Attributes:
        path: its path.
        key: where an object has its text.
        lines: what a line of a text holds.
    """

    key: str
    lines: Lines = "paragraph"

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of about a mebibyte; `advance` counts bytes of the file as it is on disk.

        DataError where the file cannot be read to its end, or a line is too long. What is wrong
        inside a line is found where it is parsed.
        """
        empty = True
        for line, text in _numbered(self.path, advance):
            if text.strip():
                empty = False
                counts["bytes"] += len(text)
                parse = partial(parse_json_lines, self.key, self.path, line)
                yield Unit(text, parse, self.lines, first=Place("line", line))
        counts["empty_files"] += empty


def json_lines_source(
    given: InputFiles, key: str, lines: LinesOption, language: str
) -> PlainSource:
    """The source of some files. With `lines` "auto", their first texts decide."""
    facts = {"kind": "jsonl", "text_key": key}

    def streams(found: Lines) -> tuple[JsonLinesStream, ...]:
        return tuple(JsonLinesStream(path, key, found) for path in given.files)

    return record_source(given.name, streams, facts, lines, language)


def parse_json_lines(key: str, path: Path, first: int, content: bytes) -> Parsed:
    """The documents of some lines of the file `path`, of which the first has the number `first`.

    Blank lines are passed by. A text of null or of nothing but blanks is no document.

    DataError where a line is no JSON object with a string (or null) under `key`.
    """
    return parse_texts(_texts(content, key, path, first))


def _texts(content: bytes, key: str, path: Path, first: int) -> Iterator[tuple[int, str, int]]:
    """The text of each line that is not blank, as `parse_texts` takes them.

    A line at a time: with one character beyond U+FFFF, text takes four bytes for each.
    """
    for number, raw in enumerate(io.BytesIO(content)):
        if len(raw) > _LONG_LINE_BYTES and (found := _text_of_long(raw, key)) is not None:
            text = found.decode()
            del raw, found
            yield number, text, 0
            continue
        line, replaced = decode(raw.removesuffix(b"\n"))
        del raw
        if not line or line.isspace():
            continue
        text = _text(line, key, f"{path}, line {first + number}")
        if "\\u" in line:  # JSON can spell half a character, and UTF-8 cannot
            text, halves = _SURROGATE.subn("\ufffd", text)
            replaced += halves
        del line
        yield number, text, replaced


def _text_of_long(line: bytes, key: str) -> bytes | None:
    """The text of a line, in UTF-8, or None where `_text` must read it or say what is wrong.

    All that JSON means is ASCII, so a character can stand for each byte: a long text is parsed in
    a quarter of the memory that its characters may need.
    """
    if b"\\u" in line or not _is_utf8(line):
        return None
    try:
        value = parse_json(line.decode("latin-1"))
    except ValueError:
        return None
    text = value.get(key.encode().decode("latin-1")) if isinstance(value, dict) else None
    return text.encode("latin-1") if isinstance(text, str) else None


def _is_utf8(text: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with memoryview(text) as view:
        try:
            for start in range(0, len(text), _LONG_LINE_BYTES):
                decoder.decode(view[start : start + _LONG_LINE_BYTES])
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _numbered(path: Path, advance: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """Stretches of whole lines, each with the number of its first."""
    line = 1

    def too_long(text: bytearray) -> int:
        del text
        raise DataError(
            f"{path}, line {line}: is longer than {LONGEST_LINE_BYTES >> 20} MiB, and a document "
            "has to fit in memory; split it, or give text files, which may have any length"
        )

    blocks = text_blocks(path, advance, UNIT_BYTES)
    for text in stretches(blocks, last_after(b"\n"), LONGEST_LINE_BYTES, too_long, UNIT_BYTES):
        yield line, text
        line += text.count(b"\n")


def _text(line: str, key: str, place: str) -> str:
    try:
        value = parse_json(line)
    except ValueError as error:
        hint = ""
        if line.strip() in ("[", "{") or line.lstrip().startswith("[{"):
            hint = f"; {_ARRAY_HINT}"
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(f"{place}: is no JSON: {what}: {_short(line)}{hint}") from error
    if not isinstance(value, dict):
        hint = f"; {_ARRAY_HINT}" if isinstance(value, list) else ""
        raise DataError(f"{place}: a JSON object is needed; got {_short(line)}{hint}")
    if key not in value:
        raise DataError(
            f"{place}: has no {key!r}, but {', '.join(map(repr, value)) or 'nothing'}; "
            "name the key of the text (--text_key)"
        )
    text = value[key]
    if text is None:
        return ""
    if not isinstance(text, str):
        raise DataError(
            f"{place}: {key!r} must be a string; got {_short(json.dumps(text))}; "
            "name the key of the text (--text_key)"
        )
    return text


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
