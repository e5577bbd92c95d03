"""Words of a text with their places, and which word each piece is of."""

import re
from collections.abc import Sequence

import numpy as np

from bert_jax.inference.inputs import TextTokenizer

# A run of letters and digits, or one other character.
_WORD = re.compile(r"\w+|[^\w\s]")


def split_words(text: str) -> list[tuple[int, int]]:
    """Where each word begins and ends: a run of letters and digits, or one punctuation mark."""
    return [match.span() for match in _WORD.finditer(text)]


def join_words(
    tokenizer: TextTokenizer,
    text: str | None,
    words: Sequence[str],
    spans: Sequence[tuple[int, int]] | None,
) -> tuple[list[int], np.ndarray]:
    """Ids of words in a row, and which word each is of.

    Args:
      tokenizer: of the model; some have other ids for a word after a space than for one without.
      text: that the words are of; None where they are given by themselves, with spaces between.
      words: the words.
      spans: where each is in `text`.
    """
    if text is None or spans is None:
        starts = [True] * len(words)
    else:
        starts = [begin > 0 and text[begin - 1].isspace() for begin, _ in spans]
        if starts:
            starts[0] = False
    with_spaces = tokenizer.as_running_text(words, [0, len(words)])
    chosen = [
        spaced if after_space else word
        for word, spaced, after_space in zip(words, with_spaces, starts, strict=True)
    ]
    pieces = tokenizer.encode_batch(chosen)
    owners = np.repeat(np.arange(len(words)), [len(each) for each in pieces])
    return [i for each in pieces for i in each], owners
