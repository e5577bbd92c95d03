"""Text files as documents: plain or gzip, a blank line between documents.

Files are read as a stream and cut into units of about a mebibyte at blank lines, so memory does not
grow with the corpus.
"""

from __future__ import annotations

import glob
import gzip
import os
import re
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data_pipeline.documents import Lines, Parsed, Unit
from data_pipeline.errors import DataError

UNIT_BYTES = 1 << 20
# A longer stretch without a blank line is taken for a file that has none, and is cut at line ends,
# because a document has to fit in memory. The longest novels have about 3 MB.
LONGEST_DOCUMENT_BYTES = 8 << 20
_SAMPLE_BYTES = 1 << 18
_SUFFIXES = (".txt", ".txt.gz")
_GZIP_MAGIC = b"\x1f\x8b"
_BLANK_LINE = re.compile(rb"\n[ \t\f\v\r]*\n")
# The share of a sample's characters that may be undecodable or NUL before the file is not text.
_MOST_BROKEN = 0.1
# The share of the text in lines of several sentences from which lines are paragraphs. Encyclopedia
# articles have 0.84 to 0.88 and novels, with their dialogues, 0.50 to 0.77; the same texts with one
# sentence a line, cut by another splitter, 0.02 to 0.08.
_PARAGRAPH_SHARE = 0.25


@dataclass(frozen=True)
class TextStream:
    """A text file; `lines` is what a line holds."""

    path: Path
    lines: Lines

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def size(self) -> int:
        """The bytes of the file as it is on disk."""
        return self.path.stat().st_size

    def identity(self) -> dict[str, Any]:
        """The file's path, size and time of its last change."""
        facts = self.path.stat()
        return {"path": self.name, "bytes": facts.st_size, "changed": facts.st_mtime_ns}

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of about a mebibyte; `advance` counts bytes of the file as it is on disk.

        DataError where the file cannot be read to its end.
        """
        empty = True
        for text in self._stretches(advance, counts):
            if not text.strip():
                continue
            empty = False
            counts["bytes"] += len(text)
            yield Unit(text, parse_text, self.lines)
        counts["empty_files"] += empty

    def _stretches(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[bytes]:
        """The text of the file, cut at blank lines."""
        rest = b""
        for block in _blocks(self.path, advance):
            rest += block
            if len(rest) < UNIT_BYTES:
                continue
            cut = _last_blank_line(rest)
            if cut is None and len(rest) >= LONGEST_DOCUMENT_BYTES:
                cut = _last_line_end(rest)
                counts["cut_documents"] += 1
            if cut is not None:
                yield rest[:cut]
                rest = rest[cut:]
        yield rest


@dataclass(frozen=True)
class TextSource:
    """The text files that one input names: a file, a glob, or a folder.

    `lines` is what a line holds; `detected` is how that was found out, or None where it was given.
    """

    name: str
    files: tuple[Path, ...]
    lines: Lines
    detected: str | None = None

    @property
    def streams(self) -> tuple[TextStream, ...]:
        """A stream for each file."""
        return tuple(TextStream(path, self.lines) for path in self.files)

    def describe(self) -> dict[str, Any]:
        """The input's name, how many files it has, and how their lines were taken."""
        return {
            "kind": "text",
            "input": self.name,
            "files": len(self.files),
            "lines": self.lines,
            "lines_detected": self.detected,
        }


def text_sources(
    inputs: Iterable[str | os.PathLike[str]],
    lines: Literal["auto", "sentence", "paragraph"] = "auto",
    language: str = "en",
) -> list[TextSource]:
    """One source for each input: a file, a glob (`**` goes into folders), or a folder.

    Of a folder all `.txt` and `.txt.gz` files are taken, in the order of their paths. With `lines`
    "auto", the first 256 KiB of each source decide whether a line holds a sentence or a paragraph.
    DataError where an input matches nothing, cannot be read, is not text, or comes twice.
    """
    if lines not in ("auto", "sentence", "paragraph"):
        raise DataError(f"lines must be 'auto', 'sentence' or 'paragraph'; got {lines!r}")
    sources = []
    seen: dict[str, str] = {}
    for given in inputs:
        name = os.fspath(given)
        files = _matching_files(name)
        for path in files:
            real = os.path.realpath(path)
            if real in seen:
                raise DataError(f"{path} is given twice, by {seen[real]!r} and by {name!r}")
            seen[real] = name
            _check_readable(path)
        if not any(path.stat().st_size for path in files):
            raise DataError(f"{name}: there is no text in it ({_files(files)}, all empty)")
        if lines == "auto":
            found, why = _detect_lines(files, language)
            sources.append(TextSource(name, files, found, why))
        else:
            sources.append(TextSource(name, files, lines))
    if not sources:
        raise DataError("no input was given; give text files, globs or folders")
    return sources


