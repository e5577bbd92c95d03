"""A class for every word: a head for token classification."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bert_jax.inference.inputs import TextTokenizer, single
from bert_jax.inference.spans import join_words
from bert_jax.inference.task_logits import TaskLogits, softmax


class TaggedWord(NamedTuple):
    """A word, its most probable label, and that one's probability.

    Attributes:
      word: `text[start:end]`.
      label: of its first piece.
      probability: of the label.
      start: its first character in the text, or in the words joined by spaces.
      end: the character after its last.
    """

    word: str
    label: str
    probability: float
    start: int
    end: int


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
      tokenizer: of the model; it cuts a text into words (`encode_located`).
      texts: each as text, or as its words, which are then encoded one by one.

    Raises:
      BadText: one is too long.
    """
    rows, shown, words, firsts = [], [], [], []
    for i, given in enumerate(texts):
        text = given if isinstance(given, str) else " ".join(given)
        if isinstance(given, str):
            found = tokenizer.encode_located(text)
            ids, spans, owners = found.ids, found.spans, found.owners
        else:
            ids, spans, owners = join_words(tokenizer, given)
        rows.append(single(tokenizer, model.config, ids, i, text))
        # A word of which nothing is left by the rules of the tokeniser has no piece, and pieces of
        # white space are no word to label.
        owned, begins = np.unique(owners, return_index=True)
        kept = [
            (spans[word], begin)
            for word, begin in zip(owned.tolist(), begins.tolist(), strict=True)
            if not text[slice(*spans[word])].isspace()
        ]
        shown.append(text)
        words.append([span for span, _ in kept])
        firsts.append([begin + 1 for _, begin in kept])
    tagged = []
    for text, spans, places, logits in zip(shown, words, firsts, model.of(rows), strict=True):
        labelled = [
            TaggedWord(text[a:b], model.head.labels[int(p.argmax())], float(p.max()), a, b)
            for (a, b), p in zip(spans, softmax(logits[places]) if places else (), strict=True)
        ]
        tagged.append(TaggedText(text, labelled))
    return tagged
