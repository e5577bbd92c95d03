"""JSON lines as documents: an object a line, its text under one key."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from data_pipeline.documents import Lines, Parsed, Unit
from data_pipeline.documents.decoding import decode, lines_of, text_blocks
from data_pipeline.documents.files import InputFiles, no_text
from data_pipeline.documents.lines import LinesOption, record_lines
from data_pipeline.documents.stretches import UNIT_BYTES, last_after, stretches
from data_pipeline.errors import DataError

# A line has to fit in memory, several times over.
LONGEST_LINE_BYTES = 128 << 20
_SHOWN = 40
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class JsonLinesSource:
    """The files of JSON lines of one input.

    Attributes:
        input: the files.
        key: where an object has its text.
        lines: what a line of a text holds.
        detected: how that was found out, or None where it was given.
    """

    input: InputFiles
    key: str
    lines: Lines = "paragraph"
    detected: str | None = None
    _counts: dict[str, int] = field(default_factory=dict, repr=False)

    def size(self) -> int:
        """The bytes of the files as they are on disk."""
        return self.input.size()

    def units(self, advance: Callable[[int], None]) -> Iterator[Unit]:
        """Units of about a mebibyte; `advance` counts bytes of the files as they are on disk.

        DataError where a file cannot be read to its end, where a line is too long, or where no file
        holds a line. What is wrong inside a line is found where it is parsed.
        """
        self._counts = {"bytes": 0, "empty_files": 0}
        for path in self.input.files:
            empty = True
            for line, text in _numbered(path, advance):
                if text.strip():
                    empty = False
                    self._counts["bytes"] += len(text)
                    yield Unit(text, partial(parse_json_lines, self.key, path, line), self.lines)
            self._counts["empty_files"] += empty
        if self._counts["empty_files"] == len(self.input.files):
            raise no_text(self.input.name, self.input.files)

    def describe(self) -> dict[str, Any]:
        """The input's name, the key, how lines were taken, and what was odd about it."""
        return {
            "kind": "jsonl",
            "input": self.input.name,
            "files": len(self.input.files),
            "text_key": self.key,
            "lines": self.lines,
            "lines_detected": self.detected,
            **self._counts,
        }


def json_lines_source(
    given: InputFiles, key: str, lines: LinesOption, language: str
) -> JsonLinesSource:
    """The source of some files. With `lines` "auto", its first texts decide."""
    source = JsonLinesSource(given, key)
    source.lines, source.detected = record_lines(source, lines, language)
    return source


def parse_json_lines(key: str, path: Path, first: int, content: bytes) -> Parsed:
    """The documents of some lines of the file `path`, of which the first has the number `first`.

    Blank lines are passed by. A text of null or of nothing but blanks is no document.

    DataError where a line is no JSON object with a string (or null) under `key`.
    """
    counts: Counter[str] = Counter(replaced_characters=0, empty_documents=0)
    documents = []
    whole, counts["replaced_characters"] = decode(content)
    for number, line in enumerate(whole.split("\n"), first):
        if not line or line.isspace():
            continue
        text = _text(line, key, f"{path}, line {number}")
        if "\\u" in line:  # JSON can spell half a character, and UTF-8 cannot
            text, replaced = _SURROGATE.subn("\ufffd", text)
            counts["replaced_characters"] += replaced
        document = lines_of(text)
        if document:
            documents.append(document)
        else:
            counts["empty_documents"] += 1
    return Parsed(documents, counts)


def _numbered(path: Path, advance: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """Stretches of whole lines, each with the number of its first."""
    line = 1

    def too_long(text: bytearray) -> int:
        del text
        raise DataError(
            f"{path}, line {line}: is longer than {LONGEST_LINE_BYTES >> 20} MiB, and a document "
            "has to fit in memory; split it, or give text files, which may have any length"
        )

    blocks = text_blocks(path, advance)
    for text in stretches(blocks, last_after(b"\n"), LONGEST_LINE_BYTES, too_long, UNIT_BYTES):
        yield line, text
        line += text.count(b"\n")


def _text(line: str, key: str, place: str) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        hint = ""
        if line.strip() in ("[", "{") or line.lstrip().startswith("[{"):
            hint = "; one object a line is needed: `jq -c .[] FILE` writes an array so"
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(f"{place}: is no JSON: {what}: {_short(line)}{hint}") from error
    if not isinstance(value, dict):
        raise DataError(f"{place}: a JSON object is needed; got {_short(line)}")
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
