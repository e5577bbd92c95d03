"""Text files as documents: a blank line between documents, or a document a line.

Files are read as a stream and cut into units of about a mebibyte where a document ends, so memory
does not grow with the corpus.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from data_pipeline.documents import Lines, Parsed, Place, PlainSource, Unit
from data_pipeline.documents.decoding import decode, text_blocks
from data_pipeline.documents.files import FileStream, InputFiles
from data_pipeline.documents.lines import SAMPLE_BYTES, LinesFound, LinesOption, detect_lines
from data_pipeline.documents.not_text import check_is_text
from data_pipeline.documents.stretches import UNIT_BYTES, last_after, stretches

# A longer stretch without an end of a document is taken for a file that has none, and is cut at
# line ends, because a document has to fit in memory. The longest novels have about 3 MB.
LONGEST_DOCUMENT_BYTES = 8 << 20
_BLANK_LINE = re.compile(rb"\n[ \t\f\v\r]*\n")


@dataclass(frozen=True)
class TextStream(FileStream):
    """A text file; `lines` is what a line holds."""

    lines: LinesFound

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of about a mebibyte; `advance` counts bytes of the file as it is on disk.

        DataError where the file cannot be read to its end.
        """
        a_document_a_line = self.lines == "document"
        parse = parse_document_lines if a_document_a_line else parse_text
        lines: Lines = "sentence" if self.lines == "sentence" else "paragraph"
        last_end = last_after(b"\n") if a_document_a_line else _last_blank_line

        def cut(text: bytearray) -> int:
            counts["cut_documents"] += 1
            return _cut(text)

        empty = True
        line = 1
        blocks = text_blocks(self.path, advance, UNIT_BYTES)
        for text in stretches(blocks, last_end, LONGEST_DOCUMENT_BYTES, cut, UNIT_BYTES):
            if text.strip():
                empty = False
                counts["bytes"] += len(text)
                yield Unit(text, parse, lines, first=Place("line", line))
            line += text.count(b"\n")
        counts["empty_files"] += empty


def text_source(given: InputFiles, lines: LinesOption, language: str) -> PlainSource:
    """The source of some text files. With `lines` "auto", its first 256 KiB decide.

    DataError, with `lines` "auto", where a file holds JSON, a table or a dump.
    """
    why = None
    if lines == "auto":
        for path in given.files:
            check_is_text(path)
        documents, files = _sample(given)
        lines, why = detect_lines(documents, language, blank_lines=len(documents) > files)
    facts = {"kind": "text", "lines": lines, "lines_detected": why}
    return PlainSource(given.name, tuple(TextStream(path, lines) for path in given.files), facts)


def parse_text(content: bytes) -> Parsed:
    """The documents of UTF-8 text with a blank line between documents."""
    text, replaced = decode(content)
    found = list(documents_of(text))
    counts = {"replaced_characters": replaced}
    return Parsed([document for _, document in found], counts, [line for line, _ in found])


def parse_document_lines(content: bytes) -> Parsed:
    """The documents of UTF-8 text with a document a line."""
    text, replaced = decode(content)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    places = [place for place, line in enumerate(lines) if line]
    return Parsed([[lines[at]] for at in places], {"replaced_characters": replaced}, places)


def documents_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """The documents of a unit: the number of the first line, from 0, and the lines of each.

    Runs of white space are made one space.
    """
    document: list[str] = []
    place = 0
    for number, line in enumerate(text.split("\n")):
        words = line.split()
        if words:
            if not document:
                place = number
            document.append(" ".join(words))
        elif document:
            yield place, document
            document = []
    if document:
        yield place, document


def _sample(given: InputFiles) -> tuple[list[list[str]], int]:
    """The documents of the files' beginnings, and the number of files that they are from."""
    documents: list[list[str]] = []
    files, room = 0, SAMPLE_BYTES
    for path in given.files:
        block = next(text_blocks(path, lambda n: None, UNIT_BYTES), b"")
        # A line that is cut would be taken for a shorter one.
        whole = block.rfind(b"\n", 0, room) + 1 if len(block) > room else 0
        some = parse_text(block[: whole or room]).documents
        documents += some
        files += bool(some)
        room -= len(block)
        if room <= 0:
            break
    return documents, files


def _cut(text: bytearray) -> int:
    """Where to cut a document that is too long: after a line, else a word, else anywhere."""
    for end in (b"\n", b" "):
        at = text.rfind(end)
        if at > 0:
            return at + 1
    at = len(text) - 1
    while at > 0 and text[at] & 0xC0 == 0x80:  # inside a character
        at -= 1
    return at or len(text)


def _last_blank_line(text: bytearray, seen: int) -> int | None:
    """The end of the last blank line, or None. Looks at growing pieces of the end first."""
    del seen  # white space before it may belong to the blank line
    reach = 1 << 14
    while True:
        start = max(0, len(text) - reach)
        last = deque(_BLANK_LINE.finditer(text, start), maxlen=1)
        if last:
            return last[0].end()
        if start == 0:
            return None
        reach *= 4
