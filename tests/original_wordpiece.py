"""The original's WordPiece tokeniser (google-research/bert, tokenization.py), in plain Python.

A second opinion on ids, written from what the paper and its release describe. What Hugging Face's
library does otherwise are fields of `Choices`, each by default as in the original.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_pipeline.tokenization.text_tokenizer import UNK

CHINESE = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
NO_PUNCTUATION_MARKS = {*map(chr, range(33)), "\x7f"}


@dataclass(frozen=True)
class Choices:
    """Where the original and Hugging Face's library differ.

    Attributes:
        longest_word: in characters; a longer one is [UNK].
        final_sigma: a capital sigma that ends a word is lower-cased as one that ends a word.
        keeps_private_use: characters of private use are text, not dropped.
        separates_2b820: U+2B820 to U+2B91F are Chinese characters, each a word.
    """

    longest_word: int = 200
    final_sigma: bool = True
    keeps_private_use: bool = True
    separates_2b820: bool = True


ORIGINAL = Choices()
HUGGING_FACE = Choices(100, final_sigma=False, keeps_private_use=False, separates_2b820=False)


class OriginalTokenizer:
    """Text -> ids."""

    def __init__(self, vocab: Sequence[str], cased: bool, choices: Choices = ORIGINAL) -> None:
        self.ids = {token: i for i, token in enumerate(vocab)}
        self.cased, self.choices = cased, choices

    def encode(self, text: str) -> list[int]:
        return [self.ids[piece] for word in self.words(text) for piece in self._pieces(word)]

    def words(self, text: str) -> Iterator[str]:
        """Words and punctuation marks, cleaned and, unless cased, lower-cased without accents."""
        cleaned = "".join(map(self._cleaned, text))
        for word in cleaned.split():
            if not self.cased:
                decomposed = unicodedata.normalize("NFD", self._lower(word))
                word = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
            yield from "".join(f" {c} " if is_punctuation(c) else c for c in word).split()

    def _cleaned(self, c: str) -> str:
        if c in " \t\n\r" or unicodedata.category(c) == "Zs":
            return " "
        dropped = {"Cc", "Cf"} if self.choices.keeps_private_use else {"Cc", "Cf", "Co"}
        if c in "\0\ufffd" or unicodedata.category(c) in dropped:
            return ""
        if 0x2B820 <= ord(c) <= 0x2B91F and not self.choices.separates_2b820:
            return c
        return f" {c} " if any(a <= ord(c) <= b for a, b in CHINESE) else c

    def _lower(self, word: str) -> str:
        """`str.lower` knows whether a sigma ends a word; character by character nothing does."""
        return word.lower() if self.choices.final_sigma else "".join(map(str.lower, word))

    def _pieces(self, word: str) -> list[str]:
        """From the left the longest piece that the vocabulary holds, or [UNK] for the word."""
        if len(word) > self.choices.longest_word:
            return [UNK]
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = "##" * (start > 0) + word[start:end]
                if piece in self.ids:
                    break
            else:
                return [UNK]
            pieces.append(piece)
            start = end
        return pieces


def is_punctuation(c: str) -> bool:
    """All of ASCII that is no letter, digit, space or control; else Unicode's."""
    if c.isascii():
        return not c.isalnum() and c not in NO_PUNCTUATION_MARKS
    return unicodedata.category(c).startswith("P")
