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

_END, _SPACE, _FIRST_UNSPACED = 0x0A, 0x20, 0x0E01
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
    counts = np.fromiter((line.count(" ") + 1 for line in lines), np.int64, len(lines))
    others = np.flatnonzero([not line.isascii() for line in lines])
    codes = codes_of("\n".join(lines[i] for i in others.tolist()))
    # Most of what is not ASCII is a quotation mark or a dash: few lines have to be looked at.
    high = np.flatnonzero(codes >= _FIRST_UNSPACED)
    places = high[(classes_of(codes[high]) & UNSPACED) != 0]
    others = others[np.unique(np.searchsorted(np.flatnonzero(codes == _END), places))]
    if not len(others):
        return counts
    codes = codes_of("\n".join(lines[i] for i in others.tolist()))
    unspaced = (classes_of(codes) & UNSPACED) != 0
    parts = (codes == _END) | (codes == _SPACE)
    begins = ~parts
    begins[1:] &= parts[:-1] | unspaced[1:] | unspaced[:-1]
    counts[others] = np.bincount(np.cumsum(codes == _END)[begins], minlength=len(others))
    return counts


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
