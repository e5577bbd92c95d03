from types import SimpleNamespace

import numpy as np
import pytest

from bert_jax.recipes.samples import LONGEST, SHORTEST, sample_sentences, sample_stores
from bert_jax.recipes.stores import Stores
from data_pipeline.mixture_shares import shares_of
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_vocabulary import train_sentencepiece
from data_pipeline.tokenization.tokenizer import Tokenizer

WORDS = [f"word{chr(97 + i)}" for i in range(20)]
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *WORDS, "##piece", "longest", "longer"]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(VOCAB, Rules(cased=False))


def split_of(tokenizer, *sentences):
    ids = [[tokenizer.token_to_id(token) for token in sentence.split()] for sentence in sentences]
    return Split(
        np.array([i for sentence in ids for i in sentence], np.uint16),
        np.cumsum([0, *map(len, ids)]),
        np.array([0, len(ids)]),
    )


def sentence(words, first=0):
    return " ".join(WORDS[(first + i) % len(WORDS)] for i in range(words))


def test_samples_are_spread_over_the_split_and_always_the_same(tokenizer):
    split = split_of(tokenizer, *(sentence(10, first) for first in range(9)))
    found = sample_sentences(split, tokenizer)
    assert len(found) == len(set(found)) == 3
    assert [text.count("[MASK]") for text in found] == [1, 1, 1]
    assert found == sample_sentences(split, tokenizer)
    assert [text.split()[0] for text in found] == [WORDS[2], WORDS[4], WORDS[6]]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("a", ["", "", ""]),
        ("ab", ["b", "b", "a", "a"]),
        ("abcdefgh", ["h", "g", "f", "e", "d", "c"]),
    ],
)
def test_every_store_of_a_mixture_gives_samples_and_of_many_the_largest_shares(
    tokenizer, names, wanted
):
    split = split_of(tokenizer, *(sentence(10, first) for first in range(9)))
    stores = tuple(SimpleNamespace(eval=split) for _ in names)
    shares = shares_of(range(1, len(names) + 1))
    found = sample_stores(Stores(stores, tuple(names), shares), tokenizer)
    assert [name for name, _ in found] == wanted
    assert all(text.count("[MASK]") == 1 for _, text in found)


def test_the_longest_whole_word_in_the_middle_is_masked(tokenizer):
    ids = "longest worda . wordb longest ##piece longer wordc . wordd longest"
    [found] = sample_sentences(split_of(tokenizer, ids), tokenizer, count=1)
    # `longest` stands at both ends, and in the middle only as a part of a longer word.
    assert found == "longest worda. wordb longestpiece [MASK] wordc. wordd longest"


def test_a_word_of_sentencepieces_is_masked_as_a_whole():
    texts = ["the walking tables ran quietly over long rivers"] * 9
    pieces = train_sentencepiece(texts, 55, Rules(cased=False), model_type="bpe").tokenizer
    ids = pieces.encode(texts[0])
    split = Split(np.array(ids, np.uint16), np.array([0, len(ids)]), np.array([0, 1]))
    [found] = sample_sentences(split, pieces, count=1, longest=len(ids))
    assert found.count("[MASK]") == 1
    words = texts[0].split()
    kept = found.split()
    assert len(kept) == len(words)
    assert [word for word in words if word not in kept] == [words[kept.index("[MASK]")]]


def test_headings_and_very_long_sentences_are_passed_by(tokenizer):
    sentences = [sentence(SHORTEST - 1), sentence(LONGEST + 1), sentence(SHORTEST)] * 3
    for text in sample_sentences(split_of(tokenizer, *sentences), tokenizer):
        assert len(text.split()) == SHORTEST


@pytest.mark.parametrize("words", [1, 2, 5, LONGEST + 1, 500])
def test_a_split_of_other_lengths_still_gives_samples_that_a_model_can_take(tokenizer, words):
    for text in sample_sentences(split_of(tokenizer, sentence(words)), tokenizer):
        assert text.count("[MASK]") == 1
        assert len(text.split()) == min(words, LONGEST)


def test_samples_are_cut_to_what_a_small_model_can_take(tokenizer):
    split = split_of(tokenizer, *(sentence(10, first) for first in range(9)))
    for text in sample_sentences(split, tokenizer, longest=4):
        assert len(text.split()) == 4


def test_sentences_without_unknown_words_come_first(tokenizer):
    unknown = "[UNK] " + sentence(9)
    split = split_of(tokenizer, *[unknown] * 5, sentence(10), *[unknown] * 2)
    for text in sample_sentences(split, tokenizer, count=2):
        assert "[UNK]" not in text
    [text] = sample_sentences(split_of(tokenizer, unknown), tokenizer, count=1)
    assert "[MASK]" in text
