import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masked_rows import IDS
from splits import random_split

from data_pipeline.batches import PretrainingBatches
from data_pipeline.errors import DataError
from data_pipeline.features import Batch
from data_pipeline.mixture import BLOCK, MixtureBatches, draw
from data_pipeline.mixture_shares import PERIOD, shares_of
from data_pipeline.objective import PretrainingObjective

weights = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6)


# Far from each other, as languages are.
wide = st.lists(st.floats(-6, 6).map(lambda power: 10**power), min_size=1, max_size=100)


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


def test_the_order_differs_from_block_to_block_and_from_seed_to_seed() -> None:
    shares = shares_of([1, 1])
    blocks = [draw(shares, seed, n * BLOCK, BLOCK).store for seed in (0, 1) for n in (0, 1)]
    for i, one in enumerate(blocks):
        for other in blocks[:i]:
            assert 0.4 < np.mean(one == other) < 0.6


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


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (PretrainingObjective(32, 5), ["164c51748bb0dc0a", "8d540c338e015e5e"]),
        (
            PretrainingObjective(32, 5, pairs="none", masking="whole_word", static_epochs=2),
            ["90a912d9bf9b03e9", "319e31d66c61e88f"],
        ),
        (PACKED, ["15f72e4fcaac27f0", "7997836fa49afdbc"]),
    ],
    ids=["plain", "static", "packed"],
)
def test_a_seed_means_the_same_rows_of_every_process_for_good(
    objective: PretrainingObjective, expected: list[str]
) -> None:
    # As of `test_batches`: a change of these hashes breaks every run.
    found = []
    for process_index, process_count in ((1, 2), (3, 8)):
        batches = mixture(objective, process_index=process_index, process_count=process_count)
        digest = hashlib.sha256()
        for step in range(30):
            batch = batches(step)
            for name in sorted(batch):
                digest.update(name.encode())
                digest.update(batch[name].tobytes())
        found.append(digest.hexdigest()[:16])
    assert found == expected


@pytest.mark.parametrize("process_count", [1, 4])
def test_the_rows_of_a_store_are_found_with_one_call_for_many_steps(
    monkeypatch: pytest.MonkeyPatch, process_count: int
) -> None:
    batches = mixture(PretrainingObjective(32, 5), process_index=0, process_count=process_count)
    batches(0)
    asked: list[int] = []
    found = PretrainingBatches.sequences_at

    def counted(part: PretrainingBatches, rows: np.ndarray) -> object:
        asked.append(len(rows))
        return found(part, rows)

    monkeypatch.setattr(PretrainingBatches, "sequences_at", counted)
    for step in range(1, 100):
        batches(step)
    # No row of another process, and of the own ones many at once.
    assert sum(asked) >= 99 * 16 / process_count
    assert len(asked) <= 2 * 3


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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    splits = [random_split(seed, 30) for seed in range(2)]
    objective = PretrainingObjective(32, 5)
    batches = MixtureBatches(splits, shares_of([1e4, 1]), IDS, objective, seed=5, batch_size=8)
    assert batches.drawn(0).number.tolist() == [8, 0]
    begun: list[PretrainingBatches] = []
    monkeypatch.setattr(PretrainingBatches, "begin", lambda part, _: begun.append(part))
    batches.begin(0)
    assert begun == batches._parts


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


@pytest.mark.parametrize("objective", [PretrainingObjective(32, 5), PACKED])
def test_it_is_known_whether_the_plans_of_a_step_are_made(
    tmp_path: Path, objective: PretrainingObjective
) -> None:
    splits = [random_split(seed, 30) for seed in range(2)]
    sizes = {"seed": 5, "batch_size": 8}

    def mixed(folders: list[Path | None]) -> MixtureBatches:
        return MixtureBatches(
            splits, shares_of([1, 1]), IDS, objective, cache_dirs=folders, **sizes
        )

    folders: list[Path | None] = [tmp_path / "0", tmp_path / "1"]
    assert not mixed(folders).is_planned(0)
    mixed(folders)(0)
    assert mixed(folders).is_planned(0)
    assert not mixed(folders).is_planned(10**6)
    assert not mixed([folders[0], None]).is_planned(0)
    assert not mixed([folders[0], tmp_path / "other"]).is_planned(0)
