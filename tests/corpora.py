"""Texts made to be healthy, or to be wrong in one way, and their stores."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from data_pipeline.preparation import prepare, vocabulary_from
from data_pipeline.token_store import TokenStore
from data_pipeline.tokenizer import Tokenizer

_SYLLABLES = [c + v + e for c in "b d f g k l m n p r s t".split() for v in "aeiou" for e in ("", "n")]


def word_list(number: int = 600, seed: int = 0) -> list[str]:
    """Made-up words of two and three syllables, the short ones first, as common words are."""
    rng = np.random.default_rng(seed)
    syllables = [2] * (number // 2) + [3] * number
    words = dict.fromkeys("".join(rng.choice(_SYLLABLES, n)) for n in syllables)
    return list(words)[:number]


class Text:
    """Documents of sentences, drawn from a list of words as often as Zipf's law says.

    Args:
        seed: of the draws.
        words: the commonest first.
    """

    def __init__(self, seed: int = 0, words: Sequence[str] = ()) -> None:
        self.rng = np.random.default_rng(seed)
        self.words = np.array(words or word_list())
        shares = 1 / np.arange(3, 3 + len(self.words))
        self.shares = shares / shares.sum()

    def sentence(self, least: int = 8, most: int = 30) -> str:
        """A capital, some words, a full stop."""
        n = self.rng.integers(least, most, endpoint=True)
        return " ".join(self.rng.choice(self.words, n, p=self.shares)).capitalize() + "."

    def documents(
        self, number: int, sentences: tuple[int, int] = (4, 20), words: tuple[int, int] = (8, 30)
    ) -> list[list[str]]:
        """Documents as lists of sentences."""
        return [
            [self.sentence(*words) for _ in range(self.rng.integers(*sentences, endpoint=True))]
            for _ in range(number)
        ]


def healthy(number: int = 400) -> list[list[str]]:
    """A text that nothing is wrong with."""
    return Text().documents(number)


def write(path: Path, documents: Sequence[Sequence[str]]) -> Path:
    """One sentence a line, a blank line between documents."""
    path.write_text("\n\n".join("\n".join(document) for document in documents) + "\n", "utf-8")
    return path


def tokenizer_of(path: Path, size: int = 800, cased: bool = False) -> Tokenizer:
    """A tokeniser learned from a text, in this process."""
    return vocabulary_from([path], size, cased, workers=1)


def make_store(
    folder: Path,
    documents: Sequence[Sequence[str]],
    tokenizer: Tokenizer | Callable[[Path], Tokenizer] = tokenizer_of,
    eval_share: float = 0.1,
) -> TokenStore:
    """The store of a text, by default with a tokeniser of its own."""
    text = write(folder / "text.txt", documents)
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = tokenizer(text)
    store = folder / "store"
    return prepare([text], tokenizer, store, lines="sentence", eval_share=eval_share, workers=1)
