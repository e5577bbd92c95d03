import gc
import threading
import time
from collections.abc import Callable

import pytest

from data_pipeline.errors import DataError
from data_pipeline.prefetch import Prefetch


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.002)
    return condition()


def prefetch_threads() -> int:
    return sum(thread.name == "prefetch" for thread in threading.enumerate())


@pytest.mark.parametrize("depth", [1, 2, 9])
def test_steps_come_in_order_each_once(depth: int) -> None:
    with Prefetch(lambda step: step * step, 3, 40, depth) as batches:
        assert list(batches) == [(step, step * step) for step in range(3, 40)]


def test_no_steps_is_an_empty_iterator() -> None:
    with Prefetch(lambda step: step, 5, 5) as batches:
        assert list(batches) == []


def test_only_as_many_batches_as_the_depth_are_made_ahead() -> None:
    made: list[int] = []
    with Prefetch(made.append, 0, 100, depth=3) as batches:
        # Three on the shelf and one in the thread's hands.
        assert eventually(lambda: len(made) == 4)
        time.sleep(0.05)
        assert len(made) == 4
        next(batches)
        assert eventually(lambda: len(made) == 5)


def test_an_error_comes_up_at_its_step_after_the_good_ones() -> None:
    def source(step: int) -> int:
        if step == 4:
            raise KeyError("the disk is gone")
        return step

    with Prefetch(source, 0, 10) as batches:
        assert [next(batches)[0] for _ in range(4)] == [0, 1, 2, 3]
        with pytest.raises(KeyError, match="the disk is gone"):
            next(batches)
        assert list(batches) == []


def test_closing_stops_the_thread_even_while_it_waits_for_room() -> None:
    batches = Prefetch(lambda step: step, 0, 10**9, depth=1)
    next(batches)
    assert prefetch_threads() == 1
    batches.close()
    batches.close()
    assert prefetch_threads() == 0
    assert list(batches) == []


def test_leaving_the_block_by_an_error_stops_the_thread() -> None:
    with pytest.raises(ZeroDivisionError), Prefetch(lambda step: step, 0, 10**9):
        raise ZeroDivisionError
    assert prefetch_threads() == 0


def test_an_iterator_that_is_dropped_stops_its_thread() -> None:
    batches = Prefetch(lambda step: step, 0, 10**9)
    next(batches)
    del batches
    gc.collect()
    assert eventually(lambda: prefetch_threads() == 0)


def test_the_time_spent_waiting_is_counted() -> None:
    def slow(step: int) -> int:
        time.sleep(0.03)
        return step

    with Prefetch(slow, 0, 4) as batches:
        list(batches)
        assert 0.1 < batches.wait_seconds < 2


def test_batches_that_lie_ready_cost_no_waiting() -> None:
    made: list[int] = []
    with Prefetch(made.append, 0, 3, depth=4) as batches:
        assert eventually(lambda: len(made) == 3)
        list(batches)
        assert batches.wait_seconds < 0.02


def test_a_depth_of_zero_is_an_error() -> None:
    with pytest.raises(DataError, match="depth must be at least 1; got 0"):
        Prefetch(lambda step: step, 0, 1, depth=0)
