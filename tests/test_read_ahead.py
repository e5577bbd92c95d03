import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from masked_rows import IDS
from splits import random_split

from data_pipeline.batches import PretrainingBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.read_ahead import ReadAhead

SPLIT = random_split(0, 60)


class Calls:
    """Makes rows of two numbers, each its step, and keeps what it was asked for."""

    def __init__(self, at_once: int = 4) -> None:
        self.made: list[tuple[int, int]] = []
        self.batches = ReadAhead(self.make, lambda step: at_once, num_rows=2)

    def make(self, step: int, count: int) -> dict[str, np.ndarray]:
        self.made.append((step, count))
        return {"step": np.repeat(np.arange(step, step + count), 4).reshape(-1, 2)}


def test_steps_in_turn_are_made_several_at_once_after_the_first() -> None:
    calls = Calls()
    for step in range(10):
        assert (calls.batches(step)["step"] == np.full((2, 2), step)).all()
    assert calls.made == [(0, 1), (1, 4), (5, 4), (9, 4)]


@given(st.lists(st.integers(0, 12), max_size=40), st.integers(1, 5))
def test_any_order_of_steps_gives_each_its_own_batch(steps: list[int], at_once: int) -> None:
    calls = Calls(at_once)
    for step in steps:
        assert (calls.batches(step)["step"] == np.full((2, 2), step)).all()


def test_a_batch_that_was_changed_is_not_handed_out_again_and_changes_no_other() -> None:
    calls = Calls()
    for step in (0, 1, 2, 1, 2, 3):
        batch = calls.batches(step)["step"]
        assert (batch == step).all()
        batch[:] = -1


def test_steps_far_apart_cost_no_more_than_themselves() -> None:
    calls = Calls()
    for step in (7, 3, 900):
        calls.batches(step)
    assert calls.made == [(7, 1), (3, 1), (900, 1)]


def test_several_threads_get_what_one_does() -> None:
    calls = Calls()
    wrong = []

    def ask(first: int) -> None:
        steps = range(first, 300)
        wrong.extend(s for s in steps if (calls.batches(s)["step"] != s).any())

    threads = [threading.Thread(target=ask, args=(first,)) for first in (0, 0, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("batch_size", [4, 6])
@pytest.mark.parametrize("max_sequences", [1, 3])
@pytest.mark.parametrize("part", [(0, 1), (1, 2)])
def test_no_more_is_made_at_once_than_one_plan_serves(batch_size, max_sequences, part, monkeypatch):
    objective = PretrainingObjective(32, 5, max_sequences=max_sequences)
    index, count = part
    batches = PretrainingBatches(
        SPLIT,
        IDS,
        objective,
        seed=0,
        batch_size=batch_size,
        process_index=index,
        process_count=count,
    )
    assemble, made = batches._assemble, []

    def counted(sequences, num_rows, seed):
        made.append(num_rows)
        return assemble(sequences, num_rows, seed)

    monkeypatch.setattr(batches, "_assemble", counted)
    rows = batches.rows_per_epoch
    alone = batches.sequences
    for step in range(2 * rows // batch_size):
        batch = batches(step)
        wanted = assemble(alone(step), batch_size // count, 0)
        for name, values in wanted.items():
            np.testing.assert_array_equal(batch[name], values)
            assert batch[name].flags.c_contiguous
    # Two halves of each of two epochs, and the first step by itself.
    assert 5 <= len(made) < 12
