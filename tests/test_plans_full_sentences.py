import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splits import random_split, split_of
from statistics_bounds import assert_share, assert_uniform

from data_pipeline.counter_random import Stream, random_bits, stream_key
from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans import full_sentences
from data_pipeline.plans.corpus import Corpus
from data_pipeline.plans.document_walk import drawn_lengths
from data_pipeline.plans.full_sentences import walk
from data_pipeline.plans.sentence_pairs import count_examples, make_plan
from data_pipeline.store.token_store import Split

Lengths = list[list[int]]
Row = tuple[int, int, int]  # first token, tokens, documents that end inside
WHOLE = PretrainingObjective(64, 1, short_seq_prob=0.0, pairs="none")
small_corpora = st.lists(st.lists(st.integers(0, 40), max_size=20), min_size=1, max_size=12).filter(
    lambda lengths: any(map(any, lengths))
)
objectives = st.builds(
    lambda length, share: PretrainingObjective(length, 1, short_seq_prob=share, pairs="none"),
    st.integers(5, 60),
    st.sampled_from([0.0, 0.3, 1.0]),
)
seeds = st.integers(0, 2**63 - 1)


def walked(split: Split, objective: PretrainingObjective, seed: int, epoch: int = 0) -> np.ndarray:
    pieces = walk(Corpus.of(split, "none"), objective, seed, epoch)
    return np.concatenate([piece.examples() for piece in pieces])


def sequentially(
    lengths: Lengths, objective: PretrainingObjective, seed: int, first_token: int
) -> list[Row]:
    """The same, one sentence after another in plain Python."""
    key = stream_key(seed, Stream.STRETCH_LENGTH, 0, 0)
    sentences = []  # first token, tokens, document
    token = 0
    for document, of_document in enumerate(lengths):
        for length in of_document:
            if length:
                sentences.append([token, length, document])
            token += length
    begin = [sentence[0] for sentence in sentences].index(first_token)
    rows = []
    for part in (sentences[begin:], sentences[:begin]):
        while part:
            start, _, document = part[0]
            bits = random_bits(key, np.array([start]))
            room = int(drawn_lengths(bits, objective)[0])
            tokens = ends = 0
            while part:
                _, length, own = part[0]
                between = len({row[2] for row in sentences if document < row[2] <= own})
                if tokens and tokens + length + between > room:
                    break
                if length > objective.max_tokens:
                    if tokens:
                        break
                    tokens = objective.max_tokens
                    part[0] = [start + tokens, length - tokens, own]
                    break
                tokens, ends = tokens + length, between
                part = part[1:]
            rows.append((start, tokens, ends))
    return rows


@settings(deadline=None)
@given(small_corpora, objectives, seeds)
def test_any_small_corpus_is_walked_exactly_as_sequentially(
    lengths: Lengths, objective: PretrainingObjective, seed: int
) -> None:
    examples = walked(split_of(lengths), objective, seed)
    rows = examples[["a_start", "a_length", "label"]].tolist()
    assert rows == sequentially(lengths, objective, seed, rows[0][0])
    assert not examples["b_start"].any()
    assert not examples["b_length"].any()


def assert_once_and_fitting(split: Split, objective: PretrainingObjective, examples) -> None:
    start, length = examples["a_start"], examples["a_length"].astype(int)
    seen = np.zeros(split.num_tokens, int)
    for lo, n in zip(start, length, strict=True):
        seen[lo : lo + n] += 1
    assert (seen == 1).all()
    assert (length + 2 + examples["label"] <= objective.max_length).all()
    document_ends = split.sentence_offsets[split.document_offsets[1:]]
    # A set: an empty document ends where the one before it does.
    inside = [
        len({end for end in document_ends.tolist() if lo < end < lo + n})
        for lo, n in zip(start.tolist(), length.tolist(), strict=True)
    ]
    assert examples["label"].tolist() == inside


@settings(deadline=None)
@given(small_corpora, objectives, seeds, st.integers(0, 9))
def test_every_token_is_seen_once_in_a_walk_and_every_row_fits(
    lengths: Lengths, objective: PretrainingObjective, seed: int, epoch: int
) -> None:
    split = split_of(lengths)
    assert_once_and_fitting(split, objective, walked(split, objective, seed, epoch))


@settings(deadline=None)
@given(small_corpora, objectives, seeds, st.integers(0, 9))
def test_a_plan_is_the_walk_shuffled_cut_or_followed_by_further_ones(
    lengths: Lengths, objective: PretrainingObjective, seed: int, epoch: int
) -> None:
    split = split_of(lengths)
    rows = walked(split, objective, seed, epoch)
    plan = make_plan(split, objective, seed, epoch)
    assert len(plan) == count_examples(split, objective)
    kept = np.isin(plan.examples, rows).sum()
    assert kept >= min(len(plan), len(rows))
    whole = make_plan(split, objective, seed, epoch, num_examples=len(rows))
    assert sorted(whole.examples.tolist()) == sorted(rows.tolist())


