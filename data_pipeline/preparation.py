"""Text -> vocabulary, and text -> token store, on all local cores."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data_pipeline.documents import Source, SplitName, Unit
from data_pipeline.documents.inputs import DEFAULT_TEXT_KEY, open_sources
from data_pipeline.documents.lines import LinesOption
from data_pipeline.errors import DataError
from data_pipeline.progress import Progress, silent
from data_pipeline.sentences import split_sentences
from data_pipeline.token_store import SPLITS, TokenStore
from data_pipeline.token_store_writer import EncodedPart, check_output, new_store
from data_pipeline.tokenizer import Tokenizer
from data_pipeline.tokenizer_files import Rules
from data_pipeline.vocabulary import (
    DEFAULT_SIZE,
    check_size,
    count_words,
    merge_counts,
    tokenizer_of,
)
from data_pipeline.workers import checked_workers, ordered_map

Inputs = str | os.PathLike[str] | Source


@dataclass(frozen=True)
class EncodedUnit:
    """One unit, encoded: what it adds to each split, and what was wrong with it."""

    parts: dict[SplitName, EncodedPart]
    replaced_characters: int
    dropped_sentences: int
    dropped_documents: int


def prepare(
    inputs: Iterable[Inputs],
    tokenizer: Tokenizer,
    output: str | os.PathLike[str],
    *,
    lines: LinesOption = "auto",
    eval_share: float = 0.01,
    workers: int | None = None,
    language: str = "en",
    text_key: str = DEFAULT_TEXT_KEY,
    progress: Progress = silent,
) -> TokenStore:
    """Writes the token store `output` from documents.

    `inputs` are what `documents.inputs.open_sources` takes (files, globs, folders, names of data
    sets; `text_key` is for it), or sources of documents. `eval_share` of the documents
    are held out, chosen by a hash of their text. `workers` is the number of processes, by default
    one a core; the store is the same to the byte for any number. Sentences without a token are
    dropped and counted, as are documents left without a sentence.

    DataError where an input is no good, the output exists, or a split would be empty.
    """
    if not 0 < eval_share < 1:
        raise DataError(f"eval_share must be between 0 and 1; got {eval_share}")
    workers = checked_workers(workers)
    check_output(Path(output))
    sources = as_sources(inputs, lines, language, progress, text_key)
    facts = {"language": language, "eval_share": eval_share}
    return write_store(sources, tokenizer, output, facts, workers=workers, progress=progress)


def write_store(
    sources: Sequence[Source],
    tokenizer: Tokenizer,
    output: str | os.PathLike[str],
    facts: Mapping[str, Any],
    *,
    workers: int,
    progress: Progress = silent,
) -> TokenStore:
    """Writes the store of `sources`. `facts` go into the manifest.

    `facts["language"]` is that of the sentences; `facts["eval_share"]` is the share of documents to
    hold out, where a source does not say itself which.
    """
    share = facts.get("eval_share")
    make = partial(UnitEncoder, tokenizer, facts["language"], share or 0.0)
    broken: Counter[str] = Counter(
        {"replaced_characters": 0, "dropped_sentences": 0, "dropped_documents": 0}
    )
    with (
        new_store(Path(output), tokenizer) as store,
        progress("tokenising", sum(source.size() for source in sources), "B") as task,
    ):
        units = (unit for source in sources for unit in source.units(task.advance))
        for encoded in ordered_map(make, units, workers=workers):
            for name, part in encoded.parts.items():
                store.splits[name].append(part)
            for what in broken:
                broken[what] += getattr(encoded, what)
        _check_splits({name: store.splits[name].counts["documents"] for name in SPLITS}, share)
        described = [source.describe() for source in sources]
        return store.finish({**facts, **broken, "sources": described})


def vocabulary_from(
    inputs: Iterable[Inputs],
    size: int = DEFAULT_SIZE,
    cased: bool = False,
    *,
    workers: int | None = None,
    text_key: str = DEFAULT_TEXT_KEY,
    progress: Progress = silent,
) -> Tokenizer:
    """A WordPiece tokeniser with a vocabulary of at most `size`, learned from files on all cores.

    The same for any number of workers. DataError as of `prepare`.
    """
    check_size(size)
    workers = checked_workers(workers)
    rules = Rules(cased)
    # Words do not depend on lines.
    sources = as_sources(inputs, "paragraph", "en", silent, text_key)
    with progress("counting words", sum(s.size() for s in sources), "B") as task:
        units = (unit for source in sources for unit in source.units(task.advance))
        counts = merge_counts(ordered_map(partial(UnitCounter, rules), units, workers=workers))
    return tokenizer_of(counts, rules, size, progress)


def as_sources(
    inputs: Iterable[Inputs],
    lines: LinesOption,
    language: str,
    progress: Progress,
    text_key: str = DEFAULT_TEXT_KEY,
) -> list[Source]:
    """Names become sources; sources stay what they are. Shows what each is taken for."""
    if isinstance(inputs, str | os.PathLike):
        inputs = [inputs]
    inputs = list(inputs)
    names = [i for i in inputs if isinstance(i, str | os.PathLike)]
    sources: list[Source] = [i for i in inputs if not isinstance(i, str | os.PathLike)]
    if names or not sources:
        opened = open_sources(names, lines, language, text_key=text_key)
        for source in opened:
            facts = source.describe()
            with progress(f"reading {facts['input']}", None, "B") as task:
                task.note("; ".join(filter(None, (facts["kind"], facts.get("lines_detected")))))
        sources = [*opened, *sources]
    return sources


class UnitEncoder:
    """Unit -> EncodedUnit; a pure function of the unit."""

    def __init__(self, tokenizer: Tokenizer, language: str, eval_share: float) -> None:
        self._tokenizer, self._language = tokenizer, language
        self._eval_below = int(eval_share * 2**64)

    def __call__(self, unit: Unit) -> EncodedUnit:
        """Parses, splits into sentences, and encodes."""
        parsed = unit.parse(unit.content)
        documents: dict[SplitName, list[list[str]]] = {"train": [], "eval": []}
        for document in parsed.documents:
            documents[unit.split or self._split_of(document)].append(document)
        dropped: Counter[str] = Counter()
        parts = {
            name: self._encode(some, unit.lines, dropped)
            for name, some in documents.items()
            if some
        }
        replaced = parsed.counts.get("replaced_characters", 0)
        return EncodedUnit(parts, replaced, dropped["sentences"], dropped["documents"])

    def _split_of(self, document: Sequence[str]) -> SplitName:
        """By the text, so that order and workers do not matter and copies stay on one side."""
        digest = hashlib.blake2b("\n".join(document).encode(), digest_size=8).digest()
        return "eval" if int.from_bytes(digest, "big") < self._eval_below else "train"

    def _encode(
        self, documents: Sequence[Sequence[str]], lines: str, dropped: Counter[str]
    ) -> EncodedPart:
        sentences: list[str] = []
        ends = []
        for document in documents:
            if lines == "paragraph":
                for paragraph in document:
                    sentences += split_sentences(paragraph, self._language)
            else:
                sentences += document
            ends.append(len(sentences))
        tokens, lengths = self._tokenizer.encode_flat(sentences)
        kept = lengths > 0
        starts = np.concatenate([[0], np.cumsum(kept)])
        document_lengths = np.diff(starts[[0, *ends]])
        dropped["sentences"] += int(len(kept) - kept.sum())
        dropped["documents"] += int((document_lengths == 0).sum())
        return EncodedPart(
            tokens,
            lengths[kept],
            document_lengths[document_lengths > 0],
            {
                "words": sum(sentence.count(" ") + 1 for sentence in sentences),
                "bytes": sum(len(sentence.encode()) for sentence in sentences),
            },
        )


class UnitCounter:
    """Unit -> its word counts."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def __call__(self, unit: Unit) -> Counter[str]:
        """Counts the words of a unit."""
        documents = unit.parse(unit.content).documents
        text = "\n".join(line for document in documents for line in document)
        return count_words(text, self._rules)


def _check_splits(documents: dict[str, int], eval_share: float | None) -> None:
    for name, other, change in (("eval", "train", "raise"), ("train", "eval", "lower")):
        if documents[name] == 0 and documents[other] == 0:
            raise DataError("there is no sentence in the input: no word of it gives a token")
        if documents[name] == 0:
            raise DataError(
                f"no document is left for {name}: all {documents[other]} went to {other} with "
                f"eval_share={eval_share}; give more documents (a blank line ends a document), or "
                f"{change} eval_share"
            )
