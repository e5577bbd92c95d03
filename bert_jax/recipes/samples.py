"""Held-out sentences with one word masked, to show a person what a model has learned."""

import numpy as np

from data_pipeline.token_store import Split
from data_pipeline.tokenizer import Tokenizer

# Sentences with so many tokens are neither headings nor hard to read.
SHORTEST, LONGEST = 8, 24


def sample_sentences(split: Split, tokenizer: Tokenizer, count: int = 3) -> list[str]:
    """Sentences spread over a split, each with one of its whole words replaced by [MASK].

    The same for the same split. A word is chosen from the middle of the sentence, where both sides
    have something to say, and the longest one there, because short words are easily guessed.
    """
    lengths = np.diff(split.sentence_offsets)
    fitting = np.flatnonzero((lengths >= SHORTEST) & (lengths <= LONGEST))
    if not len(fitting):
        fitting = np.flatnonzero(lengths >= min(3, lengths.max()))
    picked = fitting[np.linspace(0, len(fitting) - 1, count + 2).astype(int)[1:-1]]
    return [_mask_one(split, tokenizer, int(sentence)) for sentence in picked]


def _mask_one(split: Split, tokenizer: Tokenizer, sentence: int) -> str:
    first, last = split.sentence_offsets[sentence], split.sentence_offsets[sentence + 1]
    ids = [int(i) for i in split.tokens[first:last]]
    tokens = [tokenizer.id_to_token(i) for i in ids]

    def fitness(place: int) -> tuple[bool, int]:
        # A word of one piece, in letters.
        whole = not any(t.startswith("##") for t in tokens[place : place + 2])
        return whole and tokens[place].isalpha(), len(tokens[place])

    middle = range(len(ids) // 4, max(len(ids) // 4 + 1, 3 * len(ids) // 4))
    chosen = max(middle, key=fitness)
    before, after = tokenizer.decode(ids[:chosen]), tokenizer.decode(ids[chosen + 1 :])
    return f"{before} [MASK] {after}".strip()
