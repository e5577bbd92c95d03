"""How long-running functions tell somebody how far they are.

A long function takes `progress=`, any callable of the type `Progress`. The default, `silent`,
shows nothing; the command line passes one that draws bars. The data pipeline itself prints nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Task(Protocol):
    """One part of the work while it lasts."""

    def advance(self, n: int = 1) -> None:
        """Says that `n` more units are done."""

    def note(self, text: str) -> None:
        """Shows a short text at the end of the bar."""


class Progress(Protocol):
    """Opens a part of the work; the context's end is the end of the part."""

    def __call__(
        self, description: str, total: int | None, unit: str
    ) -> AbstractContextManager[Task]:
        """`total` is in `unit`s, None where it is not known beforehand."""


class _SilentTask:
    def advance(self, n: int = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def silent(description: str, total: int | None, unit: str) -> AbstractContextManager[Task]:
    """The `Progress` that shows nothing."""
    del description, total, unit
    return nullcontext(_SilentTask())


class WhenDone:
    """Counts what is read for an item when the item is done, not when it is handed to a worker.

    To be put around a map that keeps the order: `results(map(function, items(...)))`, where reading
    the items calls `read`. In the end the task has been told of all that was read.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._read = 0
        self._waiting: deque[int] = deque()

    def read(self, n: int) -> None:
        """Says that `n` units were read for the item that comes next."""
        self._read += n

    def pass_over(self) -> None:
        """Says that what was read since the last item needs no work."""
        if self._read:
            self._task.advance(self._read)
        self._read = 0

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, on their way to be worked on."""
        for item in items:
            self._waiting.append(self._read)
            self._read = 0
            yield item

    def results(self, results: Iterable[Result]) -> Iterator[Result]:
        """The results, in the order of the items; each is counted as it comes."""
        for result in results:
            self._task.advance(self._waiting.popleft())
            yield result
        self.pass_over()
