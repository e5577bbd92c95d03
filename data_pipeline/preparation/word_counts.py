"""Text -> how often each word of it comes, on all local cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from data_pipeline.documents import Source, Unit, total_size, units_of
from data_pipeline.progress import Progress, WhenDone
from data_pipeline.text.parts import parts_of
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.vocabulary import count_words, merge_counts
from data_pipeline.workers import ordered_map


def counted_words(
    sources: Sequence[Source],
    rules: Rules,
    workers: int,
    progress: Progress,
    odd: Counter[str] | None = None,
) -> Counter[str]:
    """How often each word of the text comes: the same for any number of worker processes.

    `odd` counts `replaced_characters`, which were no UTF-8.
    """
    odd = Counter() if odd is None else odd
    with progress("counting words", total_size(sources), "B") as task:
        done = WhenDone(task)
        units = done.items(units_of(sources, done.read))
        counted = ordered_map(partial(UnitCounter, rules), units, workers=workers)
        return merge_counts(_words_alone(done.results(counted), odd))


def _words_alone(
    counted: Iterable[tuple[Counter[str], int]], odd: Counter[str]
) -> Iterator[Counter[str]]:
    for words, replaced in counted:
        odd["replaced_characters"] += replaced
        yield words


class UnitCounter:
    """Unit -> its word counts, and how many of its characters were replaced."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def __call__(self, unit: Unit) -> tuple[Counter[str], int]:
        """Counts the words of a unit."""
        parsed = unit.parse(unit.content)
        lines = [line for document in parsed.documents for line in document]
        counts: Counter[str] = Counter()
        for some in parts_of(lines):
            counts.update(count_words("\n".join(some), self._rules))
        return counts, parsed.counts.get("replaced_characters", 0)
