"""Timing several programs in turn, each in its own process."""

import os
import time

import pytest

from bert_jax.benchmarks.turns import Contestant, contestants, in_turns, ratio


def make_sleeper(seconds):
    return lambda: time.sleep(seconds)


def make_writer(path, name):
    """A step that leaves its name and process in a file, in the order of the steps."""

    def step():
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name} {os.getpid()}\n")

    return step


def make_failure():
    def step():
        raise ValueError("out of memory")

    return step


def make_dead():
    os._exit(3)


def test_contestants_take_turns_in_processes_that_stay(tmp_path):
    path = tmp_path / "steps"
    with contestants((make_writer, (path, "a")), (make_writer, (path, "b"))) as entrants:
        seconds = in_turns(entrants, rounds=2, steps=3, pause=0.0)
    assert [len(times) for times in seconds] == [2, 2]
    names, processes = zip(*map(str.split, path.read_text().splitlines()), strict=True)
    # Two rounds and one before them that warms up.
    assert "".join(names) == "aaabbb" * 3
    assert len(set(processes)) == 2
    assert str(os.getpid()) not in processes


def test_the_time_of_a_step_is_measured_and_the_faster_one_found():
    with contestants((make_sleeper, (0.002,)), (make_sleeper, (0.02,))) as entrants:
        fast, slow = in_turns(entrants, rounds=3, steps=2, pause=0.0)
    assert min(fast) < min(slow)
    assert all(seconds >= 0.02 for seconds in slow)
    assert ratio(fast, slow) > 1


def test_a_ratio_is_the_median_over_the_rounds_of_the_pairs():
    # The second round was slow for both: of no account.
    assert ratio([1.0, 50.0, 1.0], [2.0, 150.0, 2.0]) == 2.0
    assert ratio([2.0], [1.0]) == 0.5


def test_an_error_in_a_step_is_raised_here():
    with (
        contestants((make_failure, ())) as [one],
        pytest.raises(ValueError, match="out of memory"),
    ):
        one.seconds_per_step(1)


def test_a_process_that_ends_is_an_error_and_no_endless_wait():
    one = Contestant(make_dead, ())
    with pytest.raises(RuntimeError, match="ended without an answer"):
        one.seconds_per_step(1)
    one.close()
