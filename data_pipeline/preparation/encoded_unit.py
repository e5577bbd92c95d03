"""A unit of text as token ids: what a worker makes of it, and how that is kept in a file."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from data_pipeline.cleaning.dropped import Dropped, dropped_by_rules
from data_pipeline.cleaning.rules import NO_CLEANING, CleaningRules, clean
from data_pipeline.cleaning.signatures import Signatures, signatures
from data_pipeline.documents import Parsed, PlaceKind, Unit
from data_pipeline.errors import DataError
from data_pipeline.store.writer import EncodedPart
from data_pipeline.text.characters import without_controls
from data_pipeline.text.parts import parts_of
from data_pipeline.text.sentences import sentences_of
from data_pipeline.text.words import count_words_of
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# What is counted for each document, and summed up for each split.
MEASURES = ("words", "characters", "bytes")
_ARRAYS = ("tokens", "sentence_lengths", "document_lengths", "held_out", "places", *MEASURES)


@dataclass(frozen=True, eq=False)
class EncodedUnit:
    """The documents of a unit, in their order; none of them is empty, and no sentence is.

    Shape letters: T tokens, S sentences, D documents.

    Attributes:
        tokens: [T] ids.
        sentence_lengths: [S] in tokens.
        document_lengths: [D] in sentences.
        held_out: [D] whether a document is for evaluation.
        places: [D] the line, record or page of the stream where each begins, from 1; 0 where nobody
            knows.
        place_kind: what `places` count, None where nobody knows.
        measures: by name, [D] int64 each (`MEASURES`).
        counts: how often what was odd in the whole unit.
        dropped: the documents that cleaning dropped.
        signatures: [D] of each document, where duplicates are to be found, else None.
    """

    tokens: npt.NDArray[np.unsignedinteger]
    sentence_lengths: npt.NDArray[np.int64]
    document_lengths: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.bool_]
    places: npt.NDArray[np.int64]
    place_kind: PlaceKind | None
    measures: Mapping[str, npt.NDArray[np.int64]]
    counts: Mapping[str, int]
    dropped: Dropped
    signatures: Signatures | None = None

    @property
    def num_documents(self) -> int:
        """D."""
        return len(self.document_lengths)

    def part(self, chosen: npt.NDArray[np.bool_]) -> EncodedPart:
        """The documents that are chosen, [D], as a part of a split."""
        sentences = np.repeat(chosen, self.document_lengths)
        lengths = self.sentence_lengths[sentences]
        return EncodedPart(
            self.tokens[np.repeat(sentences, self.sentence_lengths)],
            lengths,
            self.document_lengths[chosen],
            {name: int(values[chosen].sum()) for name, values in self.measures.items()},
            self.places[chosen],
        )

    def write(self, file: BinaryIO) -> None:
        """As an `.npz`: the same unit gives the same bytes, and each array has a checksum."""
        dropped = {f.name: dict(getattr(self.dropped, f.name)) for f in fields(Dropped)}
        facts = {"counts": self.counts, "dropped": dropped, "place_kind": self.place_kind}
        # A unit is about a mebibyte: it has fewer than 2^32 of anything.
        arrays: dict[str, Any] = {
            "tokens": self.tokens,
            "sentence_lengths": self.sentence_lengths.astype(np.uint32),
            "document_lengths": self.document_lengths.astype(np.uint32),
            "held_out": self.held_out,
            "places": self.places,
            **{name: values.astype(np.uint32) for name, values in self.measures.items()},
            "facts": np.frombuffer(json.dumps(facts, sort_keys=True).encode(), np.uint8),
        }
        np.savez(file, allow_pickle=False, **arrays)


def read_unit(path: Path) -> EncodedUnit:
    """What `EncodedUnit.write` wrote; DataError where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in _ARRAYS}
            facts = json.loads(found["facts"].tobytes())
            dropped, place_kind = facts["dropped"], facts["place_kind"]
            examples = {reason: tuple(some) for reason, some in dropped["examples"].items()}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: is damaged: {error}; remove it and start again") from error
    return EncodedUnit(
        arrays["tokens"],
        arrays["sentence_lengths"].astype(np.int64),
        arrays["document_lengths"].astype(np.int64),
        arrays["held_out"],
        arrays["places"],
        place_kind,
        {name: arrays[name].astype(np.int64) for name in MEASURES},
        facts["counts"],
        Dropped(dropped["documents"], dropped["words"], examples),
    )


