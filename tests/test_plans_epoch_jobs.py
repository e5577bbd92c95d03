import threading

import pytest

from data_pipeline.errors import DataError
from data_pipeline.plans.epoch_jobs import EpochJobs


def test_a_result_is_made_once_also_where_it_was_begun() -> None:
    made: list[tuple[int, str]] = []

    def make(epoch: int) -> str:
        made.append((epoch, threading.current_thread().name))
        return f"result {epoch}"

    jobs = EpochJobs(make, "plan")
    jobs.begin(3)
    jobs.begin(3)
    assert jobs(3) == "result 3"
    assert jobs(3) is jobs(3)
    jobs.begin(3)
    assert made == [(3, "plan-3")]
    assert jobs(4) == "result 4"
    assert made[1:] == [(4, threading.current_thread().name)]


def test_the_two_used_last_are_held() -> None:
    made: list[int] = []

    def make(epoch: int) -> None:
        made.append(epoch)

    jobs = EpochJobs(make, "plan")
    for epoch in (0, 1, 0, 2, 0, 1):
        jobs(epoch)
    assert made == [0, 1, 2, 1]


def test_several_threads_wait_for_one_result() -> None:
    going, made = threading.Event(), []

    def make(epoch: int) -> object:
        made.append(epoch)
        going.wait(10)
        return object()

    jobs = EpochJobs(make, "plan")
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(jobs(7))) for _ in range(5)]
    for thread in threads:
        thread.start()
    going.set()
    for thread in threads:
        thread.join()
    assert made == [7]
    assert len(found) == 5
    assert len(set(map(id, found))) == 1


def test_an_error_in_the_background_comes_up_when_the_result_is_asked_for() -> None:
    def fail(epoch: int) -> None:
        raise DataError(f"no plan of epoch {epoch}")

    jobs = EpochJobs(fail, "plan")
    jobs.begin(0)
    for _ in range(2):
        with pytest.raises(DataError, match="no plan of epoch 0"):
            jobs(0)