def test_pieces_of_any_size_give_the_same_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [[5, 8, 200, 3], [130], [63, 62, 64], [1] * 70, [40, 500, 6, 7]] * 3
    objective = PretrainingObjective(64, 1, short_seq_prob=0.2, pairs="none")
    expected = walked(split_of(lengths), objective, seed=4)
    assert_once_and_fitting(split_of(lengths), objective, expected)
    for piece in (1, 2, 7, 100):
        monkeypatch.setattr(full_sentences, "_PIECE", piece)
        assert (walked(split_of(lengths), objective, seed=4) == expected).all()


def test_a_stretch_takes_all_sentences_that_fit() -> None:
    split = random_split(0, documents=300, tokens=(1, 40))
    examples = walked(split, WHOLE, seed=0)
    bounds = split.sentence_offsets
    end = examples["a_start"] + examples["a_length"].astype(int)
    after = np.searchsorted(bounds, end)
    assert (bounds[after] == end).all()
    document_ends = split.document_offsets[1:]
    more = bounds[np.minimum(after + 1, split.num_sentences)] - end + np.isin(after, document_ends)
    is_full = examples["a_length"] + 2 + examples["label"] + more > WHOLE.max_length
    # But for the last before the split's end, and the last before the start.
    assert (~is_full).sum() <= 2
    assert examples["label"].max() >= 1


def test_a_sentence_longer_than_a_row_is_cut_and_goes_on_in_the_next() -> None:
    examples = walked(split_of([[150, 3], [9]]), WHOLE, seed=1)
    rows = sorted(examples[["a_start", "a_length", "label"]].tolist())
    start = rows[0][1]
    assert rows in (
        [(0, 62, 0), (62, 62, 0), (124, 38, 1)],  # round from the first sentence on
        [(0, 62, 0), (62, 62, 0), (124, 26, 0), (150, 12, 1)],
        [(0, 62, 0), (62, 62, 0), (124, 29, 0), (153, 9, 0)],
    ), start


def test_a_share_of_the_stretches_aims_at_a_shorter_uniform_length() -> None:
    # Sentences of one token in one document: a stretch is as long as it aims at.
    objective = PretrainingObjective(34, 1, short_seq_prob=0.25, pairs="none")
    split = Split(
        np.zeros(400_000, np.uint16), np.arange(400_001), np.array([0, 400_000], np.int64)
    )
    lengths = walked(split, objective, seed=3)["a_length"]
    longest = objective.max_tokens
    shorter = lengths[lengths < longest]
    assert_share(len(shorter), len(lengths), 0.25 * (longest - 2) / (longest - 1))
    assert_uniform(np.bincount(shorter, minlength=longest)[2:longest])


def test_a_walk_starts_at_a_uniform_sentence() -> None:
    split = split_of([[5, 6], [7, 8, 9]])
    starts = [
        walked(split, WHOLE, seed, epoch)["a_start"][0] for seed in range(200) for epoch in range(5)
    ]
    places = np.searchsorted(split.sentence_offsets, starts)
    assert_uniform(np.bincount(places, minlength=5))


def test_boundaries_are_others_in_another_epoch_all_over_the_text() -> None:
    split = random_split(5, documents=2000)
    objective = PretrainingObjective(128, 1, pairs="none")
    starts = [np.sort(walked(split, objective, 0, epoch)["a_start"]) for epoch in (0, 1)]
    edges = np.linspace(0, split.num_tokens, 11)
    for lo, hi in itertools.pairwise(edges):
        one, other = (part[(part >= lo) & (part < hi)] for part in starts)
        assert 0.1 < np.isin(one, other).mean() < 0.7


def test_any_epoch_can_be_asked_for_directly() -> None:
    split = random_split(6, documents=50)
    objective = PretrainingObjective(32, 1, pairs="none")
    plans = [make_plan(split, objective, 1, epoch).examples for epoch in range(4)]
    assert (make_plan(split, objective, 1, 3).examples == plans[3]).all()
    assert len({plan.tobytes() for plan in plans}) == 4
    assert len({len(plan) for plan in plans}) == 1


def test_one_document_is_enough_and_none_is_an_error() -> None:
    assert len(make_plan(split_of([[1]]), WHOLE, 0, 0)) == 1
    for lengths in ([], [[]], [[0], [0, 0]]):
        with pytest.raises(DataError, match="got none"):
            make_plan(split_of(lengths), WHOLE, 0, 0)
