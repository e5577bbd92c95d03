"""What cleaning has dropped, for the manifest and for a person to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from data_pipeline.cleaning.duplicates import Duplicates
from data_pipeline.cleaning.rules import Reason
from data_pipeline.cleaning.signatures import Signatures
from data_pipeline.text.words import count_words

EXAMPLES = 3
EXAMPLE_CHARACTERS = 80
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True)
class Dropped:
    """Counts by reason. The sum of two is what both have dropped, the left one first.

    Attributes:
        documents: how many were dropped for each reason.
        words: the words in them.
        examples: the beginnings of the first three for each reason.
    """

    documents: Mapping[Reason, int] = field(default_factory=dict)
    words: Mapping[Reason, int] = field(default_factory=dict)
    examples: Mapping[Reason, tuple[str, ...]] = field(default_factory=dict)

    def __add__(self, other: Dropped) -> Dropped:
        return Dropped(
            Counter(self.documents) + Counter(other.documents),
            Counter(self.words) + Counter(other.words),
            {
                reason: (self.examples.get(reason, ()) + other.examples.get(reason, ()))[:EXAMPLES]
                for reason in {**self.examples, **other.examples}
            },
        )

    def facts(self) -> dict[str, Any]:
        """For the manifest: each reason that was met, in a fixed order."""
        return {
            reason: {
                "documents": self.documents[reason],
                "words": self.words.get(reason, 0),
                "examples": list(self.examples.get(reason, ())),
            }
            for reason in REASONS
            if self.documents.get(reason)
        }


def dropped_by_rules(documents: Iterable[tuple[Sequence[str], Reason | None]]) -> Dropped:
    """Counts the documents, given as their lines, that have a reason to be dropped."""
    counts: Counter[Reason] = Counter()
    words: Counter[Reason] = Counter()
    examples: dict[Reason, tuple[str, ...]] = {}
    for document, reason in documents:
        if reason is None:
            continue
        text = " ".join(document)
        counts[reason] += 1
        words[reason] += count_words(text)
        if len(examples.get(reason, ())) < EXAMPLES:
            examples[reason] = (*examples.get(reason, ()), _beginning(text))
    return Dropped(counts, words, examples)


def dropped_duplicates(signatures: Signatures, duplicates: Duplicates) -> Dropped:
    """Counts the duplicates among the documents that have these signatures."""
    counts: dict[Reason, int] = {}
    words: dict[Reason, int] = {}
    examples: dict[Reason, tuple[str, ...]] = {}
    dropped = duplicates.dropped
    masks: dict[Reason, Any] = {
        "exact_duplicate": dropped & duplicates.exact,
        "near_duplicate": dropped & ~duplicates.exact,
    }
    for reason, mask in masks.items():
        found = np.flatnonzero(mask)
        if len(found):
            counts[reason] = len(found)
            words[reason] = int(signatures["words"][found].sum(dtype=np.int64))
            examples[reason] = tuple(
                bytes(beginning).decode("utf-8", "ignore")
                for beginning in signatures["beginning"][found[:EXAMPLES]]
            )
    return Dropped(counts, words, examples)


def _beginning(text: str) -> str:
    """The first characters, without what would not be a line or no valid JSON."""
    cut = " ".join(text[:EXAMPLE_CHARACTERS].split())
    return cut.encode("utf-8", "replace").decode()
