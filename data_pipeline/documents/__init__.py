"""Where documents come from: each kind of source is one module here.

A source hands out `Unit`s: stretches that hold whole documents, not yet parsed. Everything after it
(parsing, sentences, tokens, splits) is done unit by unit, in any process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Lines = Literal["sentence", "paragraph"]
SplitName = Literal["train", "eval"]


class Parsed(NamedTuple):
    """What a unit holds.

    Attributes:
        documents: each as its lines, none of them blank, with runs of white space made one space.
        counts: how often what was odd, by name; the manifest has their sums over all units.
    """

    documents: list[list[str]]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Unit:
    """A stretch of a source that holds whole documents.

    Attributes:
        content: the stretch as it was read, for `parse`.
        parse: content -> documents, called in the process that works on the unit: a function of a
            module, or a `functools.partial` of one, because it travels there by its name.
        lines: what a line of a document holds.
        split: where the documents belong, or None where each document's own hash decides.
    """

    content: bytes = field(repr=False)
    parse: Callable[[bytes], Parsed]
    lines: Lines
    split: SplitName | None = None


class Source(Protocol):
    """One source of documents."""

    def size(self) -> int:
        """How much `units` will report to `advance` in all, in bytes."""

    def units(self, advance: Callable[[int], None]) -> Iterator[Unit]:
        """The units in a fixed order. DataError where there is no document."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of the source, known once `units` has been read to its end."""
