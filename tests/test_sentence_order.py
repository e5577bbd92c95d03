"""The pairs of sentence order, made by `document_walk`."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from original_pairs import CounterDraws, original_pairs
from splits import documents_of, random_split, split_of
from statistics_bounds import assert_independent, assert_share, assert_uniform

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.corpus import Corpus
from data_pipeline.plans.document_walk import walk
from data_pipeline.plans.sentence_pairs import make_plan

ORDER = PretrainingObjective(max_length=64, pairs="sentence_order")
Lengths = list[list[int]]
small_corpora = st.lists(st.lists(st.integers(0, 40), max_size=30), min_size=1, max_size=8)


def is_enough(lengths: Lengths) -> bool:
    return max(map(sum, lengths)) > 1


@settings(deadline=None)
@given(small_corpora, st.integers(5, 60), st.integers(0, 2**63 - 1), st.integers(0, 5))
def test_any_small_corpus_is_walked_exactly_as_sequentially(
    lengths: Lengths, max_length: int, seed: int, epoch: int
) -> None:
    objective = PretrainingObjective(max_length, 1, short_seq_prob=0.3, pairs="sentence_order")
    if not is_enough(lengths):
        with pytest.raises(DataError, match=r"two tokens|got none"):
            make_plan(split_of(lengths), objective, seed, epoch)
        return
    numbers = iter(range(sum(map(sum, lengths))))
    documents = [
        [[next(numbers) for _ in range(length)] for length in document] for document in lengths
    ]
    draws = CounterDraws(seed, epoch)
    expected = [
        (pair.a[0], pair.b[0], len(pair.a), len(pair.b), pair.label)
        for pair in original_pairs(documents, max_length, 0.3, draws, sentence_order=True)
    ]
    plan = make_plan(split_of(lengths), objective, seed, epoch, num_examples=len(expected))
    assert sorted(plan.examples.tolist()) == sorted(expected)


@settings(deadline=None)
@given(small_corpora.filter(is_enough), st.integers(5, 60), st.integers(0, 2**63 - 1))
def test_parts_are_neighbours_in_one_document_and_fit(
    lengths: Lengths, max_length: int, seed: int
) -> None:
    split = split_of(lengths)
    objective = PretrainingObjective(max_length, 1, pairs="sentence_order")
    examples = make_plan(split, objective, seed, 3).examples
    a, b = examples["a_start"], examples["b_start"]
    a_length, b_length = examples["a_length"].astype(int), examples["b_length"].astype(int)
    assert (np.minimum(a_length, b_length) >= 1).all()
    assert (a_length + b_length + 3 <= max_length).all()
    assert set(examples["label"].tolist()) <= {0, 1}
    swapped = examples["label"] == 1
    first, second = np.where(swapped, b, a), np.where(swapped, a, b)
    first_end = first + np.where(swapped, b_length, a_length)
    second_end = second + np.where(swapped, a_length, b_length)
    assert (first_end <= second).all()
    assert (documents_of(split, first) == documents_of(split, second_end - 1)).all()
    whole = a_length + b_length < objective.max_tokens  # nothing was dropped
    assert (first_end == second)[whole].all()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=9), min_size=1, max_size=8))
def test_every_token_is_in_one_chunk(lengths: Lengths) -> None:
    split = split_of([[*document, 2] for document in lengths])
    pieces = [*walk(Corpus.of(split, "sentence_order"), ORDER, seed=0, epoch=0)]
    first = np.concatenate([piece.first for piece in pieces])
    last = first + np.concatenate([piece.drawn().size for piece in pieces])
    assert first[0] == 0
    assert last[-1] == split.num_sentences
    taken = np.zeros(split.num_sentences, int)
    for lo, hi in zip(first, last, strict=True):
        taken[lo:hi] += 1
    assert taken.max() == 1
    # A chunk of a single token has nothing that could change places.
    assert (np.diff(split.sentence_offsets)[taken == 0] == 1).all()


def test_half_of_the_pairs_have_changed_places_whatever_their_length() -> None:
    split = random_split(1, documents=12_000, sentences=(1, 12), tokens=(1, 30))
    examples = make_plan(split, ORDER, seed=5, epoch=0).examples
    assert len(examples) > 20_000
    assert_share(examples["label"].sum(), len(examples), 0.5)
    is_short = examples["a_length"].astype(int) + examples["b_length"] < ORDER.max_tokens // 2
    table = np.zeros((2, 2))
    np.add.at(table, (is_short.astype(int), examples["label"]), 1)
    assert table.min() > 1000
    assert_independent(table)


def test_a_single_sentence_is_split_at_a_uniform_token() -> None:
    split = split_of([[6]] * 20_000)
    examples = make_plan(split, ORDER, seed=2, epoch=1).examples
    assert len(examples) == 20_000
    cut = np.where(examples["label"] == 1, examples["b_length"], examples["a_length"])
    counts = Counter(cut.tolist())
    assert counts.keys() == set(range(1, 6))
    assert_uniform(np.array([counts[place] for place in range(1, 6)]))


def test_a_lone_token_is_no_example() -> None:
    examples = make_plan(split_of([[1], [1], [2], [1]]), ORDER, seed=0, epoch=0).examples
    [row] = examples.tolist()
    assert sorted(row[:2]) == [2, 3]
    assert row[2:4] == (1, 1)


def test_one_document_is_enough() -> None:
    plan = make_plan(split_of([[5, 6, 7, 30, 20] * 9]), ORDER, seed=0, epoch=0)
    assert len(plan) > 5


@pytest.mark.parametrize(
    ("lengths", "said"), [([], "got none"), ([[0]], "got none"), ([[1], [1]], "two tokens")]
)
def test_text_that_cannot_change_places_is_an_error(lengths: Lengths, said: str) -> None:
    with pytest.raises(DataError, match=said):
        make_plan(split_of(lengths), ORDER, seed=0, epoch=0)


def test_both_pairs_of_a_seed_aim_at_the_same_lengths() -> None:
    split = random_split(3, documents=50)
    both = [
        np.concatenate([piece.drawn().target for piece in walk(Corpus.of(split), of, 7, 0)])
        for of in (ORDER, dataclasses.replace(ORDER, pairs="next_sentence"))
    ]
    assert set(both[0].tolist()) == set(both[1].tolist())
