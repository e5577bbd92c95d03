"""A sample of the sentences of files, to learn a vocabulary from.

Taken are the different sentences with the smallest hashes, which neither the order of the files nor
the number of processes changes. They are those that `preparation.prepare` makes of the same text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from data_pipeline.documents import Unit, total_size, units_of
from data_pipeline.documents.inputs import DEFAULT_TEXT_KEY
from data_pipeline.documents.lines import LinesOption
from data_pipeline.errors import DataError
from data_pipeline.preparation.sources import Inputs, as_sources
from data_pipeline.progress import Progress, WhenDone, silent
from data_pipeline.text.characters import without_controls
from data_pipeline.text.languages import known_language
from data_pipeline.text.sentences import sentences_of
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.workers import checked_workers, ordered_map


class Learned(NamedTuple):
    """A tokeniser and what it was learned from.

    Attributes:
        tokenizer: of at most the size that was asked for.
        taken: how many different sentences it was learned from.
        seen: how many sentences there were.
        replaced_characters: how many characters of the text were no UTF-8.
    """

    tokenizer: TextTokenizer
    taken: int
    seen: int
    replaced_characters: int = 0


class HashSample:
    """The `most` different sentences with the smallest hashes of all that were added.

    Attributes:
        seen: how many were added, copies too.
        replaced_characters: how many characters of the text that they are from were no UTF-8.
    """

    def __init__(self, most: int) -> None:
        """DataError where `most` is below 1."""
        if most < 1:
            raise DataError(f"sample must be at least 1 sentence; got {most}")
        self._most, self._below = most, 1 << 64
        self._kept: dict[int, str] = {}
        self.seen = 0
        self.replaced_characters = 0

    def add(self, hashed: Iterable[tuple[int, str]]) -> None:
        """Adds sentences with their hashes."""
        for number, sentence in hashed:
            self.seen += 1
            if number < self._below:
                self._kept[number] = sentence
                if len(self._kept) > 1000 + self._most * 5 // 4:
                    self._cut()

    def sentences(self) -> list[str]:
        """Those taken, in the order of their hashes."""
        self._cut()
        return list(self._kept.values())

    def _cut(self) -> None:
        self._kept = {number: self._kept[number] for number in sorted(self._kept)[: self._most]}
        if len(self._kept) == self._most:
            self._below = next(reversed(self._kept))


def sample_of(
    inputs: Iterable[Inputs],
    sample: HashSample,
    rules: Rules,
    *,
    lines: LinesOption = "auto",
    language: str = "en",
    text_key: str = DEFAULT_TEXT_KEY,
    workers: int | None = None,
    progress: Progress = silent,
) -> None:
    """Adds the sentences of files to `sample`, read as a stream on all cores.

    Args:
        inputs: as of `preparation.prepare`.
        sample: is added to.
        rules: of the tokeniser, whose Unicode form comes before the sentences.
        lines: what a line of a text holds, as of `prepare`.
        language: of the sentences.
        text_key: the key or column of the text, as of `prepare`.
        workers: processes; as many as cores where None.
        progress: told how far it is.

    Raises:
        DataError: as of `prepare`.
    """
    language = known_language(language)
    workers = checked_workers(workers)
    sources = as_sources(inputs, lines, language, silent, text_key)
    with progress("reading sentences", total_size(sources), "B") as task:
        done = WhenDone(task)
        units = done.items(units_of(sources, done.read))
        make = partial(UnitSentences, rules, language)
        for some, replaced in done.results(ordered_map(make, units, workers=workers)):
            sample.add(some)
            sample.replaced_characters += replaced


class UnitSentences:
    """Unit -> its sentences with their hashes, and how many of its characters were replaced."""

    def __init__(self, rules: Rules, language: str) -> None:
        self._rules, self._language = rules, language

    def __call__(self, unit: Unit) -> tuple[list[tuple[int, str]], int]:
        """Parses, brings into form, removes controls, splits into sentences, and hashes."""
        parsed = unit.parse(unit.content)
        in_form = self._rules.with_form
        found, _ = without_controls(
            [in_form(line) for document in parsed.documents for line in document]
        )
        sentences = sentences_of(found, unit.lines, self._language)
        hashed = [(hash_of(sentence), sentence) for sentence in sentences if sentence]
        return hashed, parsed.counts.get("replaced_characters", 0)


def hash_of(sentence: str) -> int:
    """64 bits of a sentence."""
    return int.from_bytes(hashlib.blake2b(sentence.encode(), digest_size=8).digest(), "big")
