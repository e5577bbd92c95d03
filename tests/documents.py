"""What the tests of sources of documents share."""

from collections import Counter
from pathlib import Path

from data_pipeline.documents import Source
from data_pipeline.documents.inputs import open_sources


def ignore(n: int) -> None:
    """Progress that nobody looks at."""
    del n


def open_one(name: str | Path, lines: str = "auto", **given: str) -> Source:
    """The only source of one input."""
    (source,) = open_sources([name], lines, **given)
    return source


def read(source: Source) -> list[list[str]]:
    """All documents of a source."""
    return [d for unit in source.units(ignore) for d in unit.parse(unit.content).documents]


def counts_of(source: Source) -> Counter[str]:
    """What was odd, over all units."""
    total: Counter[str] = Counter()
    for unit in source.units(ignore):
        total.update(unit.parse(unit.content).counts)
    return total
