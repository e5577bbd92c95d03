"""Numbers and values in messages, for a person to read."""

from __future__ import annotations

import reprlib
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def amount(n: int, noun: str) -> str:
    """A number of things: `1 token`, `2 tokens`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def shown(value: Any) -> str:
    """A value out of somebody else's file: as Python writes it, in one line, and not too long."""
    return _SHORT.repr(value)
