"""The words of a text, in any script: how many there are, and in a form that copies share."""

from __future__ import annotations

import unicodedata

import numpy as np

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
