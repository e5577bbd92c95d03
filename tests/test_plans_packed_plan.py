import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splits import random_split, split_of

from data_pipeline.assembly import sequence_lengths
from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans import packed_plan
from data_pipeline.plans.document_walk import EXAMPLE
from data_pipeline.plans.packed_plan import PackedPlan, count_rows, make_packed_plan, pack_in_order
from data_pipeline.plans.sentence_pairs import Plan, make_plan
from data_pipeline.text.sentences import split_sentences

SPLIT = random_split(0, documents=80, sentences=(1, 12))
OBJECTIVE = PretrainingObjective(100, 20, short_seq_prob=0.5, max_sequences=5)


def assert_rows_keep_their_bounds(plan: PackedPlan, objective: PretrainingObjective) -> None:
    records = plan.records
    row, length = records["row"], sequence_lengths(records, objective)
    assert row[0] == 0
    assert (np.diff(row.astype(np.int64)) >= 0).all()
    assert set(np.diff(row.astype(np.int64)).tolist()) <= {0, 1}
    assert np.bincount(row).max() <= objective.max_sequences
    assert np.bincount(row, weights=length).max() <= objective.max_length
    predictions = objective.predictions_by_length()[length]
    assert np.bincount(row, weights=predictions).max() <= objective.max_predictions


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=6), min_size=2, max_size=12),
    st.integers(5, 80),
    st.integers(2, 9),
    st.sampled_from(["next_sentence", "sentence_order", "none"]),
    st.integers(0, 1000),
    st.integers(0, 3),
)
def test_no_sequence_of_an_epoch_is_lost_or_doubled_up_to_the_fixed_number_of_rows(
    lengths: list[list[int]],
    max_length: int,
    max_sequences: int,
    pairs: str,
    seed: int,
    epoch: int,
) -> None:
    split = split_of([[2, 2], *lengths])
    objective = PretrainingObjective(
        *(max_length, 2), short_seq_prob=0.5, pairs=pairs, max_sequences=max_sequences
    )
    size = count_rows(split, objective)
    made: list[Plan] = []

    def noted(*arguments) -> Plan:
        made.append(make_plan(*arguments))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_plan, "make_plan", noted)
        plan = make_packed_plan(split, objective, seed, epoch, size)
    assert len(plan) == size.rows
    assert_rows_keep_their_bounds(plan, objective)
    # Each is one of the epoch's examples, and none comes twice.
    records, examples = plan.records, made[-1].examples
    assert len(examples) >= size.examples
    assert len(np.unique(records["rank"])) == len(records)
    for name in EXAMPLE.names:
        assert (records[name] == examples[name][records["rank"]]).all()
    # All come, but for those of rows beyond the number.
    beyond = len(pack_in_order(examples, objective)) - size.rows
    assert len(records) >= len(examples) - beyond * max_sequences


def test_the_reference_epoch_is_packed_whole() -> None:
    plan = make_packed_plan(SPLIT, OBJECTIVE, 0, 0)
    size = count_rows(SPLIT, OBJECTIVE)
    examples = make_plan(SPLIT, OBJECTIVE, 0, 0).examples
    assert len(plan) == size.rows == len(pack_in_order(examples, OBJECTIVE))
    assert sorted(plan.records["rank"].tolist()) == list(range(size.examples))


def test_every_epoch_of_every_seed_has_as_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    size = count_rows(SPLIT, OBJECTIVE)
    wanted: list[int] = []

    def noted(split, objective, seed, epoch, num_examples) -> Plan:
        wanted.append(num_examples)
        return make_plan(split, objective, seed, epoch, num_examples)

    monkeypatch.setattr(packed_plan, "make_plan", noted)
    for seed in range(8):
        for epoch in range(2):
            plan = make_packed_plan(SPLIT, OBJECTIVE, seed, epoch, size)
            assert len(plan) == size.rows
            assert_rows_keep_their_bounds(plan, OBJECTIVE)
    # Both happen: an epoch with rows to spare, and one that needs more examples.
    assert 16 < len(wanted) < 48
    assert max(wanted) > size.examples


def test_rows_are_shuffled_and_another_epoch_has_others() -> None:
    one, other = (make_packed_plan(SPLIT, OBJECTIVE, 0, epoch) for epoch in (0, 1))
    assert (one.records != make_packed_plan(SPLIT, OBJECTIVE, 0, 0).records).sum() == 0
    assert (one.records["a_start"][:50] != other.records["a_start"][:50]).any()
    # Unshuffled, rows come in the order of their patterns.
    filled = np.bincount(one.records["row"], weights=sequence_lengths(one.records, OBJECTIVE))
    in_order = pack_in_order(make_plan(SPLIT, OBJECTIVE, 0, 0).examples, OBJECTIVE).records
    first = np.bincount(in_order["row"], weights=sequence_lengths(in_order, OBJECTIVE))
    assert sorted(filled) == sorted(first)
    assert filled.tolist() != first.tolist()


def test_static_epochs_are_packed_alike() -> None:
    objective = PretrainingObjective(100, 20, max_sequences=5, static_epochs=2)
    one, other = (make_packed_plan(SPLIT, objective, 3, epoch) for epoch in (1, 5))
    assert (one.records == other.records).all()


def test_rows_are_taken_by_their_numbers() -> None:
    plan = make_packed_plan(SPLIT, OBJECTIVE, 0, 0)
    rows = plan.records["row"]
    for first, count in ((0, 1), (7, 5), (len(plan) - 3, 3), (len(plan) - 3, 100)):
        taken = plan.take(first, count)
        assert (taken == plan.records[(rows >= first) & (rows < first + count)]).all()
        assert len(np.unique(taken["row"])) == min(count, len(plan) - first)


def test_more_sequences_than_are_handled_at_once_make_the_same_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = make_packed_plan(SPLIT, OBJECTIVE, 3, 1)
    monkeypatch.setattr(packed_plan, "_PIECE", 11)
    assert (make_packed_plan(SPLIT, OBJECTIVE, 3, 1).records == whole.records).all()


def test_a_split_without_pairs_is_an_error() -> None:
    with pytest.raises(DataError, match="two documents"):
        make_packed_plan(split_of([[3, 4]]), OBJECTIVE, 0, 0)


@pytest.fixture(scope="module")
def real_lengths(shared_data: Path) -> list[list[int]]:
    """Sentences of encyclopedia articles, as many tokens as words and signs."""
    with gzip.open(shared_data / "corpus" / "wikipedia_en.txt.gz", "rt", encoding="utf-8") as text:
        documents = text.read(3_000_000).split("\n\n")
    token = re.compile(r"\w+|[^\w\s]")
    return [
        [len(token.findall(s)) for line in document.splitlines() for s in split_sentences(line)]
        for document in documents
        if document.strip()
    ]


@pytest.mark.parametrize(("max_length", "max_predictions"), [(512, 80), (128, 20)])
def test_on_real_text_98_of_100_places_are_filled(
    real_lengths: list[list[int]], max_length: int, max_predictions: int
) -> None:
    objective = PretrainingObjective(max_length, max_predictions, max_sequences=8)
    plan = make_packed_plan(split_of(real_lengths), objective, 0, 0)
    filled = sequence_lengths(plan.records, objective).sum() / (len(plan) * max_length)
    assert 0.98 <= filled <= 1
