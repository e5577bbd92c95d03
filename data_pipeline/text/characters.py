"""Classes of characters, looked up for all characters of a text at once."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data_pipeline.text.parts import parts_of

Codes = npt.NDArray[np.uint32]

# Punctuation, symbols, spaces and controls.
PUNCTUATION = 1
# What no text is made of: controls other than tab and line ends, U+FFFD (what decoding puts for
# bytes that it cannot read), surrogates, private use, and Unicode's noncharacters. Which characters
# are not yet assigned depends on the version of Python, so these are not among them.
NO_TEXT = 2
# Of these, controls that part words, such as a form feed.
SPACE = 4
# Of a script that is written without spaces between words, so that each is taken for a word: Thai
# and Lao, Tibetan and Burmese, Khmer, kana, Han.
UNSPACED = 8

# Controls that are no white space, in UTF-8: in one byte, in two, and as characters.
_C0 = bytes([*range(0x09), *range(0x0E, 0x1C), 0x7F])
_C1 = re.compile(rb"\xc2[\x80-\x84\x86-\x9f]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_CODES = 0x110000
_UNSPACED = (
    *((0x0E01, 0x0EFF), (0x0F00, 0x109F), (0x1780, 0x17FF), (0x3005, 0x3007), (0x3041, 0x30FF)),
    *((0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)),
    *((0x1B000, 0x1B16F), (0x20000, 0x3FFFD)),
)
_NO_TEXT = (
    *((0x00, 0x08), (0x0B, 0x0C), (0x0E, 0x1F), (0x7F, 0x9F), (0xD800, 0xF8FF), (0xFDD0, 0xFDEF)),
    *((0xFFFD, 0xFFFF), (0xF0000, 0x10FFFF)),
)
_SPACES = (0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x1F, 0x85)
# Beyond it there are only Han characters, tags and private use.
_LAST_PUNCTUATION = 0x20000


def codes_of(text: str) -> Codes:
    """The code points of a text: [characters]. Not to be changed in place."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def text_of(codes: Codes) -> str:
    """The text that has these code points."""
    return codes.tobytes().decode("utf-32-le", "surrogatepass")


def classes_of(codes: Codes) -> npt.NDArray[np.uint8]:
    """The classes of each character, added up: [characters]."""
    return _classes().take(codes)


def without_controls(lines: Sequence[str]) -> tuple[list[str], int]:
    """Lines without control characters that are no white space, NUL say, and how many there were.

    A line that held some has runs of white space made one space, and may be empty then.
    """
    lines = list(lines)
    if not any(map(_has_controls, parts_of(lines))):
        return lines, 0
    removed = 0
    for i, line in enumerate(lines):
        kept, count = _CONTROL.subn("", line)
        if count:
            lines[i] = " ".join(kept.split())
            removed += count
    return lines, removed


def _has_controls(lines: Sequence[str]) -> bool:
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    # Several times faster than a search for each of them, and hardly any text has one.
    return len(text.translate(None, _C0)) < len(text) or _C1.search(text) is not None


@functools.cache
def _classes() -> npt.NDArray[np.uint8]:
    classes = np.zeros(_CODES, np.uint8)
    for code in range(_LAST_PUNCTUATION):
        kind = unicodedata.category(chr(code))
        if kind[0] in "PSZ" or kind == "Cc":
            classes[code] = PUNCTUATION
    for low, high in _UNSPACED:
        block = classes[low : high + 1]
        block[block != PUNCTUATION] = UNSPACED
    for low, high in _NO_TEXT:
        classes[low : high + 1] |= NO_TEXT
    for plane in range(0, _CODES, 1 << 16):
        classes[plane + 0xFFFE : plane + 0x10000] |= NO_TEXT
    classes[list(_SPACES)] |= SPACE
    return classes
