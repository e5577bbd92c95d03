from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masked_rows import IDS
from splits import random_split

from data_pipeline.errors import DataError
from data_pipeline.features import Batch
from data_pipeline.mixture import BLOCK, PERIOD, MixtureBatches, draw, shares_of, smoothed_weights
from data_pipeline.objective import PretrainingObjective

weights = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6)


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


@settings(max_examples=60, deadline=None)
@given(wide, st.integers(0, 2**40), st.integers(0, 2**28), st.integers(1, 2**28))
def test_any_number_of_whole_blocks_has_the_shares_within_a_few_rows(
    given_weights: list[float], seed: int, block: int, blocks: int
) -> None:
    shares = shares_of(given_weights)
    before, after = (draw(shares, seed, n * BLOCK, 0).first for n in (block, block + blocks))
    wanted = [blocks * rows / (PERIOD // BLOCK) for rows in shares.rows]
    assert np.abs(after - before - wanted).max() <= 20
    assert (after - before).sum() == blocks * BLOCK
    assert draw(shares, seed, 2 * PERIOD, 0).first.tolist() == [2 * r for r in shares.rows]


def test_a_store_of_a_tiny_share_comes_as_rarely_as_it_should() -> None:
    drawn = draw(shares_of([1e5, 1]), 3, 0, 400 * BLOCK)
    assert abs(drawn.number[1] - 400 * BLOCK / 100_001) < 3
    gaps = np.diff(np.flatnonzero(drawn.store))
    assert 8 * BLOCK < gaps.min() <= gaps.max() < 70 * BLOCK


@given(st.integers(0, 2**40), st.integers(0, 2**20 - 1))
def test_every_block_has_a_row_for_each_of_its_places(seed: int, block: int) -> None:
    shares = shares_of([3, 1e-4, 2, 1])
    drawn = draw(shares, seed, block * BLOCK, BLOCK)
    assert len(drawn.store) == BLOCK
    exact = np.array(shares.facts()) * BLOCK
    assert np.abs(drawn.number - exact).max() <= 1


@settings(max_examples=30, deadline=None)
@given(weights, st.integers(0, 2**40), st.lists(st.integers(1, 900), min_size=1, max_size=12))
def test_rows_asked_for_in_any_pieces_are_the_same_and_no_row_of_a_store_is_missed(
    given_weights: list[float], seed: int, sizes: list[int]
) -> None:
    shares = shares_of(given_weights)
    first = 3_000
    whole = draw(shares, seed, first, sum(sizes))
    pieces, at = [], first
    expected = whole.first.copy()
    for size in sizes:
        piece = draw(shares, seed, at, size)
        assert piece.first.tolist() == expected.tolist()
        expected += piece.number
        pieces.append(piece.store)
        at += size
    assert np.concatenate(pieces).tolist() == whole.store.tolist()
    assert draw(shares, seed, at, 1).first.tolist() == expected.tolist()


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
    assert shares_of(given_weights).facts() == pytest.approx(shares, abs=1 / BLOCK)


def test_the_order_differs_from_block_to_block_and_from_seed_to_seed() -> None:
    shares = shares_of([1, 1])
    blocks = [draw(shares, seed, n * BLOCK, BLOCK).store for seed in (0, 1) for n in (0, 1)]
    for i, one in enumerate(blocks):
        for other in blocks[:i]:
            assert 0.4 < np.mean(one == other) < 0.6


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
        ([1.0] * (BLOCK + 1), "has room for 4096 stores"),
    ],
)
def test_weights_that_are_none_are_an_error(given_weights: list, said: str) -> None:
    with pytest.raises(DataError, match=said):
        shares_of(given_weights)
    if isinstance(given_weights, list) and not given_weights:
        with pytest.raises(DataError, match=r"between 0 and 1; got 1\.5"):
            smoothed_weights([1, 2], 1.5)


PACKED = PretrainingObjective(64, 12, max_sequences=4)


def mixture(objective: PretrainingObjective, **sizes: int) -> MixtureBatches:
    splits = [random_split(seed, documents) for seed, documents in ((0, 40), (1, 6), (2, 90))]
    return MixtureBatches(
        splits, shares_of([3, 1, 2]), IDS, objective, seed=5, **{"batch_size": 16, **sizes}
    )


