import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import data_pipeline
from data_pipeline.errors import DataError
from data_pipeline.workers import checked_workers, ordered_map


def make_square(log: str = "") -> Callable[[int], tuple[int, int]]:
    """Items of even number take longer, so that results come in another order than items."""

    def square(n: int) -> tuple[int, int]:
        time.sleep(0.01 * (n % 2 == 0))
        return n * n, os.getpid()

    return square


def make_failing(how: str) -> Callable[[int], int]:
    def fail(n: int) -> int:
        if n == 3:
            if how == "killed":
                os._exit(9)
            raise DataError("item 3 is no good")
        return n

    return fail


def test_results_come_in_the_order_of_the_items_and_items_only_as_results_are_used() -> None:
    taken = []

    def items() -> Iterator[int]:
        for n in range(30):
            taken.append(n)
            yield n

    results = []
    for n, (value, pid) in enumerate(ordered_map(make_square, items(), workers=2)):
        assert len(taken) <= n + 6
        results.append(value)
        assert pid != os.getpid()
    assert results == [n * n for n in range(30)]


@pytest.mark.parametrize(("workers", "count"), [(1, 5), (2, 1), (2, 0)])
def test_one_worker_or_one_item_needs_no_process(workers: int, count: int) -> None:
    results = list(ordered_map(make_square, range(count), workers=workers))
    assert {pid for _, pid in results} <= {os.getpid()}
    assert len(results) == count


@pytest.mark.parametrize(("how", "message"), [("raises", "item 3"), ("killed", "__main__")])
def test_what_fails_in_a_worker_fails_here(how: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(ordered_map(functools.partial(make_failing, how), range(10), workers=2))


INTERRUPTED = """
import os, sys, time
from data_pipeline.workers import ordered_map

if __name__ == "__mp_main__":  # a worker that imports
    os.write(1, b"importing\\n")  # in one piece, beside the other worker
    time.sleep(0.5)


def make():
    return abs


if __name__ == "__main__":
    try:
        list(ordered_map(make, range(10), workers=2))
    except KeyboardInterrupt:
        print("stopped")
"""


def test_an_interrupt_while_workers_import_is_the_parents_alone(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    command = [sys.executable, str(script)]
    env = {**os.environ, "PYTHONPATH": str(Path(data_pipeline.__file__).parents[1])}
    # A session of its own, as of a terminal: Ctrl-C goes to all of its processes.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["importing\n"] * 2
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("stopped\n", "", 0)


KILLED = """
import time
from data_pipeline.workers import ordered_map


def make():
    return time.sleep


if __name__ == "__main__":
    for _ in ordered_map(make, [0.0, 60.0, 60.0], workers=2):
        print("one", flush=True)
"""


def test_a_parent_that_is_killed_leaves_neither_workers_nor_words(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    env = {**os.environ, "PYTHONPATH": str(Path(data_pipeline.__file__).parents[1])}
    command = [sys.executable, str(script)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        process.kill()
        # Ends when the last process that could write there has ended.
        assert process.communicate(timeout=30) == ("", "")


def test_signals_are_as_before_when_the_work_is_done() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert len(list(ordered_map(make_square, range(5), workers=2))) == 5
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_the_number_of_workers_is_checked() -> None:
    assert checked_workers(3) == 3
    assert 1 <= checked_workers(None) <= (os.cpu_count() or 1)
    with pytest.raises(DataError, match="at least 1; got 0"):
        checked_workers(0)