def decode(text: bytes) -> tuple[str, int]:
    """UTF-8 text and the number of characters that had to be replaced by U+FFFD."""
    try:
        return text.decode("utf-8"), 0
    except UnicodeDecodeError:
        decoded = text.decode("utf-8", errors="replace")
        # A replacement character that the text itself holds was not put there by us.
        return decoded, decoded.count("\ufffd") - text.count(b"\xef\xbf\xbd")


def parse_text(content: bytes) -> Parsed:
    """The documents of UTF-8 text with a blank line between documents."""
    text, replaced = decode(content)
    return Parsed(list(documents_of(text)), {"replaced_characters": replaced})


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


def _matching_files(name: str) -> tuple[Path, ...]:
    path = Path(name)
    if path.is_dir():
        found = sorted(
            (p for p in path.rglob("*") if p.name.endswith(_SUFFIXES) and p.is_file()),
            key=lambda p: p.relative_to(path).parts,
        )
        if not found:
            raise DataError(
                f"{name}: the folder holds no {' or '.join(_SUFFIXES)} file; "
                "give a glob for files with other names, such as 'FOLDER/**/*.md'"
            )
        return tuple(found)
    if path.exists():
        return (path,)
    if glob.has_magic(name):
        matches = sorted(
            path for match in glob.glob(name, recursive=True) if (path := Path(match)).is_file()
        )
        if matches:
            return tuple(matches)
        raise DataError(f"{name}: the pattern matches no file")
    raise DataError(f"{name}: no such file or folder")


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _files(files: Sequence[Path]) -> str:
    return "1 file" if len(files) == 1 else f"{len(files)} files"


def _blocks(path: Path, advance: Callable[[int], None]) -> Iterator[bytes]:
    """The decompressed bytes of a file, with line feeds as line ends and no byte order mark."""
    done = 0
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
            raw.seek(0)
            packed = start[:2] == _GZIP_MAGIC
            # A name may lie, so the content decides; but what says it is gzip must be.
            if path.name.endswith(".gz") and not packed and start:
                raise DataError(f"{path}: is named .gz but does not hold gzip data")
            stream = gzip.GzipFile(fileobj=raw) if packed else raw
            first, held = True, b""
            while block := stream.read(UNIT_BYTES):
                if first:
                    block = _without_mark(path, block)
                    first = False
                block = held + block
                held = b"\r" if block.endswith(b"\r") else b""
                block = block[: len(block) - len(held)]
                if b"\r" in block:
                    block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                yield block
                position = raw.tell()
                advance(position - done)
                done = position
            advance(raw.tell() - done)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _without_mark(path: Path, block: bytes) -> bytes:
    """The first block of a file, checked: it must look like UTF-8 text."""
    if block[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: is UTF-16, and UTF-8 is needed; convert it, for example by iconv")
    sample, replaced = decode(block[:_SAMPLE_BYTES])
    broken = replaced + sample.count("\0")
    if broken > _MOST_BROKEN * len(sample) + 1:
        raise DataError(
            f"{path}: does not look like UTF-8 text: {broken / len(sample):.0%} of its first "
            f"{len(sample)} characters cannot be decoded"
        )
    return block.removeprefix(b"\xef\xbb\xbf")


def _last_blank_line(text: bytes) -> int | None:
    """The end of the last blank line, or None. Looks at growing pieces of the end first."""
    reach = 1 << 14
    while True:
        start = max(0, len(text) - reach)
        last = deque(_BLANK_LINE.finditer(text, start), maxlen=1)
        if last:
            return last[0].end()
        if start == 0:
            return None
        reach *= 4


def _last_line_end(text: bytes) -> int:
    """Where to cut a document that is too long: after a line, else a word, else anywhere."""
    for end in (b"\n", b" "):
        at = text.rfind(end)
        if at > 0:
            return at + 1
    at = len(text) - 1
    while at > 0 and text[at] & 0xC0 == 0x80:  # inside a character
        at -= 1
    return at or len(text)


def _detect_lines(files: Sequence[Path], language: str) -> tuple[Lines, str]:
    """Whether a line is a sentence or a paragraph, and a sentence that says why."""
    from data_pipeline.sentences import split_sentences

    sample = b""
    for path in files:
        for block in _blocks(path, lambda n: None):
            sample += block[:_SAMPLE_BYTES]
            break
        if len(sample) >= _SAMPLE_BYTES:
            break
        sample += b"\n"
    text = decode(sample[:_SAMPLE_BYTES])[0]
    rows = [line for document in documents_of(text) for line in document]
    if len(rows) > 1 and len(sample) >= _SAMPLE_BYTES:
        rows = rows[:-1]  # the last may have been cut
    several = [row for row in rows if len(split_sentences(row, language)) > 1]
    share = sum(map(len, several)) / max(1, sum(map(len, rows)))
    lines: Lines = "paragraph" if share >= _PARAGRAPH_SHARE else "sentence"
    return lines, (
        f"{len(several)} of the first {len(rows)} lines ({share:.0%} of their text) hold more than "
        f"one sentence, so a line is taken for a {lines}"
    )
