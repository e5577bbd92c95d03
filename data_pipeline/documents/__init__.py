"""Where documents come from: each kind of source is one module here.

A source hands out `Unit`s: stretches of text that hold whole documents. Everything after it
(sentences, tokens, splits) is done unit by unit, in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Lines = Literal["sentence", "paragraph"]
SplitName = Literal["train", "eval"]


@dataclass(frozen=True)
class Unit:
    """Whole documents as UTF-8 text, with a blank line between them.

    `lines` says what a line holds. `split` is where the documents belong, or None where each
    document's own hash decides.
    """

    text: bytes
    lines: Lines
    split: SplitName | None = None


class Source(Protocol):
    """One source of documents."""

    def size(self) -> int:
        """How much `units` will report to `advance` in all, in bytes."""

    def units(self, advance: Callable[[int], None]) -> Iterator[Unit]:
        """The documents in a fixed order. DataError where there are none."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of the source, known once `units` has been read to its end."""
