"""What a command shows a person while it works: bars, training lines and tables.

Everything goes to standard error, so that standard output holds results only. On a terminal the
bars are drawn live by rich, and lines printed meanwhile appear above them. Anywhere else (a file, a
pipe, a batch system's log) the same facts come as plain lines: one every few seconds, more rarely
the longer a part lasts, and one at its end.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from bert_jax.formatting import (
    format_count,
    format_duration,
    format_evaluation_line,
    format_rate,
    format_training_header,
    format_training_line,
)

# A plain line comes this long after the last one, in seconds; the wait doubles each time, as a log
# of a long run needs no more lines than that of a short one.
PLAIN_INTERVAL = 5.0
LONGEST_PLAIN_INTERVAL = 60.0
# The speed shown is that of the last moments, in seconds, so that it follows a change.
RATE_WINDOW = 20.0
HEADER_EVERY = 20
REFRESHES_PER_SECOND = 6


class Task:
    """One part of the work while it lasts (implements `data_pipeline.progress.Task`)."""

    def __init__(self, terminal: Terminal, description: str, total: int | None, unit: str) -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.done = 0
        self.text = ""
        self._terminal = terminal
        self._clock = terminal.clock
        self._started = self._clock()
        # (time, done), oldest first. The first is taken at the first advance, not at the start:
        # compiling before the first step, or the steps a resumed run already has, are no speed.
        self._samples: deque[tuple[float, int]] = deque()
        self._first: tuple[float, int] | None = None
        self._interval = terminal.plain_interval
        self._next_plain_line = self._started + self._interval

    def advance(self, n: int = 1) -> None:
        """Says that `n` more units are done."""
        self.done += n
        now = self._clock()
        if self._first is None:
            self._first = (now, self.done)
            self._samples.append(self._first)
        elif now - self._samples[-1][0] >= RATE_WINDOW / 40:
            self._samples.append((now, self.done))
            while now - self._samples[0][0] > RATE_WINDOW and len(self._samples) > 2:
                self._samples.popleft()
        if not self._terminal.live and now >= self._next_plain_line:
            self._interval = min(2 * self._interval, LONGEST_PLAIN_INTERVAL)
            self._next_plain_line = now + self._interval
            self._terminal.print(self.plain_line())

    def note(self, text: str) -> None:
        """Shows a short text at the end of the bar."""
        self.text = text

    def rate(self) -> float | None:
        """Units per second over the last moments; None before there is anything to tell."""
        if not self._samples:
            return None
        return self._rate_since(self._samples[0])

    def _rate_since(self, sample: tuple[float, int]) -> float | None:
        then, done_then = sample
        now = self._clock()
        if self.done > done_then and now > then:
            return (self.done - done_then) / (now - then)
        elapsed = now - self._started
        return self.done / elapsed if elapsed > 0 else None

    def _counts(self) -> str:
        of = "" if self.total is None else f"/{format_count(self.total)}"
        return f"{format_count(self.done)}{of} {self.unit}"

    def _left(self) -> str:
        rate = self.rate()
        if self.total is None or not rate or self.done > self.total:
            return f"{format_duration(self._clock() - self._started)} so far"
        return f"{format_duration((self.total - self.done) / rate)} left"

    def _facts(self) -> list[str]:
        rate = self.rate()
        speed = [] if rate is None else [f"{format_rate(rate)} {self.unit}/s"]
        return [self._counts(), *speed, self._left()]

    def plain_line(self) -> str:
        """The line for where no bar can be drawn."""
        facts = self._facts() + ([self.text] if self.text else [])
        return f"{self.description}: {', '.join(facts)}"

    def last_line(self, finished: bool) -> str:
        """The line that stays when the part is over."""
        elapsed = format_duration(self._clock() - self._started)
        rate = None if self._first is None else self._rate_since(self._first)
        speed = "" if rate is None else f" ({format_rate(rate)} {self.unit}/s)"
        if not finished:
            return f"{self.description}: stopped at {self._counts()} after {elapsed}"
        note = f", {self.text}" if self.text else ""
        return (
            f"{self.description}: {format_count(self.done)} {self.unit} in {elapsed}{speed}{note}"
        )

    def bar_line(self, width: int, description_width: int = 0, ascii_only: bool = False) -> str:
        """The line with a bar, in at most `width` columns: what matters least goes first."""
        description = self.description.ljust(description_width)
        facts = self._facts()
        right = "  ".join(facts)
        while len(facts) > 1 and len(description) + 2 + len(right) > width:
            facts.pop(1)
            right = "  ".join(facts)
        note = f"  {self.text}" if self.text else ""
        room = width - len(description) - 4 - len(right)
        bar = ""
        if self.total and room >= 8:
            columns = min(room, 40) if not note else max(8, min(room - len(note), 40))
            bar = "  " + _bar(self.done / self.total, columns, ascii_only)
        line = f"{description}{bar}  {right}"
        return (line + note[: max(0, width - len(line))])[:width]


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
        stream: TextIO | None = None,
        *,
        live: bool | None = None,
        width: int | None = None,
        plain_interval: float = PLAIN_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = sys.stderr if stream is None else stream
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

    @property
    def width(self) -> int:
        """Columns that a line may fill."""
        if self._width is not None:
            return self._width
        if self.live:
            try:
                return os.get_terminal_size(self.stream.fileno()).columns
            except OSError:
                pass
        return shutil.get_terminal_size((100, 24)).columns

    # `progress` is what a long function takes as its argument of that name
    # (data_pipeline.progress.Progress).
    @contextmanager
    def progress(self, description: str, total: int | None, unit: str) -> Iterator[Task]:
        """Show a part of the work while the context lasts, and one line at its end.

        Parts may be nested, and then have a bar each.
        """
        task = Task(self, description, total, unit)
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
        """Write one line, above the bars if there are any; `style` is rich's, for terminals."""
        with self._lock:
            if self.live:
                from rich.text import Text

                self._rich().print(Text(line, style=style or ""), soft_wrap=True)
            else:
                self.stream.write(line + "\n")
                self.stream.flush()

    def training_line(self, metrics: Mapping[str, Any], num_steps: int) -> None:
        """Print one line of the table of training, with its header now and then.

        Args:
            metrics: a training or an evaluation line as in `metrics.jsonl`.
            num_steps: the steps of the whole run.
        """
        with self._lock:
            if self._table_lines % HEADER_EVERY == 0:
                self.print(format_training_header(num_steps, self.width), style="bold")
            self._table_lines += 1
            if "eval_loss" in metrics:
                line = format_evaluation_line(metrics, num_steps, self.width)
                self.print(line, style="bold cyan")
            else:
                self.print(format_training_line(metrics, num_steps, self.width))

    def table(
        self, headers: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
    ) -> None:
        """Print a small table; columns of numbers are aligned to the right."""
        cells = [[str(cell) for cell in row] for row in rows]
        columns = range(len(headers))
        widths = [max(len(row[i]) for row in [list(headers), *cells]) for i in columns]
        numeric = [
            bool(cells) and all(_is_number(row[i]) for row in cells if row[i]) for i in columns
        ]

        def line(row: Sequence[str]) -> str:
            aligned = [
                row[i].rjust(widths[i]) if numeric[i] else row[i].ljust(widths[i]) for i in columns
            ]
            return "  ".join(aligned).rstrip()

        with self._lock:
            if title:
                self.print(title, style="bold")
            self.print(line(headers), style="dim")
            for row in cells:
                self.print(line(row))

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


def _bar(share: float, columns: int, ascii_only: bool) -> str:
    halves = int(min(max(share, 0.0), 1.0) * columns * 2)
    if ascii_only:
        return "[" + ("#" * (halves // 2)).ljust(columns - 2, "-")[: columns - 2] + "]"
    full, half = divmod(halves, 2)
    return ("━" * full + "╸" * half).ljust(columns, "─")


def _is_number(cell: str) -> bool:
    return cell.lstrip("+-").replace(",", "").replace(".", "", 1).rstrip("% ").isdigit()
