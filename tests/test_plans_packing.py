import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.packing import Patterns, find_patterns, give


def packed(
    lengths: np.ndarray, objective: PretrainingObjective, order: np.ndarray | None = None
) -> list[np.ndarray]:
    """The sequences of each row."""
    patterns = find_patterns(np.bincount(lengths), objective)
    if order is None:
        order = np.arange(patterns.num_rows)
    given_to, starts = give(patterns, lengths.astype(np.uint16), order)
    assert given_to.dtype == np.uint32
    return np.split(given_to, starts[1:-1])


some_lengths = st.lists(st.integers(5, 60), min_size=1, max_size=80).map(np.array)


@settings(deadline=None, max_examples=200)
@given(some_lengths, st.integers(60, 90), st.integers(2, 10), st.data())
def test_every_sequence_is_in_one_row_and_no_row_holds_too_much(
    lengths: np.ndarray, max_length: int, max_sequences: int, data: st.DataObject
) -> None:
    objective = PretrainingObjective(
        max_length, data.draw(st.integers(1, 20)), max_sequences=max_sequences
    )
    predictions = objective.predictions_by_length()
    rows = packed(lengths, objective)
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(lengths)))
    for row in rows:
        assert 1 <= len(row) <= max_sequences
        assert lengths[row].sum() <= max_length
        assert predictions[lengths[row]].sum() <= objective.max_predictions


def best_fit(lengths: np.ndarray, max_length: int) -> int:
    """Best fit, one sequence after the other, the longest first: the number of rows."""
    spaces: list[int] = []
    for length in sorted(lengths.tolist(), reverse=True):
        fitting = [space for space in spaces if space >= length]
        if fitting:
            spaces.remove(min(fitting))
            spaces.append(min(fitting) - length)
        else:
            spaces.append(max_length - length)
    return len(spaces)


@settings(deadline=None, max_examples=200)
@given(some_lengths, st.integers(60, 200))
def test_a_histogram_is_packed_as_well_as_the_sequences_one_by_one(
    lengths: np.ndarray, max_length: int
) -> None:
    # With no other limit than the tokens, rows with as much space are the same to what follows.
    objective = PretrainingObjective(
        max_length, max_length - 3, masked_lm_prob=0.01, max_sequences=64
    )
    assert len(packed(lengths, objective)) == best_fit(lengths, max_length)


def test_a_row_is_filled_by_what_fits_best() -> None:
    objective = PretrainingObjective(100, 50, max_sequences=8)
    lengths = np.array([30, 70, 60, 40, 25, 10])
    rows = sorted(lengths[row].tolist() for row in packed(lengths, objective))
    assert rows == [[25, 10], [60, 40], [70, 30]]


def test_the_number_of_sequences_and_of_predictions_limit_a_row_too() -> None:
    lengths = np.full(12, 10)
    assert len(packed(lengths, PretrainingObjective(100, 90, max_sequences=3))) == 4
    # round(1.5) = 2 predictions each
    assert len(packed(lengths, PretrainingObjective(100, 5, max_sequences=8))) == 6


def test_sequences_of_one_length_are_given_in_their_order() -> None:
    lengths = np.array([20, 50, 20, 50, 20, 20])
    objective = PretrainingObjective(70, 20, max_sequences=2)
    assert [row.tolist() for row in packed(lengths, objective)] == [[1, 0], [3, 2], [4, 5]]


@given(some_lengths, st.data())
def test_rows_may_be_taken_in_any_order(lengths: np.ndarray, data: st.DataObject) -> None:
    objective = PretrainingObjective(60, 20, max_sequences=4)
    rows = packed(lengths, objective)
    order = data.draw(st.permutations(range(len(rows))))[: data.draw(st.integers(1, len(rows)))]
    found = packed(lengths, objective, np.array(order))
    assert [row.tolist() for row in found] == [rows[number].tolist() for number in order]


def test_more_rows_than_are_handled_at_once_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 500)
    objective = PretrainingObjective(60, 20, max_sequences=4)
    whole = packed(lengths, objective)
    monkeypatch.setattr("data_pipeline.plans.packing._PIECE", 7)
    assert [row.tolist() for row in packed(lengths, objective)] == [row.tolist() for row in whole]


def test_the_search_takes_no_longer_for_more_sequences() -> None:
    counts = np.zeros(513, np.int64)
    counts[5:] = 10**9
    patterns = find_patterns(counts, PretrainingObjective(512, 80, max_sequences=8))
    assert len(patterns.rows) < 5000
    used = np.repeat(patterns.rows, np.diff(patterns.starts))
    assert (np.bincount(patterns.lengths, weights=used) == counts).all()


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (np.zeros(10, np.int64), "no sequences to pack"),
        (np.bincount([5, 61]), "a sequence of 61 tokens does not fit into a row of 60"),
    ],
)
def test_what_cannot_be_packed_is_an_error(counts: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        find_patterns(counts, PretrainingObjective(60, 20, max_sequences=4))


def test_patterns_count_their_rows() -> None:
    patterns = Patterns(np.array([9, 5, 7]), np.array([0, 2, 3]), np.array([4, 2]))
    assert patterns.num_rows == 6
