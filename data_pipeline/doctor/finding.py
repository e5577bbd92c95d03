"""One thing to look at before training, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing to look at before training.

    Attributes:
        name: of the rule; other programs may rely on it.
        split: that it is about.
        seen: what was found, with its numbers.
        why: what it does to training.
        remedy: what to do.
    """

    name: str
    split: str
    seen: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.seen}: {self.why}; {self.remedy}"


Findings = Iterator[Finding]


def percent(share: float) -> str:
    """A share, with more digits near 0 and 1."""
    if 0 < share < 0.0005:
        return "less than 0.1 %"
    return f"{100 * share:.1f} %" if share < 0.995 or share == 1 else f"{100 * share:.2f} %"


def cut(text: str) -> str:
    """The beginning of a text that may be long."""
    return text if len(text) <= 60 else f"{text[:59]}…"
