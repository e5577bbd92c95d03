"""Where documents come from: each kind of source is one module here.

A source is a few streams (its files, say), and a stream hands out `Unit`s: stretches that hold
whole documents, not yet parsed. Everything after that (parsing, sentences, tokens, splits) is done
unit by unit, in any process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from data_pipeline.errors import DataError

Lines = Literal["sentence", "paragraph"]
SplitName = Literal["train", "eval"]
PlaceKind = Literal["line", "record", "page", "document"]


class Place(NamedTuple):
    """Where something begins in a stream, as a person can look it up.

    Attributes:
        kind: what is counted: lines of a text, records of a table, pages of a dump; documents.
        number: of it in the stream, the first being 1.
    """

    kind: PlaceKind
    number: int


class Parsed(NamedTuple):
    """What a unit holds.

    Attributes:
        documents: each as its lines, none of them blank, with runs of white space made one space.
        counts: how often what was odd, by name; the manifest has their sums over all units.
        places: in which line, record or page of the unit each document begins, the first being 0.
            None where they follow each other: 0, 1, ...
    """

    documents: list[list[str]]
    counts: Mapping[str, int]
    places: Sequence[int] | None = None


@dataclass(frozen=True)
class Unit:
    """A stretch of a source that holds whole documents.

    Attributes:
        content: the stretch as it was read, for `parse`.
        parse: content -> documents, called in the process that works on the unit: a function of a
            module, or a `functools.partial` of one, because it travels there by its name.
        lines: what a line of a document holds.
        split: where the documents belong, or None where each document's own hash decides.
        first: the place of its first line, record or page; None where the reader does not know.
    """

    content: bytes = field(repr=False)
    parse: Callable[[bytes], Parsed]
    lines: Lines
    split: SplitName | None = None
    first: Place | None = None


class Stream(Protocol):
    """A part of a source that is read from its beginning to its end, such as a file; picklable."""

    @property
    def name(self) -> str:
        """What a person calls it: its path."""

    def size(self) -> int:
        """How much `units` will report to `advance` in all, in bytes."""

    def identity(self) -> dict[str, Any]:
        """What tells that it is the same as at another time, of types that JSON has."""

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """The units in a fixed order; adds to `counts`, by name, what the manifest sums up.

        DataError where it cannot be read to its end.
        """


class Source(Protocol):
    """What one input names: a file, a glob, a folder, a data set."""

    @property
    def name(self) -> str:
        """As it was given."""

    @property
    def streams(self) -> Sequence[Stream]:
        """Its parts in their order."""

    def describe(self) -> dict[str, Any]:
        """What the manifest says of it beside the counts of its streams."""


@dataclass(frozen=True)
class PlainSource:
    """A source that is no more than its streams.

    Attributes:
        name: the input as it was given.
        streams: its parts in their order.
        facts: what the manifest says of it.
    """

    name: str
    streams: tuple[Stream, ...]
    facts: Mapping[str, Any]

    def describe(self) -> dict[str, Any]:
        """`facts`, with the input's name and the number of streams as that of files."""
        return {"input": self.name, "files": len(self.streams), **self.facts}


def units_of(
    sources: Sequence[Source],
    advance: Callable[[int], None],
    counts: Counter[str] | None = None,
) -> Iterator[Unit]:
    """All units in their order; `counts` sums up what all streams count.

    DataError where a source has no unit, or a stream cannot be read to its end.
    """
    counts = Counter() if counts is None else counts
    for source in sources:
        empty = True
        for stream in source.streams:
            for unit in stream.units(advance, counts):
                empty = False
                yield unit
        if empty:
            raise DataError(f"{source.name}: there is no text in it")


def total_size(sources: Sequence[Source]) -> int:
    """How much reading all of them will report, in bytes."""
    return sum(stream.size() for source in sources for stream in source.streams)
