"""Texts made to be healthy, or to be wrong in one way, and their stores."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from data_pipeline.doctor.examine import examine
from data_pipeline.doctor.finding import Finding
from data_pipeline.doctor.findings import findings
from data_pipeline.preparation.prepare import vocabulary_from
from data_pipeline.store.token_store import TokenStore
from data_pipeline.store.writer import EncodedPart, new_store
from data_pipeline.tokenization.tokenizer import Tokenizer

_SYLLABLES = [
    c + v + e for c in "b d f g k l m n p r s t".split() for v in "aeiou" for e in ("", "n")
]


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

    def sentences(self, number: int, words: tuple[int, int]) -> list[str]:
        """Each a capital, some words, a full stop."""
        lengths = self.rng.integers(*words, number, endpoint=True)
        drawn = self.rng.choice(self.words, lengths.sum(), p=self.shares)
        parts = np.split(drawn, np.cumsum(lengths)[:-1])
        return [" ".join(part).capitalize() + "." for part in parts]

    def documents(
        self, number: int, sentences: tuple[int, int] = (4, 20), words: tuple[int, int] = (8, 30)
    ) -> list[list[str]]:
        """Documents as lists of sentences."""
        counts = self.rng.integers(*sentences, number, endpoint=True)
        drawn = iter(self.sentences(int(counts.sum()), words))
        return [[next(drawn) for _ in range(count)] for count in counts]


@cache
def healthy(number: int = 300) -> list[list[str]]:
    """A text that nothing is wrong with; nobody may change it."""
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
    held_out: Sequence[Sequence[str]] | None = None,
) -> TokenStore:
    """The store of a text, by default with a tokeniser of its own and healthy held-out text."""
    text = write(folder / "text.txt", documents)
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = tokenizer(text)
    held_out = Text(seed=1).documents(20) if held_out is None else held_out
    with new_store(folder / "store", tokenizer) as writer:
        for name, some in (("train", documents), ("eval", held_out)):
            writer.splits[name].append(_encoded(some, tokenizer))
        source = {"kind": "text", "input": str(text), "files": 1, "lines": "sentence", "bytes": 1}
        return writer.finish({"language": "en", "sources": [source]})


def _encoded(documents: Sequence[Sequence[str]], tokenizer: Tokenizer) -> EncodedPart:
    sentences = [sentence for document in documents for sentence in document]
    tokens, lengths = tokenizer.encode_flat(sentences)
    counts = {
        "words": sum(sentence.count(" ") + 1 for sentence in sentences),
        "bytes": sum(len(sentence.encode()) for sentence in sentences),
    }
    return EncodedPart(tokens, lengths, np.array([len(some) for some in documents]), counts)


def found_in(store: TokenStore, **planned: int) -> dict[str, Finding]:
    """What is warned of, by name; each as one line."""
    result = {f.name: f for f in findings(examine(store).numbers, **planned)}
    for finding in result.values():
        assert finding.seen in str(finding)
        assert finding.why in str(finding)
        assert finding.remedy in str(finding)
        assert "\n" not in str(finding)
    return result
