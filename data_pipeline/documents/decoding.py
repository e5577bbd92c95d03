"""Bytes of text files -> text, and text -> lines, as all kinds of sources take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

from data_pipeline.documents.compression import MARK, blocks
from data_pipeline.errors import DataError
from data_pipeline.wording import amount

_CHECKED_BYTES = 1 << 18
# Longer texts, in characters, are looked at in pieces.
_LONG = 1 << 22
# The share of a sample's characters that may be undecodable or NUL before the file is not text.
_MOST_BROKEN = 0.1


def decode(text: bytes) -> tuple[str, int]:
    """UTF-8 text and the number of characters that had to be replaced by U+FFFD."""
    try:
        return text.decode("utf-8"), 0
    except UnicodeDecodeError:
        decoded = text.decode("utf-8", errors="replace")
        # A replacement character that the text itself holds was not put there by us.
        return decoded, decoded.count("\ufffd") - text.count(b"\xef\xbf\xbd")


def lines_of(text: str) -> list[str]:
    """The lines that are not blank, with runs of white space made one space."""
    if len(text) <= _LONG:
        return [" ".join(words) for line in text.split("\n") if (words := line.split())]
    return [spaced for line in text.split("\n") if (spaced := _single_spaced(line))]


def _single_spaced(line: str) -> str:
    """A line with runs of white space made one space.

    A piece at a time: as words, a long line would take ten times its own memory.
    """
    pieces, start = [], 0
    while start < len(line):
        end = line.find(" ", start + _LONG)
        end = len(line) if end < 0 else end
        words = line[start:end].split()
        if words:
            pieces.append(" ".join(words))
        start = end
    return " ".join(pieces)


def text_blocks(
    path: Path,
    advance: Callable[[int], None],
    size: int,
    opened: BufferedReader | None = None,
) -> Iterator[bytes]:
    """The decompressed bytes of a text file, with line feeds as line ends and no byte order mark.

    At most `size` at a time; `opened` is as for `compression.blocks`.

    DataError where the file cannot be read, is damaged, or is no UTF-8 text.
    """
    first, held = True, b""
    for block in blocks(path, advance, size, opened):
        if first:
            block = _without_mark(path, block)
            first = False
        block = held + block
        held = b"\r" if block.endswith(b"\r") else b""
        block = block[: len(block) - len(held)]
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
    if held:
        yield b"\n"


def _without_mark(path: Path, block: bytes) -> bytes:
    """The first block of a file, checked: it must look like UTF-8 text."""
    if block[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: is UTF-16, and UTF-8 is needed; convert it, for example by iconv")
    if block[:4] == b"PK\x03\x04" or block[257:262] == b"ustar":
        kind = "a zip" if block[:2] == b"PK" else "a tar"
        raise DataError(f"{path}: is {kind} archive; unpack it and give its files")
    sample, replaced = decode(block[:_CHECKED_BYTES])
    broken = replaced + sample.count("\0")
    if broken > _MOST_BROKEN * len(sample) + 1:
        raise DataError(
            f"{path}: does not look like UTF-8 text: {broken / len(sample):.0%} of its first "
            f"{amount(len(sample), 'character')} cannot be decoded"
        )
    return block.removeprefix(MARK)
