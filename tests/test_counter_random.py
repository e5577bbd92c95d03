import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statistics_bounds import (
    CHANCE,
    assert_counts,
    assert_independent,
    assert_share,
    assert_uniform,
)

from data_pipeline.counter_random import (
    Stream,
    below,
    heads,
    permutation,
    random_bits,
    random_order,
    stream_key,
    stream_keys,
)
from data_pipeline.errors import DataError

KEY = stream_key(7, Stream.SHUFFLE)


def test_the_outputs_are_those_of_splitmix64() -> None:
    # The published generator, one output after another, started at 1234567.
    state, expected = 1234567, []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        expected.append(z ^ (z >> 31))
    assert expected[0] == 6457827717110365317  # as other implementations print it
    assert random_bits(1234567, np.arange(1, 6)).tolist() == expected


def test_bits_do_not_depend_on_what_is_asked_for_beside_them() -> None:
    counters = np.array([5, 0, 99, 5])
    together = random_bits(KEY, counters)
    alone = [random_bits(KEY, np.array([counter]))[0] for counter in counters]
    assert together.tolist() == alone


def test_an_array_of_keys_gives_what_each_key_gives() -> None:
    keys = random_bits(KEY, np.arange(3))
    table = random_bits(keys[:, None], np.arange(4))
    for row, key in zip(table, keys, strict=True):
        assert row.tolist() == random_bits(int(key), np.arange(4)).tolist()


def test_counters_are_left_as_they_were() -> None:
    counters = np.arange(4, dtype=np.uint64)
    random_bits(KEY, counters)
    assert counters.tolist() == [0, 1, 2, 3]


def test_every_bit_is_set_half_of_the_time() -> None:
    bits = random_bits(KEY, np.arange(100_000))
    for place in range(64):
        ones = int((bits >> np.uint64(place) & np.uint64(1)).sum())
        assert_share(ones, len(bits), 0.5)


@pytest.mark.parametrize("lag", [1, 2, 64])
def test_neighbouring_counters_are_independent(lag: int) -> None:
    values = below(random_bits(KEY, np.arange(200_000)), 8)
    table = np.zeros((8, 8))
    np.add.at(table, (values[:-lag], values[lag:]), 1)
    assert_independent(table)


def test_streams_epochs_and_neighbouring_seeds_are_independent() -> None:
    keys = [
        stream_key(seed, stream, epoch)
        for seed in (0, 1)
        for stream in (Stream.SHUFFLE, Stream.MASK_POSITIONS)
        for epoch in (0, 1)
    ]
    assert len(set(keys)) == len(keys)
    values = [below(random_bits(key, np.arange(50_000)), 6) for key in keys]
    for one, other in itertools.combinations(values, 2):
        table = np.zeros((6, 6))
        np.add.at(table, (one, other), 1)
        assert_independent(table)


@pytest.mark.parametrize("bound", [1, 2, 3, 7, 1000])
def test_below_is_uniform(bound: int) -> None:
    values = below(random_bits(KEY, np.arange(200_000)), bound)
    assert values.min() >= 0
    assert values.max() < bound
    if bound > 1:
        assert_uniform(np.bincount(values, minlength=bound))


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**32))
def test_below_is_the_high_half_of_the_product(bits: int, bound: int) -> None:
    assert below(np.array([bits], np.uint64), bound)[0] == bits * bound >> 64


@pytest.mark.parametrize("flips", [1, 5, 63, 64, 65, 200])
def test_heads_follow_the_binomial_distribution(flips: int) -> None:
    n = 50_000
    counts = np.bincount(heads(KEY, np.arange(n), np.full(n, flips)), minlength=flips + 1)
    expected = stats.binom.pmf(np.arange(flips + 1), flips, 0.5)
    common = expected * n > 5
    rare = [] if common.all() else [~common]  # chi-square needs a few in every class
    groups = [*np.flatnonzero(common)[:, None], *map(np.flatnonzero, rare)]
    assert_counts(
        np.array([counts[group].sum() for group in groups]),
        np.array([expected[group].sum() for group in groups]),
    )