@dataclass(frozen=True)
class UnitEncoder:
    """Unit -> EncodedUnit; a pure function of the unit, picklable.

    Attributes:
        tokenizer: makes the ids.
        language: of the sentences.
        eval_share: of the documents that is held out, where a unit does not say itself.
        cleaning: which documents are dropped.
    """

    tokenizer: TextTokenizer
    language: str
    eval_share: float
    cleaning: CleaningRules = NO_CLEANING

    def __call__(self, unit: Unit) -> EncodedUnit:
        """Parses, cleans, splits into sentences, and encodes."""
        parsed = unit.parse(unit.content)
        in_form = self.tokenizer.rules.with_form
        cleaned = [
            clean([in_form(line) for line in document], self.cleaning)
            for document in parsed.documents
        ]
        kept_documents = [i for i, (_, reason) in enumerate(cleaned) if reason is None]
        counts = Counter(parsed.counts)
        documents = []
        for i in kept_documents:
            document, removed = without_controls(cleaned[i][0])
            documents.append(document)
            counts["removed_control_characters"] += removed
        sentences: list[str] = []
        ends = [0]
        for document in documents:
            sentences += sentences_of(document, unit.lines, self.language)
            ends.append(len(sentences))
        tokens, lengths, measures = self._encode(sentences, ends)
        kept = lengths > 0
        document_lengths = _sums(kept, ends)
        has_text = document_lengths > 0
        held_out = np.array(
            [
                self._is_held_out(document) if unit.split is None else unit.split == "eval"
                for document in documents
            ],
            bool,
        )
        found = None
        if self.cleaning.finds_duplicates:
            found = signatures(documents, self.cleaning)[has_text]
        counts["dropped_sentences"] += int(len(kept) - kept.sum())
        counts["dropped_documents"] += int(len(has_text) - has_text.sum())
        return EncodedUnit(
            tokens,
            lengths[kept],
            document_lengths[has_text],
            held_out[has_text],
            _places(unit, parsed)[kept_documents][has_text],
            unit.first.kind if unit.first else None,
            {name: _sums(values, ends)[has_text] for name, values in measures.items()},
            counts,
            dropped_by_rules(cleaned),
            found,
        )

    def _encode(
        self, sentences: Sequence[str], ends: Sequence[int]
    ) -> tuple[
        npt.NDArray[np.unsignedinteger],
        npt.NDArray[np.int64],
        dict[str, npt.NDArray[np.int64]],
    ]:
        """The ids of sentences in a row, each one's number of ids, and its measures.

        `ends` as in `TextTokenizer.as_running_text`.
        """
        running = self.tokenizer.as_running_text(sentences, ends)
        encoded = [self.tokenizer.encode_flat(some) for some in parts_of(running)]
        measured = [_measures(some) for some in parts_of(sentences)]
        return (
            np.concatenate([tokens for tokens, _ in encoded]),
            np.concatenate([lengths for _, lengths in encoded]),
            {name: np.concatenate([found[name] for found in measured]) for name in MEASURES},
        )

    def _is_held_out(self, document: Sequence[str]) -> bool:
        """By the text, so that order and workers do not matter and copies stay on one side."""
        digest = hashlib.blake2b(digest_size=8)
        for i, lines in enumerate(parts_of(document)):
            digest.update(("\n" * (i > 0) + "\n".join(lines)).encode())
        return int.from_bytes(digest.digest(), "big") < int(self.eval_share * 2**64)


def _places(unit: Unit, parsed: Parsed) -> npt.NDArray[np.int64]:
    """Of each document that was parsed, as `EncodedUnit.places`."""
    count = len(parsed.documents)
    if unit.first is None:
        return np.zeros(count, np.int64)
    places = range(count) if parsed.places is None else parsed.places
    return unit.first.number + np.fromiter(places, np.int64, count)


def _measures(sentences: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Of each sentence."""
    count = len(sentences)
    return {
        "words": count_words_of(sentences),
        "characters": np.fromiter(map(len, sentences), np.int64, count),
        "bytes": np.fromiter((len(s.encode()) for s in sentences), np.int64, count),
    }


def _sums(values: npt.NDArray[Any], ends: Sequence[int]) -> npt.NDArray[np.int64]:
    """The sum of `values` over each document: its sentences are ends[d] up to ends[d + 1]."""
    totals = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    result: npt.NDArray[np.int64] = np.diff(totals[ends])
    return result
