"""How far a part of the work is: its speed, the time left, and the line or bar that says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bert_jax.formatting import format_amount, format_count, format_duration, plural

# A plain line comes this long after the last one, in seconds; the wait doubles each time, as a log
# of a long run needs no more lines than that of a short one.
PLAIN_INTERVAL = 5.0
LONGEST_PLAIN_INTERVAL = 60.0
# The speed shown is that of the last moments, in seconds, so that it follows a change.
RATE_WINDOW = 20.0


class Task:
    """One part of the work while it lasts (implements `data_pipeline.progress.Task`).

    Args:
        description: what is done.
        total: in `unit`s; None where it is not known.
        unit: what is counted, as ``file``; bytes are ``B``.
        clock: seconds, from any origin.
        print_plain_line: takes a line now and then; None where a bar is drawn instead.
        plain_interval: seconds before the first of these lines.
    """

    def __init__(
        self,
        description: str,
        total: int | None,
        unit: str,
        *,
        clock: Callable[[], float],
        print_plain_line: Callable[[str], None] | None,
        plain_interval: float = PLAIN_INTERVAL,
    ) -> None:
        self.description = description
        self.total = total
        self.unit = unit
        self.done = 0
        self.text = ""
        self._clock = clock
        self._print_plain_line = print_plain_line
        self._started = self._clock()
        # (time, done), oldest first. The first is taken at the first advance, not at the start:
        # compiling before the first step, or the steps a resumed run already has, are no speed.
        self._samples: deque[tuple[float, int]] = deque()
        self._first: tuple[float, int] | None = None
        self._interval = plain_interval
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
        if self._print_plain_line is None or self.done == self.total:
            return
        if now >= self._next_plain_line:
            self._interval = min(2 * self._interval, LONGEST_PLAIN_INTERVAL)
            self._next_plain_line = now + self._interval
            self._print_plain_line(self.plain_line())

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
        if self.total is None:
            return format_amount(self.done, self.unit)
        if self.unit == "B":
            return f"{format_amount(self.done, 'B')} of {format_amount(self.total, 'B')}"
        return f"{format_count(self.done)}/{format_amount(self.total, self.unit)}"

    def _speed(self, rate: float | None) -> list[str]:
        unit = self.unit if self.unit == "B" else plural(self.unit)
        return [] if rate is None else [f"{format_amount(float(rate), unit)}/s"]

    def _left(self) -> str:
        rate = self.rate()
        if self.total is None or not rate or self.done > self.total:
            return f"{format_duration(self._clock() - self._started)} so far"
        return f"{format_duration((self.total - self.done) / rate)} left"

    def _facts(self) -> list[str]:
        return [self._counts(), *self._speed(self.rate()), self._left()]

    def plain_line(self) -> str:
        """The line for where no bar can be drawn."""
        facts = self._facts() + ([self.text] if self.text else [])
        return f"{self.description}: {', '.join(facts)}"

    def last_line(self, finished: bool) -> str:
        """The line that stays when the part is over."""
        elapsed = format_duration(self._clock() - self._started)
        rate = None if self._first is None else self._rate_since(self._first)
        speed = "".join(f" ({speed})" for speed in self._speed(rate))
        if not finished:
            return f"{self.description}: stopped at {self._counts()} after {elapsed}"
        note = f", {self.text}" if self.text else ""
        if not self.done:
            return f"{self.description}: done in {elapsed}{note}"
        short = self.total is not None and self.done < self.total
        counts = self._counts() if short else format_amount(self.done, self.unit)
        return f"{self.description}: {counts} in {elapsed}{speed}{note}"

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


def _bar(share: float, columns: int, ascii_only: bool) -> str:
    halves = int(min(max(share, 0.0), 1.0) * columns * 2)
    if ascii_only:
        return "[" + ("#" * (halves // 2)).ljust(columns - 2, "-")[: columns - 2] + "]"
    full, half = divmod(halves, 2)
    return ("━" * full + "╸" * half).ljust(columns, "─")
