import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.mixture_shares import MOST_STORES, PERIOD, shares_of, smoothed_weights

# Far from each other, as languages are.
wide = st.lists(st.floats(-6, 6).map(lambda power: 10**power), min_size=1, max_size=100)


@given(wide)
def test_shares_add_up_and_are_as_near_as_whole_rows_can_be(given_weights: list[float]) -> None:
    rows = np.array(shares_of(given_weights).rows)
    assert rows.sum() == PERIOD
    assert rows.min() >= 1
    exact = np.array(given_weights) / sum(given_weights) * PERIOD
    few = (exact < 1).sum()
    assert np.all(np.abs(rows - exact)[exact >= 1] <= 1.001 + few)


def test_equal_ratios_are_equal_shares_whatever_their_last_bits() -> None:
    for ratios in ([1, 1, 4], [1, 2, 3, 4, 5, 6, 7]):
        scaled = [shares_of([scale * n for n in ratios]) for scale in (1, 0.1, 0.7, 1 / 3, 1e9)]
        assert len(set(scaled)) == 1


@pytest.mark.parametrize(
    ("given_weights", "shares"),
    [
        ([1e-320, 1e-320], [0.5, 0.5]),
        ([1e308, 1e308, 1.0], [0.5, 0.5, 0]),
        ([5e-324, 1e308], [0, 1]),
        ([np.float32(3), np.int64(1)], [0.75, 0.25]),
        (np.array([3, 1], np.uint8), [0.75, 0.25]),
        (range(1, 3), [1 / 3, 2 / 3]),
    ],
)
def test_weights_may_be_as_small_and_large_as_numbers_are_and_numpy_s(
    given_weights: list, shares: list[float]
) -> None:
    assert shares_of(given_weights).facts() == pytest.approx(shares, abs=2 / PERIOD)


def test_smoothing_makes_small_stores_come_oftener() -> None:
    sizes = [1_000_000, 1_000]
    assert smoothed_weights(sizes, 1.0) == sizes
    assert smoothed_weights(sizes, 0.0) == [1.0, 1.0]
    assert smoothed_weights(np.array(sizes)) == sizes
    large, small = smoothed_weights(sizes, 0.7)
    assert small / large == pytest.approx(1000**-0.7)


@pytest.mark.parametrize(
    ("given_weights", "said"),
    [
        ([], "at least one store"),
        ([1, 0], "above 0 and finite; got 0"),
        ([1, -2.5], r"got -2\.5"),
        ([1, float("nan")], "got nan"),
        ([True], "must be a number; got True"),
        ([np.True_], "must be a number; got .*True"),
        (["1"], "must be a number; got '1'"),
        ("12", "list of numbers, one for each store; got '12'"),
        (3, "list of numbers, one for each store; got 3"),
        ([[1, 2], [3]], r"must be a number; got \[1, 2\]"),
        (np.ones((2, 2)), r"one for each store; got an array of shape \(2, 2\)"),
        ([10**400], r"must be below 10\^308"),
        ([1.0] * (MOST_STORES + 1), "has room for 4096 stores"),
    ],
)
def test_weights_that_are_none_are_an_error(given_weights: list, said: str) -> None:
    with pytest.raises(DataError, match=said):
        shares_of(given_weights)
    if isinstance(given_weights, list) and not given_weights:
        with pytest.raises(DataError, match=r"between 0 and 1; got 1\.5"):
            smoothed_weights([1, 2], 1.5)
