"""How long-running functions tell somebody how far they are.

A long function takes `progress=`, any callable of the type `Progress`. The default, `silent`,
shows nothing; the command line passes one that draws bars. The data pipeline itself prints nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


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
