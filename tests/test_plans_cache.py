import dataclasses
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from damage import cut, empty, flip_a_bit, put_nonsense
from splits import random_split, split_of

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans import cache as plan_cache
from data_pipeline.plans.cache import PlanSource, cached_count, cached_plan
from data_pipeline.plans.sentence_pairs import Plan, count_examples, make_plan

SPLIT = random_split(0, documents=40)
OBJECTIVE = PretrainingObjective(max_length=32, max_predictions=5)


def plans_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("plan-*"))


def same(one: Plan, other: Plan) -> bool:
    return bool((one.examples == other.examples).all())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs whose plans were really made."""
    epochs: list[int] = []

    def counted(split, objective, seed, epoch, num_examples=None) -> Plan:
        epochs.append(epoch)
        return make_plan(split, objective, seed, epoch, num_examples)

    monkeypatch.setattr(plan_cache, "make_plan", counted)
    return epochs


def test_a_plan_is_made_once_and_read_afterwards(tmp_path: Path, made: list[int]) -> None:
    expected = make_plan(SPLIT, OBJECTIVE, seed=4, epoch=1)
    for _ in range(3):
        assert same(cached_plan(SPLIT, OBJECTIVE, 4, 1, tmp_path / "new"), expected)
    assert made == [1]


def test_a_plan_read_back_is_memory_mapped(tmp_path: Path) -> None:
    plan = cached_plan(SPLIT, OBJECTIVE, 4, 1, tmp_path)
    assert isinstance(plan.examples.base, np.memmap)


def test_the_number_of_examples_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = count_examples(SPLIT, OBJECTIVE)
    assert cached_count(SPLIT, OBJECTIVE, tmp_path) == expected
    monkeypatch.setattr(plan_cache, "count_examples", lambda *_: pytest.fail("counted again"))
    assert cached_count(SPLIT, OBJECTIVE, tmp_path) == expected


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"examples_per_epoch": "5"}', "null"])
def test_a_damaged_count_is_counted_again(tmp_path: Path, text: str) -> None:
    expected = cached_count(SPLIT, OBJECTIVE, tmp_path)
    [path] = tmp_path.glob("count-*")
    path.write_text(text)
    assert cached_count(SPLIT, OBJECTIVE, tmp_path) == expected


def test_what_a_plan_depends_on_decides_its_file(tmp_path: Path) -> None:
    other = random_split(1, documents=40)
    shorter = PretrainingObjective(max_length=20, max_predictions=5)
    rarer, order, unpaired = (
        dataclasses.replace(OBJECTIVE, **{name: value})
        for name, value in (
            ("short_seq_prob", 0.3),
            ("pairs", "sentence_order"),
            ("pairs", "none"),
        )
    )
    for arguments in (
        (SPLIT, OBJECTIVE, 0, 0),
        (SPLIT, OBJECTIVE, 0, 1),
        (SPLIT, OBJECTIVE, 1, 0),
        (SPLIT, shorter, 0, 0),
        (SPLIT, rarer, 0, 0),
        (SPLIT, order, 0, 0),
        (SPLIT, unpaired, 0, 0),
        (other, OBJECTIVE, 0, 0),
    ):
        assert same(cached_plan(*arguments, tmp_path), make_plan(*arguments))
    assert len(plans_in(tmp_path)) == 8


@pytest.mark.parametrize("pairs", ["next_sentence", "sentence_order", "none"])
def test_a_change_of_masks_or_packing_alone_keeps_the_plan(
    tmp_path: Path, made: list[int], pairs
) -> None:
    ours = {"max_length": 32, "short_seq_prob": 0.2, "pairs": pairs}
    # Every other field, with another value than its default.
    theirs = {
        "max_predictions": 3,
        "masked_lm_prob": 0.1,
        "masking": "span",
        "mask_share": 0.7,
        "random_share": 0.2,
        "span_end_prob": 0.3,
        "longest_span": 4,
        "static_epochs": 5,
        "max_sequences": 4,
    }
    fields = {field.name: field.default for field in dataclasses.fields(PretrainingObjective)}
    assert fields.keys() == ours.keys() | theirs.keys()
    assert all(theirs[name] != fields[name] for name in theirs)
    for more in ({"max_predictions": 5}, theirs):
        cached_plan(SPLIT, PretrainingObjective(**ours, **more), 0, 0, tmp_path)
        cached_count(SPLIT, PretrainingObjective(**ours, **more), tmp_path)
    assert made == [0]
    assert len([*tmp_path.iterdir()]) == 2


def test_a_share_may_be_written_as_a_whole_number(tmp_path: Path, made: list[int]) -> None:
    for share in (0, 0.0):
        cached_plan(SPLIT, PretrainingObjective(32, 5, short_seq_prob=share), 0, 0, tmp_path)
    assert made == [0]


@pytest.mark.parametrize("cached", [True, False])
def test_static_epochs_come_round_again(tmp_path: Path, made: list[int], cached: bool) -> None:
    static = dataclasses.replace(OBJECTIVE, static_epochs=2)
    source = PlanSource(SPLIT, static, 4, tmp_path if cached else None)
    for epoch in (0, 1, 2, 3, 6, 7):
        source.begin(epoch)
        assert same(source(epoch), make_plan(SPLIT, OBJECTIVE, 4, epoch % 2))
    assert made == [0, 1]
    assert len(plans_in(tmp_path)) == 2 * cached


def test_all_static_plans_are_kept_up_to_a_number(tmp_path: Path, made: list[int]) -> None:
    epochs = plan_cache.PLANS_KEPT + 3
    static = dataclasses.replace(OBJECTIVE, static_epochs=epochs)
    for epoch in range(2 * epochs):
        cached_plan(SPLIT, static, 0, epoch, tmp_path)
    assert made == [*range(epochs)]
    many = dataclasses.replace(OBJECTIVE, static_epochs=1_000_000)
    for epoch in range(epochs, plan_cache.STATIC_PLANS_KEPT + 5):
        cached_plan(SPLIT, many, 0, epoch, tmp_path)
    assert len(plans_in(tmp_path)) == plan_cache.STATIC_PLANS_KEPT + 2


def test_a_splits_fingerprint_stands_for_its_arrays(tmp_path: Path, made: list[int]) -> None:
    arrays = SPLIT.tokens, SPLIT.sentence_offsets, SPLIT.document_offsets
    for name in ("one", "one", "two"):
        cached_plan(type(SPLIT)(*arrays, fingerprint=name), OBJECTIVE, 0, 0, tmp_path)
    assert made == [0, 0]


def put_another_array(path: Path) -> None:
    np.save(path, np.arange(100))


@pytest.mark.parametrize("damage", [cut, empty, flip_a_bit, put_another_array, put_nonsense])
def test_a_damaged_file_is_made_again(tmp_path: Path, made: list[int], damage) -> None:
    expected = make_plan(SPLIT, OBJECTIVE, 0, 0)
    cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path)
    [path] = plans_in(tmp_path)
    damage(path)
    assert same(cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path), expected)
    assert same(cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path), expected)
    assert made == [0, 0]


def test_a_folder_that_cannot_be_written_leaves_the_plan_in_memory(tmp_path: Path) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("in the way")
    plan = cached_plan(SPLIT, OBJECTIVE, 0, 0, not_a_folder / "plans")
    assert same(plan, make_plan(SPLIT, OBJECTIVE, 0, 0))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_fills_up_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    plan = cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path)
    assert same(plan, make_plan(SPLIT, OBJECTIVE, 0, 0))
    assert plans_in(tmp_path) == []


def test_others_may_read_a_plan_as_they_may_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path / "plans")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "plans").iterdir()} == {0o644}


def test_only_the_plans_used_last_are_kept(tmp_path: Path) -> None:
    kept = plan_cache.PLANS_KEPT
    now = time.time()
    for epoch in range(kept):
        cached_plan(SPLIT, OBJECTIVE, 0, epoch, tmp_path)
        [path] = tmp_path.glob(f"plan-*-e{epoch}.npy")
        os.utime(path, (now - 100 + epoch, now - 100 + epoch))
    cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path)  # used again: no longer the oldest
    cached_plan(SPLIT, OBJECTIVE, 0, kept, tmp_path)
    cached_plan(SPLIT, OBJECTIVE, 0, kept + 1, tmp_path)
    epochs = {int(path.stem.rpartition("-e")[2]) for path in plans_in(tmp_path)}
    assert epochs == {0, *range(3, kept + 2)}


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path)
    [plan] = plans_in(tmp_path)
    old, new = (plan.with_name(f"{plan.name}.{name}") for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half a plan")
    os.utime(old, (0, 0))
    cached_plan(SPLIT, OBJECTIVE, 0, 1, tmp_path)
    assert not old.exists()
    assert new.exists()


def test_several_writers_at_once_leave_one_whole_plan(tmp_path: Path) -> None:
    expected = make_plan(SPLIT, OBJECTIVE, 0, 0)
    plans: list[Plan] = []
    barrier = threading.Barrier(6)

    def write() -> None:
        barrier.wait()
        plans.append(cached_plan(SPLIT, OBJECTIVE, 0, 0, tmp_path))

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(plans) == 6
    assert all(same(plan, expected) for plan in plans)
    assert len(plans_in(tmp_path)) == 1


@pytest.mark.parametrize("cached", [True, False])
def test_a_plan_begun_in_the_background_is_not_made_twice(
    tmp_path: Path, made: list[int], cached: bool
) -> None:
    source = PlanSource(SPLIT, OBJECTIVE, 0, tmp_path if cached else None)
    source.begin(3)
    source.begin(3)
    assert same(source(3), make_plan(SPLIT, OBJECTIVE, 0, 3))
    assert source(3) is source(3)
    assert made == [3]


def test_the_background_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []

    def noted(*arguments, **named) -> Plan:
        threads.append(threading.current_thread().name)
        return make_plan(*arguments, **named)

    monkeypatch.setattr(plan_cache, "make_plan", noted)
    source = PlanSource(SPLIT, OBJECTIVE, 0, None)
    source.begin(3)
    source(3)
    assert threads == ["plan-3"]


def test_an_error_in_the_background_comes_up_when_the_plan_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = PlanSource(SPLIT, OBJECTIVE, 0, None)

    def fail(*_: object) -> Plan:
        raise DataError("the offsets are gone")

    monkeypatch.setattr(plan_cache, "make_plan", fail)
    source.begin(0)
    for _ in range(2):
        with pytest.raises(DataError, match="the offsets are gone"):
            source(0)


def test_a_split_without_pairs_is_an_error_at_once(tmp_path: Path) -> None:
    for folder in (tmp_path, None):
        with pytest.raises(DataError, match="two documents"):
            PlanSource(split_of([[3, 4]]), OBJECTIVE, 0, folder)
    assert list(tmp_path.iterdir()) == []
