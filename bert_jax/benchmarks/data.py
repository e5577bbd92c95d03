"""The text that benchmarks read: a token store, or one made up."""

from pathlib import Path

import numpy as np

from data_pipeline.store.token_store import Split, TokenStore
from data_pipeline.tokenization.special_ids import SpecialIds


def benchmark_store(path: str | Path | None) -> tuple[Split, SpecialIds]:
    """A store's training split with its special ids.

    Without a path, 20,000 made-up documents of 1 to 60 sentences of 4 to 45 tokens each, with the
    original's vocabulary, of which as many ids go on with a word: about 15 million tokens, a fifth
    of them inside of words.
    """
    if path is not None:
        store = TokenStore.open(path)
        return store.train, SpecialIds.of(store.tokenizer())
    rng = np.random.default_rng(0)
    documents = rng.integers(1, 61, 20_000)
    sentences = rng.integers(4, 46, documents.sum())
    continues_word = np.arange(30_522) >= 30_522 - 5_828
    ids = SpecialIds(
        0, cls=101, sep=102, mask=103, vocab_size=30_522, continues_word=continues_word
    )
    split = Split(
        rng.integers(999, ids.vocab_size, sentences.sum()).astype(np.uint16),
        np.concatenate([[0], np.cumsum(sentences)]),
        np.concatenate([[0], np.cumsum(documents)]),
        fingerprint="made-up",
    )
    return split, ids
