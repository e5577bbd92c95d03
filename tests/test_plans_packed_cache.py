import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from splits import random_split

from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans import packed_cache as packed_plan_cache
from data_pipeline.plans.cache import PLANS_KEPT, STATIC_PLANS_KEPT
from data_pipeline.plans.packed_cache import (
    PackedSource,
    cached_packed_plan,
    cached_row_count,
)
from data_pipeline.plans.packed_plan import PackedPlan, count_rows, make_packed_plan

SPLIT = random_split(0, documents=40)
OBJECTIVE = PretrainingObjective(80, 15, short_seq_prob=0.5, max_sequences=4)
SIZE = count_rows(SPLIT, OBJECTIVE)


def rows_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("rows-*.npy"))


def same(one: PackedPlan, other: PackedPlan) -> bool:
    return bool((one.records == other.records).all())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs whose rows were really made."""
    epochs: list[int] = []

    def counted(split, objective, seed, epoch, size) -> PackedPlan:
        epochs.append(epoch)
        return make_packed_plan(split, objective, seed, epoch, size)

    monkeypatch.setattr(packed_plan_cache, "make_packed_plan", counted)
    return epochs


def test_rows_are_made_once_and_read_afterwards(tmp_path: Path, made: list[int]) -> None:
    expected = make_packed_plan(SPLIT, OBJECTIVE, 4, 1, SIZE)
    for _ in range(3):
        plan = cached_packed_plan(SPLIT, OBJECTIVE, 4, 1, SIZE, tmp_path / "new")
        assert same(plan, expected)
        assert isinstance(plan.records.base, np.memmap)
    assert made == [1]
    assert same(cached_packed_plan(SPLIT, OBJECTIVE, 4, 1, SIZE, None), expected)


def test_a_damaged_file_is_made_again(tmp_path: Path, made: list[int]) -> None:
    expected = cached_packed_plan(SPLIT, OBJECTIVE, 0, 0, SIZE, tmp_path)
    [path] = rows_in(tmp_path)
    os.truncate(path, path.stat().st_size - 100)
    expected = make_packed_plan(SPLIT, OBJECTIVE, 0, 0, SIZE)
    assert same(cached_packed_plan(SPLIT, OBJECTIVE, 0, 0, SIZE, tmp_path), expected)
    assert made == [0, 0]


def test_a_folder_that_cannot_be_written_leaves_the_rows_in_memory(tmp_path: Path) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("in the way")
    plan = cached_packed_plan(SPLIT, OBJECTIVE, 0, 0, SIZE, not_a_folder / "plans")
    assert same(plan, make_packed_plan(SPLIT, OBJECTIVE, 0, 0, SIZE))
    assert cached_row_count(SPLIT, OBJECTIVE, not_a_folder / "plans") == SIZE


@pytest.mark.parametrize(
    "changed",
    [
        {"max_sequences": 3},
        {"max_predictions": 14},
        {"masked_lm_prob": 0.1},
        {"short_seq_prob": 0.4},
        {"pairs": "sentence_order"},
    ],
)
def test_what_rows_depend_on_decides_their_file(tmp_path: Path, changed: dict) -> None:
    for objective in (OBJECTIVE, dataclasses.replace(OBJECTIVE, **changed)):
        size = cached_row_count(SPLIT, objective, tmp_path)
        assert size == count_rows(SPLIT, objective)
        plan = cached_packed_plan(SPLIT, objective, 0, 0, size, tmp_path)
        assert same(plan, make_packed_plan(SPLIT, objective, 0, 0, size))
    assert len(rows_in(tmp_path)) == 2


def test_a_change_of_the_masks_alone_keeps_the_rows(tmp_path: Path, made: list[int]) -> None:
    for masking in ("piece", "span"):
        objective = dataclasses.replace(OBJECTIVE, masking=masking)
        cached_packed_plan(SPLIT, objective, 0, 0, SIZE, tmp_path)
    assert made == [0]


def test_rows_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cached_row_count(SPLIT, OBJECTIVE, tmp_path) == SIZE
    monkeypatch.setattr(packed_plan_cache, "count_rows", lambda *_: pytest.fail("counted again"))
    assert cached_row_count(SPLIT, OBJECTIVE, tmp_path) == SIZE


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"rows": 5}', '{"rows": "5", "examples": 9}', "null"]
)
def test_a_damaged_count_is_counted_again(tmp_path: Path, text: str) -> None:
    cached_row_count(SPLIT, OBJECTIVE, tmp_path)
    [path] = tmp_path.glob("rows-*.json")
    path.write_text(text)
    assert cached_row_count(SPLIT, OBJECTIVE, tmp_path) == SIZE


@pytest.mark.parametrize("static_epochs", [0, 10, STATIC_PLANS_KEPT + 10])
def test_the_rows_used_last_are_kept_and_those_of_static_epochs(
    tmp_path: Path, static_epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_packed_plan(SPLIT, OBJECTIVE, 0, 0, SIZE)
    monkeypatch.setattr(packed_plan_cache, "make_packed_plan", lambda *_: plan)
    objective = dataclasses.replace(OBJECTIVE, static_epochs=static_epochs)
    for epoch in range(60):
        cached_packed_plan(SPLIT, objective, 0, epoch, SIZE, tmp_path)
    kept = {0: PLANS_KEPT, 10: 10}.get(static_epochs, STATIC_PLANS_KEPT + 2)
    assert len(rows_in(tmp_path)) == kept


@pytest.mark.parametrize("cached", [True, False])
def test_a_source_gives_rows_by_epoch_and_number(
    tmp_path: Path, made: list[int], cached: bool
) -> None:
    source = PackedSource(SPLIT, OBJECTIVE, 5, tmp_path if cached else None)
    assert (source.rows_per_epoch, source.examples_per_epoch) == (SIZE.rows, SIZE.examples)
    source.begin(2)
    found = source.take(2, 10, 4)
    assert made == [2]
    records = make_packed_plan(SPLIT, OBJECTIVE, 5, 2, SIZE).take(10, 4)
    assert (found.examples == records).all()
    assert found.rows.tolist() == (records["row"] - 10).tolist()
    assert found.rows[0] == 0
    assert found.rows[-1] == 3
    assert (found.numbers == 2 * SIZE.examples + records["rank"].astype(np.int64)).all()


def test_static_epochs_have_the_rows_and_numbers_of_the_first_time(made: list[int]) -> None:
    objective = dataclasses.replace(OBJECTIVE, static_epochs=2)
    source = PackedSource(SPLIT, objective, 5, None)
    one = source.take(1, 0, 9)
    source.begin(3)
    other = source.take(7, 0, 9)
    for field in range(3):
        assert (one[field] == other[field]).all()
    assert made == [1]
