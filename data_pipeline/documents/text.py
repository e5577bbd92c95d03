"""Text files as documents: a blank line between documents, or a document a line.

Files are read as a stream and cut into units of about a mebibyte where a document ends, so memory
does not grow with the corpus.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.documents import Lines, Parsed, Unit
from data_pipeline.documents.decoding import decode, lines_of, text_blocks
from data_pipeline.documents.files import InputFiles, no_text
from data_pipeline.documents.lines import SAMPLE_BYTES, LinesFound, LinesOption, detect_lines
from data_pipeline.documents.stretches import UNIT_BYTES, last_after, stretches

# A longer stretch without an end of a document is taken for a file that has none, and is cut at
# line ends, because a document has to fit in memory. The longest novels have about 3 MB.
LONGEST_DOCUMENT_BYTES = 8 << 20
_BLANK_LINE = re.compile(rb"\n[ \t\f\v\r]*\n")


@dataclass
class TextSource:
    """The text files of one input.

    `lines` is what a line holds; `detected` is how that was found out, or None where it was given.
    """

    input: InputFiles
    lines: LinesFound
    detected: str | None = None
    _counts: dict[str, int] = field(default_factory=dict, repr=False)

    def size(self) -> int:
        """The bytes of the files as they are on disk."""
        return self.input.size()

    def units(self, advance: Callable[[int], None]) -> Iterator[Unit]:
        """Units of about a mebibyte; `advance` counts bytes of the files as they are on disk.

        DataError where a file cannot be read to its end or the source holds nothing but blanks.
        """
        self._counts = {"bytes": 0, "empty_files": 0, "cut_documents": 0}
        a_document_a_line = self.lines == "document"
        parse = parse_document_lines if a_document_a_line else parse_text
        lines: Lines = "sentence" if self.lines == "sentence" else "paragraph"
        last_end = last_after(b"\n") if a_document_a_line else _last_blank_line
        for path in self.input.files:
            empty = True
            blocks = text_blocks(path, advance)
            for text in stretches(blocks, last_end, LONGEST_DOCUMENT_BYTES, self._cut, UNIT_BYTES):
                if not text.strip():
                    continue
                empty = False
                self._counts["bytes"] += len(text)
                yield Unit(text, parse, lines)
            self._counts["empty_files"] += empty
        if self._counts["empty_files"] == len(self.input.files):
            raise no_text(self.input.name, self.input.files)

    def describe(self) -> dict[str, Any]:
        """The input's name, how its lines were taken, and what was odd about it."""
        return {
            "kind": "text",
            "input": self.input.name,
            "files": len(self.input.files),
            "lines": self.lines,
            "lines_detected": self.detected,
            **self._counts,
        }

    def _cut(self, text: bytearray) -> int:
        """Where to cut a document that is too long: after a line, else a word, else anywhere."""
        self._counts["cut_documents"] += 1
        for end in (b"\n", b" "):
            at = text.rfind(end)
            if at > 0:
                return at + 1
        at = len(text) - 1
        while at > 0 and text[at] & 0xC0 == 0x80:  # inside a character
            at -= 1
        return at or len(text)


def text_source(given: InputFiles, lines: LinesOption, language: str) -> TextSource:
    """The source of some text files. With `lines` "auto", its first 256 KiB decide."""
    if lines != "auto":
        return TextSource(given, lines)
    documents, files = _sample(given)
    found, why = detect_lines(documents, language, blank_lines=len(documents) > files)
    return TextSource(given, found, why)


def parse_text(content: bytes) -> Parsed:
    """The documents of UTF-8 text with a blank line between documents."""
    text, replaced = decode(content)
    return Parsed(list(documents_of(text)), {"replaced_characters": replaced})


def parse_document_lines(content: bytes) -> Parsed:
    """The documents of UTF-8 text with a document a line."""
    text, replaced = decode(content)
    return Parsed([[line] for line in lines_of(text)], {"replaced_characters": replaced})


def documents_of(text: str) -> Iterator[list[str]]:
    """The documents of a unit, each as its lines, with runs of white space made one space."""
    document: list[str] = []
    for line in text.split("\n"):
        words = line.split()
        if words:
            document.append(" ".join(words))
        elif document:
            yield document
            document = []
    if document:
        yield document


def _sample(given: InputFiles) -> tuple[list[list[str]], int]:
    """The documents of the files' beginnings, and the number of files that they are from."""
    documents: list[list[str]] = []
    files, room = 0, SAMPLE_BYTES
    for path in given.files:
        block = next(text_blocks(path, lambda n: None), b"")
        # A line that is cut would be taken for a shorter one.
        whole = block.rfind(b"\n", 0, room) + 1 if len(block) > room else 0
        some = parse_text(block[: whole or room]).documents
        documents += some
        files += bool(some)
        room -= len(block)
        if room <= 0:
            break
    return documents, files


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
