"""A class for every word: a head for token classification."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bert_jax.inference.inputs import TextTokenizer, single
from bert_jax.inference.spans import join_words, split_words
from bert_jax.inference.task_logits import TaskLogits, softmax


class TaggedWord(NamedTuple):
    """A word, its most probable label, and that one's probability."""

    word: str
    label: str
    probability: float


class TaggedText(NamedTuple):
    """A text and the label of each of its words."""

    text: str
    words: list[TaggedWord]

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"text": self.text, "words": [word._asdict() for word in self.words]}

    def to_line(self) -> str:
        """For a person: `John/B-PER lives/O in/O Rome/B-LOC`."""
        return " ".join(f"{word.word}/{word.label}" for word in self.words)


def tag(
    model: TaskLogits, tokenizer: TextTokenizer, texts: Sequence[str | Sequence[str]]
) -> list[TaggedText]:
    """Label every word by its first piece (paper, section 5.3).

    Args:
      model: with a head for token classification.
      tokenizer: of the model.
      texts: each as its words, or as text, which is split at white space and punctuation.

    Raises:
      BadText: one is too long.
    """
    rows, words, firsts = [], [], []
    for i, text in enumerate(texts):
        if isinstance(text, str):
            spans = split_words(text)
            split = [text[begin:end] for begin, end in spans]
            ids, owners = join_words(tokenizer, text, split, spans)
            shown = text
        else:
            split, shown = list(text), " ".join(text)
            ids, owners = join_words(tokenizer, None, split, None)
        rows.append(single(tokenizer, model.config, ids, i, shown))
        # A word of which nothing is left by the rules of the tokeniser has no piece.
        kept, places = np.unique(owners, return_index=True)
        words.append([split[word] for word in kept])
        firsts.append(places + 1)
    tagged = []
    for text, row_words, places, logits in zip(texts, words, firsts, model.of(rows), strict=True):
        probabilities = softmax(logits[places]) if len(places) else np.empty((0, 1))
        found = [
            TaggedWord(word, model.head.labels[int(p.argmax())], float(p.max()))
            for word, p in zip(row_words, probabilities, strict=True)
        ]
        tagged.append(TaggedText(text if isinstance(text, str) else " ".join(text), found))
    return tagged
