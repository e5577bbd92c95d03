"""Timing several programs in turn, each in a process of its own that stays alive between turns.

One after the other in the same minutes, on the same machine: what slows one slows all, so that the
ratio of a pair can be trusted where a single time cannot.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

# () -> one step, and waits for its result.
Step = Callable[[], None]
# Idle threads of a numerical library go on spinning for a while; the next turn waits for that.
PAUSE_SECONDS = 0.4


class Contestant:
    """A step in a process of its own.

    Args:
      make: picklable; makes the step, in the child.
      args: of `make`.
      environment: of the child; this process's where not given.
    """

    def __init__(
        self,
        make: Callable[..., Step],
        args: Sequence[Any],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, args), daemon=True)
        with _environment(environment):
            self._process.start()
        theirs.close()

    def seconds_per_step(self, steps: int) -> float:
        """Median seconds of `steps` steps, run now."""
        self._connection.send(steps)
        try:
            answer = self._connection.recv()
        except EOFError:
            raise RuntimeError("a process that was being timed ended without an answer") from None
        if isinstance(answer, BaseException):
            raise answer
        return float(answer)

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


# What `Contestant` takes; the environment may be left out.
Maker = (
    tuple[Callable[..., Step], Sequence[Any]]
    | tuple[Callable[..., Step], Sequence[Any], Mapping[str, str]]
)


@contextmanager
def contestants(*makers: Maker) -> Iterator[list[Contestant]]:
    """Start all; end all."""
    with ExitStack() as stack:
        started = [Contestant(*maker) for maker in makers]
        for one in started:
            stack.callback(one.close)
        yield started


def in_turns(
    entrants: Sequence[Contestant], rounds: int, steps: int, pause: float = PAUSE_SECONDS
) -> list[list[float]]:
    """Seconds per step of each contestant in each round; a first round, not counted, warms up."""
    seconds: list[list[float]] = [[] for _ in entrants]
    for number in range(rounds + 1):
        for mine, one in zip(seconds, entrants, strict=True):
            time.sleep(pause)
            found = one.seconds_per_step(steps)
            if number:
                mine.append(found)
    return seconds


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times as fast as theirs ours is: the median over the rounds."""
    return statistics.median(t / o for o, t in zip(ours, theirs, strict=True))


@contextmanager
def _environment(environment: Mapping[str, str] | None) -> Iterator[None]:
    """Replace this process's environment for a while: a child takes what it finds at its start."""
    if environment is None:
        yield
        return
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _serve(connection: Connection, make: Callable[..., Step], args: Sequence[Any]) -> None:
    step: Step | None = None
    while True:
        try:
            steps = connection.recv()
        except EOFError:
            return
        try:
            if step is None:
                step = make(*args)
            seconds = []
            for _ in range(steps):
                began = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - began)
            connection.send(statistics.median(seconds))
        except Exception as error:
            connection.send(error)