@pytest.mark.parametrize(
    "objective",
    [
        PretrainingObjective(32, 5),
        PretrainingObjective(32, 5, pairs="none", masking="whole_word", static_epochs=2),
        PACKED,
    ],
)
def test_a_batch_of_a_mixture_is_the_same_for_any_number_of_processes(
    objective: PretrainingObjective,
) -> None:
    whole = mixture(objective)
    for step in (0, 1000):
        expected = whole(step)
        for count in (2, 8):
            parts = [mixture(objective, process_index=i, process_count=count) for i in range(count)]
            made = [part(step) for part in parts]
            for name, values in expected.items():
                assert np.array_equal(np.concatenate([m[name] for m in made]), values), name


@pytest.mark.parametrize("objective", [PretrainingObjective(32, 5), PACKED])
def test_batches_in_turn_are_those_of_steps_by_themselves(objective: PretrainingObjective) -> None:
    for sizes in ({}, {"process_index": 1, "process_count": 2}):
        in_turn, alone = mixture(objective, **sizes), mixture(objective, **sizes)
        for step in range(80):
            batch = in_turn(step)
            if step % 13 == 0:
                for name, values in alone(step).items():
                    assert np.array_equal(batch[name], values), (step, name)


def unmasked(batch: Batch) -> list[list[int]]:
    ids = batch["input_ids"].copy()
    row, slot = np.nonzero(batch["masked_lm_weights"])
    ids[row, batch["masked_lm_positions"][row, slot]] = batch["masked_lm_ids"][row, slot]
    return ids.tolist()


@pytest.mark.parametrize("pairs", ["next_sentence", "none"])
def test_the_rows_of_each_store_are_those_it_would_give_alone_in_their_order(pairs: str) -> None:
    batches = mixture(PretrainingObjective(32, 5, pairs=pairs))
    seen: dict[int, list[list[int]]] = {0: [], 1: [], 2: []}
    for step in range(100):
        for store, ids in zip(batches.drawn(step).store, unmasked(batches(step)), strict=True):
            seen[int(store)].append(ids)
    for store, rows in seen.items():
        alone = [unmasked(batches._parts[store](row))[0] for row in range(len(rows))]
        assert alone == rows
    # The small store has come round several times.
    epochs = batches.epochs(100)
    assert epochs[1] > max(2, 3 * epochs[2])


def test_an_epoch_of_a_mixture_is_one_of_each_store() -> None:
    batches = mixture(PretrainingObjective(32, 5))
    assert batches.rows_per_epoch == sum(part.rows_per_epoch for part in batches._parts)
    assert batches.examples_per_epoch == batches.rows_per_epoch
    [epochs] = batches._parts[0].epochs(10)
    assert epochs == 10 / batches._parts[0].rows_per_epoch


def test_the_plans_of_all_stores_are_begun_also_of_those_without_a_row_in_the_batch(
    tmp_path: Path,
) -> None:
    splits = [random_split(seed, 30) for seed in range(2)]
    folders = [tmp_path / "large", tmp_path / "small"]
    objective = PretrainingObjective(32, 5)
    batches = MixtureBatches(
        splits, shares_of([1e4, 1]), IDS, objective, seed=5, batch_size=8, cache_dirs=folders
    )
    assert batches.drawn(0).number.tolist() == [8, 0]
    batches.begin(0)
    # Waits for what was begun.
    batches._parts[1](0)
    assert all(list(folder.glob("plan-*.npy")) for folder in folders)


def test_what_rows_hold_is_known_by_store() -> None:
    batches = mixture(PretrainingObjective(32, 5), batch_size=4)
    batch, drawn, held = batches(7), batches.drawn(7), batches.sequences(7)
    for store, sequences in enumerate(held):
        lengths = batch["attention_mask"].sum(1)[drawn.store == store]
        if sequences is None:
            assert not len(lengths)
            continue
        examples = sequences.examples
        assert (examples["a_length"] + examples["b_length"] + 3).tolist() == lengths.tolist()
    assert any(sequences is not None for sequences in held)


def test_a_mixture_needs_a_share_for_each_store() -> None:
    with pytest.raises(DataError, match=r"of 1 stores needs as many shares.*got 2"):
        MixtureBatches(
            [random_split(0, 9)],
            shares_of([1, 1]),
            IDS,
            PretrainingObjective(32, 5),
            seed=0,
            batch_size=4,
        )
