"""How far a command is with the lines of a long file, on standard error."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bert_jax.commands.text_lines import count_lines


class TextProgress:
    """A bar, or lines where there is no terminal, from `begin` on; nothing before, or without it.

    Args:
      file: what is read; None where texts are arguments alone.
      description: what is done.
      stack: what the bar ends with.
    """

    def __init__(self, file: str | None, description: str, stack: ExitStack) -> None:
        self._file, self._description, self._stack = file, description, stack
        self._task: Any = None

    def begin(self) -> None:
        """There is more than can be answered at once."""
        if self._file is None:
            return
        from bert_jax.terminal import Terminal

        shown = Terminal().progress(self._description, count_lines(self._file), "text")
        self._task = self._stack.enter_context(shown)

    def advance(self, count: int) -> None:
        """So many more are done."""
        if self._task is not None:
            self._task.advance(count)


@contextmanager
def progress_of(file: str | None, description: str, *, alone: bool) -> Iterator[TextProgress]:
    """The progress of a command while the context lasts.

    Args:
      file: see `TextProgress`.
      description: see `TextProgress`.
      alone: whether nothing else is written to the terminal meanwhile; else nothing is shown.
    """
    with ExitStack() as stack:
        yield TextProgress(file if alone else None, description, stack)
