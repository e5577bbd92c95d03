"""The words of a text, in any script: how many there are, and in a form that copies share."""

from __future__ import annotations

import functools
import re
import unicodedata

# Scripts that are written without spaces between words: Thai and Lao, Tibetan and Burmese, Khmer,
# kana, Han. Each of their characters is taken for a word.
_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u0f00-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
# ASCII in lower case, and a space for what is no letter and no digit; other bytes as they are.
_FOLDED = bytes(
    byte if byte >= 0x80 else ord(chr(byte).lower() if chr(byte).isalnum() else " ")
    for byte in range(256)
)
# Beyond it there are only Han characters, tags and private use.
_LAST_PUNCTUATION = 0x20000


def count_words(text: str) -> int:
    """Runs of characters without white space; each character of an unspaced script is one."""
    if not text.isascii() and _UNSPACED.search(text):
        text = _UNSPACED.sub(" x ", text)
    return len(text.split())


def folded(text: str) -> bytes:
    """The words of a text as UTF-8, one space between them, without case and punctuation.

    Texts that differ in capitals, spaces, line ends, punctuation, symbols and in ways to write the
    same character (Unicode's NFKC) have the same. A text without a word gives itself, so that it
    is like none but itself.
    """
    words = text
    if not text.isascii():
        words = unicodedata.normalize("NFKC", text).casefold()
        words = _punctuation().sub(" ", words)
        if _UNSPACED.search(words):
            words = _UNSPACED.sub(r" \g<0> ", words)
    found = words.encode("utf-8", "surrogatepass").translate(_FOLDED).split()
    return b" ".join(found) if found else text.encode("utf-8", "surrogatepass")


@functools.cache
def _punctuation() -> re.Pattern[str]:
    """Punctuation, symbols, spaces and controls beyond ASCII."""
    kinds = frozenset("PSZ")
    found = (
        chr(code)
        for code in range(0x80, _LAST_PUNCTUATION)
        if (kind := unicodedata.category(chr(code)))[0] in kinds or kind == "Cc"
    )
    return re.compile(f"[{re.escape(''.join(found))}]+")