def test_heads_of_different_numbers_of_flips_agree_with_heads_alone() -> None:
    flips = np.array([0, 1, 64, 65, 128, 129, 3, 1000])
    together = heads(KEY, np.arange(8), flips)
    alone = [int(heads(KEY, np.array([i]), flips[i : i + 1])[0]) for i in range(8)]
    assert together.tolist() == alone
    assert (together <= flips).all()
    assert together[0] == 0


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 1000, 1024, 1025])
def test_a_permutation_holds_every_number_once(n: int) -> None:
    assert sorted(permutation(KEY, n).tolist()) == list(range(n))


def test_permutations_are_uniform() -> None:
    orders = {order: i for i, order in enumerate(itertools.permutations(range(4)))}
    counts = np.zeros(len(orders))
    for epoch in range(5000):
        counts[orders[tuple(permutation(stream_key(0, Stream.SHUFFLE, epoch), 4).tolist())]] += 1
    assert_uniform(counts)


def test_a_long_permutation_has_no_trend() -> None:
    n = 100_000
    correlation = np.corrcoef(permutation(KEY, n), np.arange(n))[0, 1]
    assert abs(correlation) < -stats.norm.ppf(CHANCE / 2) / np.sqrt(n)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_an_error(seed: int) -> None:
    with pytest.raises(DataError, match=str(seed)):
        stream_key(seed, Stream.SHUFFLE)


def test_each_stream_has_a_number_of_its_own() -> None:
    assert len({int(stream) for stream in Stream}) == len(list(Stream.__members__))


def test_the_keys_of_several_streams_are_those_of_each() -> None:
    counters = np.array([3, 10**12])
    keys = stream_keys(5, counters, Stream.SHUFFLE, Stream.SPAN_LENGTH)
    for row, stream in zip(keys, (Stream.SHUFFLE, Stream.SPAN_LENGTH), strict=True):
        assert row.tolist() == random_bits(stream_key(5, stream), counters).tolist()


def test_every_order_of_a_rows_places_is_as_likely_as_another() -> None:
    n = 24_000
    eligible = np.tile([False, True, True, False, True, True], (n, 1))
    order = random_order(random_bits(KEY, np.arange(n)), eligible, 2, 6)
    assert set(np.unique(order)) == {1, 2, 4, 5}
    pairs, counts = np.unique(order @ [6, 1], return_counts=True)
    assert len(pairs) == 12
    assert_uniform(counts)


def test_an_order_does_not_depend_on_the_columns_beside_it_nor_on_how_many_are_wanted() -> None:
    keys = random_bits(KEY, np.arange(50))
    wide = np.arange(40) < np.arange(1, 21).repeat(3)[:50, None]
    whole = random_order(keys, wide, 40, 40)
    first = random_order(keys, wide[:, :25], 7, 40)
    there = np.arange(7) < wide.sum(axis=1)[:, None]
    assert (whole[:, :7] == first)[there].all()
    assert [sorted(row[:n]) for row, n in zip(whole.tolist(), wide.sum(axis=1), strict=True)] == [
        list(range(n)) for n in wide.sum(axis=1)
    ]


def test_bits_that_can_tell_places_apart_do_not_depend_on_the_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Two places of one row differ in their lowest nine bits alone, which is where places up to 512
    # are: the places decide, in 16 columns as in 512.
    monkeypatch.setattr(
        "data_pipeline.counter_random.random_bits",
        lambda key, places: key + ((places.max() - places) << np.uint64(4)) % np.uint64(512),
    )
    eligible = np.ones((1, 16), np.bool_)
    order = random_order(np.array([1 << 40], np.uint64), eligible, 16, 512)
    assert order.tolist() == [list(range(16))]
