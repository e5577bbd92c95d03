"""A part of a split: whole sentences, spread over it, the same every time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splits import random_split, split_of

from data_pipeline.doctor.sample import sample_split


def test_a_small_split_is_taken_whole() -> None:
    split = random_split(0, documents=5)
    sample = sample_split(split, split.num_tokens)
    assert sample.split is split
    assert sample.is_whole


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=30), min_size=1, max_size=40),
    st.integers(1, 2000),
)
def test_a_sample_is_whole_sentences_of_the_split_in_their_order_and_in_their_documents(
    documents: list[list[int]], max_tokens: int
) -> None:
    split = split_of(documents)  # each token is its own number
    part = sample_split(split, max_tokens).split
    tokens = np.asarray(part.tokens).astype(np.int64)
    assert (np.diff(tokens) > 0).all()
    starts = tokens[part.sentence_offsets[:-1]]
    assert np.isin(starts, split.sentence_offsets).all()
    sentences = np.searchsorted(split.sentence_offsets, starts)
    lengths = np.diff(split.sentence_offsets)[sentences]
    assert (np.diff(part.sentence_offsets) == lengths).all()
    first = sentences[part.document_offsets[:-1]]
    last = sentences[part.document_offsets[1:] - 1]
    documents_of = np.repeat(np.arange(split.num_documents), np.diff(split.document_offsets))
    assert (documents_of[first] == documents_of[last]).all()


def test_a_sample_has_the_size_asked_for_and_comes_from_everywhere() -> None:
    split = split_of([[20] * 10] * 2000)
    sample = sample_split(split, 40_000)
    assert 0.09 < sample.share < 0.14
    assert sample.share == sample.split.num_tokens / split.num_tokens
    tenths = np.asarray(sample.split.tokens) * 10 // split.num_tokens
    counts = np.bincount(tenths, minlength=10) / sample.split.num_tokens
    assert counts.min() > 0.05
    again = sample_split(split, 40_000)
    assert (again.split.tokens == sample.split.tokens).all()


@pytest.mark.parametrize("documents", [[[20] * 50_000], [[1_000_000], [5], [5]]])
def test_a_split_of_one_long_document_or_sentence_is_sampled_too(
    documents: list[list[int]],
) -> None:
    split = split_of(documents)
    part = sample_split(split, 6400).split
    assert part.num_tokens > 0
    assert part.num_tokens <= max(13_000, max(documents[0]))
