"""What the tests of sources of documents share."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_pipeline.documents import Place, Source, Unit, units_of
from data_pipeline.documents.inputs import open_sources


def ignore(n: int) -> None:
    """Progress that nobody looks at."""
    del n


def open_one(name: str | Path, lines: str = "auto", **given: str) -> Source:
    """The only source of one input."""
    (source,) = open_sources([name], lines, **given)
    return source


def units(source: Source, advance: Callable[[int], None] = ignore) -> list[Unit]:
    """All units of a source."""
    return list(units_of([source], advance))


def read(source: Source) -> list[list[str]]:
    """All documents of a source."""
    return [d for unit in units(source) for d in unit.parse(unit.content).documents]


def places(source: Source) -> list[tuple[Place, str]]:
    """The place of each document, and its first line."""
    found = []
    for unit in units(source):
        parsed = unit.parse(unit.content)
        assert unit.first is not None
        at = range(len(parsed.documents)) if parsed.places is None else parsed.places
        for place, document in zip(at, parsed.documents, strict=True):
            found.append((Place(unit.first.kind, unit.first.number + place), document[0]))
    return found


def odd(source: Source) -> Counter[str]:
    """What was odd, over all units, as their parsing counts it."""
    total: Counter[str] = Counter()
    for unit in units(source):
        total.update(unit.parse(unit.content).counts)
    return total


def facts_of(source: Source) -> dict[str, Any]:
    """What the manifest will say: the description, and what the streams count."""
    counts: Counter[str] = Counter()
    list(units_of([source], ignore, counts))
    return {**source.describe(), **counts}


def advanced(source: Source) -> int:
    """The bytes that reading tells of; those that it says beforehand are the same."""
    seen: list[int] = []
    units(source, seen.append)
    assert sum(seen) == sum(stream.size() for stream in source.streams)
    return sum(seen)
