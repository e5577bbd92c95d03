"""What a command shows a person while it works: bars, training lines and tables.

Everything goes to standard error, so that standard output holds results only. On a terminal the
bars are drawn live by rich, and lines printed meanwhile appear above them. Anywhere else (a file, a
pipe, a batch system's log) the same facts come as plain lines: one every few seconds, more rarely
the longer a part lasts, and one at its end.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from bert_jax.formatting import (
    format_baselines_line,
    format_evaluation_line,
    format_training_header,
    format_training_line,
)
from bert_jax.metrics import is_evaluation
from bert_jax.pair_tasks import pair_task_of
from bert_jax.progress_bar import PLAIN_INTERVAL, Task

HEADER_EVERY = 20
REFRESHES_PER_SECOND = 6


class Terminal:
    """Standard error as a person sees it.

    Args:
        stream: where to write; standard error where None.
        live: whether bars can be drawn and redrawn; decided by the stream where None.
        width: columns; the terminal's where None, 100 where there is no terminal.
        plain_interval: seconds before a part's first plain line.
        clock: seconds, from any origin.
    """

    def __init__(
        self,
        stream: TextIO | io.TextIOBase | None = None,
        *,
        live: bool | None = None,
        width: int | None = None,
        plain_interval: float = PLAIN_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream: Any = sys.stderr if stream is None else stream
        if live is None:
            live = self.stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self.live = live
        self.plain_interval = plain_interval
        self.clock = clock
        encoding = getattr(self.stream, "encoding", None) or "ascii"
        self.ascii_only = not encoding.lower().replace("-", "").startswith("utf")
        self._width = width
        self._tasks: list[Task] = []
        self._lock = threading.RLock()
        self._live_display: Any = None
        self._console: Any = None
        self._table_lines = 0
        self._num_steps: int | None = None

    @classmethod
    def silent(cls) -> Terminal:
        """A terminal that shows nothing."""
        return cls(_Nowhere(), live=False)

    @property
    def width(self) -> int:
        """Columns that a line may fill."""
        if self._width is not None:
            return self._width
        if self.live:
            try:
                columns = os.get_terminal_size(self.stream.fileno()).columns
            except OSError:
                columns = 0
            if columns:  # some pseudo-terminals have a size of 0
                return columns
        return shutil.get_terminal_size((100, 24)).columns

    # `progress` is what a long function takes as its argument of that name
    # (data_pipeline.progress.Progress).
    @contextmanager
    def progress(self, description: str, total: int | None, unit: str) -> Iterator[Task]:
        """Show a part of the work while the context lasts, and one line at its end.

        Parts may be nested, and then have a bar each.
        """
        task = Task(
            description,
            total,
            unit,
            clock=self.clock,
            print_plain_line=None if self.live else self.print,
            plain_interval=self.plain_interval,
        )
        with self._lock:
            self._tasks.append(task)
            self._redraw()
        finished = False
        try:
            yield task
            finished = True
        finally:
            with self._lock:
                self._tasks.remove(task)
                self._redraw()
                self.print(task.last_line(finished))

    def print(self, line: str, style: str | None = None) -> None:
        """Write one line, above the bars if there are any; `style` is rich's, for terminals.

        A terminal gets a line that is too long in several, all but the first further in.
        """
        with self._lock:
            if self.live:
                from rich.text import Text

                from bert_jax.wrapping import wrap

                indent = " " * (len(line) - len(line.lstrip(" ")))
                lines = wrap(line.strip(), self.width, indent, indent + "  ")
                self._rich().print(Text("\n".join(lines), style=style or ""), soft_wrap=True)
            else:
                self.stream.write(line + "\n")
                self.stream.flush()

    def training_line(self, metrics: Mapping[str, Any], num_steps: int) -> None:
        """Print one line of the table of training, with its header now and then.

        Args:
            metrics: a line as in `metrics.jsonl`, of training or, without baselines, of evaluation.
            num_steps: the steps of the whole run.
        """
        with self._lock:
            self._num_steps = num_steps
            if is_evaluation(metrics):
                self.evaluation_line(metrics)
                return
            self._header_if_due(metrics, num_steps)
            self.print(format_training_line(metrics, num_steps, self.width))

    def evaluation_line(
        self, metrics: Mapping[str, Any], baselines: Mapping[str, Any] | None = None
    ) -> None:
        """Print an evaluation under the same header, and what it has to beat under it.

        Args:
            metrics: an evaluation line as in `metrics.jsonl`.
            baselines: of the tasks, as in `evaluation.json`.
        """
        with self._lock:
            num_steps = self._num_steps or int(metrics["step"])
            self._header_if_due(metrics, num_steps)
            line = format_evaluation_line(metrics, num_steps, self.width)
            self.print(line, style="bold cyan")
            if baselines is not None:
                line = format_baselines_line(baselines, num_steps, self.width)
                self.print(line, style="cyan")

    def _header_if_due(self, metrics: Mapping[str, Any], num_steps: int) -> None:
        if self._table_lines % HEADER_EVERY == 0:
            header = format_training_header(num_steps, self.width, pair_task_of(metrics))
            self.print(header, style="bold")
        self._table_lines += 1

    def _rich(self) -> Any:
        if self._console is None:
            from rich.console import Console

            self._console = Console(
                file=self.stream, force_terminal=True, highlight=False, width=self._width
            )
        return self._console

    def _redraw(self) -> None:
        if not self.live:
            return
        if self._tasks and self._live_display is None:
            from rich.live import Live

            # Standard output is left alone: it carries results, perhaps into a pipe.
            self._live_display = Live(
                _Bars(self),
                console=self._rich(),
                refresh_per_second=REFRESHES_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=self.stream is sys.stderr,
            )
            self._live_display.start()
        elif not self._tasks and self._live_display is not None:
            self._live_display.stop()
            self._live_display = None


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


class _Bars:
    """The bars of a terminal's tasks, drawn anew at every refresh."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        tasks = list(self._terminal._tasks)
        longest = max((len(task.description) for task in tasks), default=0)
        ascii_only = self._terminal.ascii_only
        for task in tasks:
            line = Text(
                task.bar_line(options.max_width - 1, longest, ascii_only),
                no_wrap=True,
                overflow="ellipsis",
            )
            line.highlight_regex(r"[━╸#]+", "green")
            line.highlight_regex(r"─+", "bright_black")
            yield line
