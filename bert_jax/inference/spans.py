"""A text that is given as its words: their ids, and which word each is of."""

from collections.abc import Sequence

import numpy as np

from bert_jax.inference.inputs import TextTokenizer


def join_words(
    tokenizer: TextTokenizer, words: Sequence[str]
) -> tuple[list[int], list[tuple[int, int]], np.ndarray]:
    """Ids of words in a row, where each word stands with spaces between, and owners of ids.

    Each word is encoded by itself, as transformers does it where `is_split_into_words` is set. To a
    byte-level tokeniser that adds no space before a text, transformers gives the words run together
    ("Johnlives"); here a space is before each but the first. A word of which nothing is left by the
    rules of the tokeniser owns no id.
    """
    pieces = tokenizer.encode_batch(list(tokenizer.as_running_text(words, [0, len(words)])))
    owners = np.repeat(np.arange(len(words)), [len(each) for each in pieces])
    starts = np.cumsum([0, *(len(word) + 1 for word in words)]).tolist()
    spans = [(start, start + len(word)) for start, word in zip(starts, words, strict=False)]
    return [i for each in pieces for i in each], spans, owners
