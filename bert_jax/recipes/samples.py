"""Held-out sentences with one word masked, to show a person what a model has learned."""

import numpy as np

from bert_jax.inference.fill_mask import FilledText, FillMask
from bert_jax.recipes.stores import Stores
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# Sentences with so many tokens are neither headings nor hard to read.
SHORTEST, LONGEST = 8, 24
# Of all stores of a mixture.
MOST_SENTENCES = 6
# Candidates for each mask.
TOP_K = 5


def sample_stores(
    stores: Stores, tokenizer: TextTokenizer, longest: int = LONGEST
) -> list[tuple[str, str]]:
    """Three held-out sentences of one store, or up to two of each of the largest shares of several.

    Args:
      stores: of the run.
      tokenizer: the stores'.
      longest: see `sample_sentences`.

    Returns:
      (name of the store, text) of each; '' for the name of a store that is alone.
    """
    if not stores.is_mixture:
        texts = sample_sentences(stores.first.eval, tokenizer, longest=longest)
        return [("", text) for text in texts]
    by_share = sorted(range(len(stores.all)), key=lambda i: -stores.shares.rows[i])
    count = 2 if len(stores.all) <= MOST_SENTENCES // 2 else 1
    return [
        (stores.names[i], text)
        for i in by_share[:MOST_SENTENCES]
        for text in sample_sentences(stores.all[i].eval, tokenizer, count, longest)
    ]


def predict_samples(
    model: FillMask, stores: Stores, tokenizer: TextTokenizer
) -> list[tuple[str, FilledText]]:
    """What a model holds likely in some held-out sentences, with the name of each one's store.

    Args:
      model: of the run.
      stores: of the run.
      tokenizer: the stores'.
    """
    # Text that is tokenised again may have a few times as many tokens as it had.
    longest = min(LONGEST, max(1, model.config.max_length // 4 - 2))
    samples = sample_stores(stores, tokenizer, longest)
    filled = model.fill_mask([text for _, text in samples], top_k=TOP_K)
    return [(name, text) for (name, _), text in zip(samples, filled, strict=True)]


def sample_sentences(
    split: Split, tokenizer: TextTokenizer, count: int = 3, longest: int = LONGEST
) -> list[str]:
    """Sentences spread over a split, each with one of its whole words replaced by [MASK].

    The same for the same split. A word is chosen from the middle of the sentence, where both sides
    have something to say, and the longest one there, because short words are easily guessed.

    Args:
      split: where the sentences are from.
      tokenizer: the split's.
      count: how many.
      longest: where a split has no sentence of `SHORTEST` to so many tokens, others are taken and
        cut to this length.
    """
    lengths = np.diff(split.sentence_offsets)
    fitting = np.flatnonzero((lengths >= min(SHORTEST, longest)) & (lengths <= longest))
    if not len(fitting):
        fitting = np.flatnonzero(lengths >= min(3, lengths.max()))
    places = np.linspace(0, len(fitting) - 1, count + 2).astype(int)[1:-1]
    texts = []
    for place in places:
        nearby = [_ids(split, int(sentence), longest) for sentence in fitting[place : place + 100]]
        # A word that the vocabulary lacks cannot be written down again.
        known = (ids for ids in nearby if tokenizer.unk_id not in ids)
        texts.append(_mask_one(tokenizer, next(known, nearby[0])))
    return texts


def _ids(split: Split, sentence: int, longest: int) -> list[int]:
    first, last = split.sentence_offsets[sentence], split.sentence_offsets[sentence + 1]
    return [int(i) for i in split.tokens[first : min(last, first + longest)]]


def _mask_one(tokenizer: TextTokenizer, ids: list[int]) -> str:
    words = [tokenizer.decode([i]) for i in ids]
    continues = tokenizer.continues_word[ids]

    def fitness(place: int) -> tuple[bool, int]:
        # Best is a word of one piece, in letters.
        whole = not continues[place : place + 2].any()
        return whole and words[place].isalpha(), len(words[place])

    middle = range(len(ids) // 4, max(len(ids) // 4 + 1, 3 * len(ids) // 4))
    chosen = max(middle, key=fitness)
    before, after = tokenizer.decode(ids[:chosen]), tokenizer.decode(ids[chosen + 1 :])
    return f"{before} [MASK] {after}".strip()
