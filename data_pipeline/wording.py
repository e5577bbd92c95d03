"""Numbers in messages, as a person says them."""

from __future__ import annotations


def amount(n: int, noun: str) -> str:
    """A number of things: `1 token`, `2 tokens`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
