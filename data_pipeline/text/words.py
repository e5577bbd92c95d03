"""The words of a text, in any script: how many there are, and in a form that copies share."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data_pipeline.text.characters import (
    PUNCTUATION,
    UNSPACED,
    Codes,
    classes_of,
    codes_of,
    text_of,
)

# ASCII in lower case, and a space for what is no letter and no digit; other bytes as they are.
_FOLDED = bytes(
    byte if byte >= 0x80 else ord(chr(byte).lower() if chr(byte).isalnum() else " ")
    for byte in range(256)
)


def count_words(text: str) -> int:
    """Runs of characters without white space; each character of an unspaced script is one."""
    if not text.isascii():
        codes = codes_of(text)
        text = text_of(_spaced(codes, classes_of(codes)))
    return len(text.split())


def count_words_of(lines: Sequence[str]) -> npt.NDArray[np.int64]:
    """`count_words` of each line, all at once: [lines].

    Args:
        lines: without white space but single spaces between words (`decoding.lines_of`).
    """
    spaced = np.fromiter((line.count(" ") + 1 for line in lines), np.int64, len(lines))
    others = [i for i, line in enumerate(lines) if not line.isascii()]
    if not others:
        return spaced
    codes = codes_of("\n".join(lines[i] for i in others))
    unspaced = (classes_of(codes) & UNSPACED) != 0
    if not unspaced.any():
        return spaced
    is_end = codes == ord("\n")
    parts = is_end | (codes == ord(" "))
    begins = ~parts
    begins[1:] &= parts[:-1] | unspaced[1:] | unspaced[:-1]
    line = np.cumsum(is_end)[begins]
    spaced[others] = np.bincount(line, minlength=len(others))
    return spaced


def folded(text: str) -> bytes:
    """The words of a text as UTF-8, one space between them, without case and punctuation.

    Texts that differ in capitals, spaces, line ends, punctuation, symbols and in ways to write the
    same character (Unicode's NFKC) have the same. A text without a word gives itself, so that it
    is like none but itself.
    """
    words = text
    if not text.isascii():
        codes = codes_of(unicodedata.normalize("NFKC", text).casefold())
        classes = classes_of(codes)
        codes = np.where(classes & PUNCTUATION, np.uint32(0x20), codes)
        words = text_of(_spaced(codes, classes))
    found = words.encode("utf-8", "surrogatepass").translate(_FOLDED).split()
    return b" ".join(found) if found else text.encode("utf-8", "surrogatepass")


def _spaced(codes: Codes, classes: np.ndarray) -> Codes:
    """With a space on either side of each character of an unspaced script."""
    unspaced = (classes & UNSPACED) != 0
    if not unspaced.any():
        return codes
    last = np.cumsum(1 + 2 * unspaced) - 1
    spaced = np.full(last[-1] + 1, 0x20, np.uint32)
    spaced[last - unspaced] = codes
    return spaced
