"""Which documents are not learned from, and why: the rules, and those that look at one document.

Duplicates are found among all documents, after all of them are read: `signatures.py` and
`duplicates.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from data_pipeline.errors import DataError
from data_pipeline.text.characters import NO_TEXT, SPACE, classes_of, codes_of, text_of
from data_pipeline.text.scripts import check_scripts, script_share
from data_pipeline.text.words import count_words

Reason = Literal[
    "control_characters",
    "too_short",
    "repeated_lines",
    "wrong_script",
    "exact_duplicate",
    "near_duplicate",
]

# The lowest threshold for near duplicates: below it, documents that merely have the same subject or
# the same form are taken for copies, and pairs that agree in a band by chance become many.
_LEAST_NEAR = 0.5
_MOST_SHINGLE_WORDS = 100
_MOST_MIN_WORDS = 1_000_000_000
# Whether a share may be 0.
_SHARES = {"min_script_share": False, "max_control_share": True, "max_repeated_line_share": True}


@dataclass(frozen=True)
class CleaningRules:
    """What is dropped. All rules are off by default; a document is dropped for the first it breaks.

    Attributes:
        min_words: documents of fewer words are dropped. A character of a script that is written
            without spaces counts as a word (`words.py`).
        scripts: Unicode names of scripts ("Latin", "Cyrillic", "Han"). Given, documents are dropped
            whose share of letters in them is below `min_script_share`, or that have no letter.
        min_script_share: above 0 and at most 1 (with `scripts` alone).
        max_control_share: the largest share of characters that are no text: control characters but
            tab and line ends, U+FFFD, surrogates, private use, noncharacters. Documents with more
            are dropped; of the others these characters are removed.
        max_repeated_line_share: the largest share of a document's characters in lines that stood
            in it before (Rae et al., arXiv 2112.11446, table A1, has 0.2).
        exact_duplicates: of documents with the same words, case, spaces and punctuation aside, the
            first is kept.
        near_duplicates: the Jaccard similarity of two documents' sets of shingles, estimated by
            MinHash, from which on they are near-duplicates; 0.5 to 1.
        shingle_words: words in a row that make a shingle (with `near_duplicates` alone).
    """

    min_words: int = 0
    scripts: tuple[str, ...] = ()
    min_script_share: float = 0.8
    max_control_share: float | None = None
    max_repeated_line_share: float | None = None
    exact_duplicates: bool = False
    near_duplicates: float | None = None
    shingle_words: int = 5

    def __post_init__(self) -> None:
        _check_whole("min_words", self.min_words, 0, _MOST_MIN_WORDS)
        _check_whole("shingle_words", self.shingle_words, 1, _MOST_SHINGLE_WORDS)
        for name, zero in _SHARES.items():
            _check_share(name, getattr(self, name), zero)
        if self.near_duplicates is not None and not (
            _is_number(self.near_duplicates) and _LEAST_NEAR <= self.near_duplicates <= 1
        ):
            raise DataError(
                f"near_duplicates is a similarity from {_LEAST_NEAR} to 1 (0.8, say); "
                f"got {self.near_duplicates!r}"
            )
        if not isinstance(self.exact_duplicates, bool):
            raise DataError(
                f"exact_duplicates must be True or False; got {self.exact_duplicates!r}"
            )
        check_scripts(self.scripts)
        for name, needed in (("min_script_share", "scripts"), ("shingle_words", "near_duplicates")):
            if not getattr(self, needed) and getattr(self, name) != _default(name):
                raise DataError(
                    f"{name} is used with {needed} alone, which is not set; "
                    f"give {needed} or leave {name} out"
                )

    @property
    def finds_duplicates(self) -> bool:
        """Whether documents are compared with each other, so that signatures are needed."""
        return self.exact_duplicates or self.near_duplicates is not None


def clean(document: Sequence[str], rules: CleaningRules) -> tuple[list[str], Reason | None]:
    """The lines of a document without what is removed, and the reason to drop it, or None.

    A function of the document alone. Duplicates are not found here.
    """
    lines = list(document)
    if rules.max_control_share is not None:
        lines, share = _without_control_characters(lines)
        if share > rules.max_control_share:
            return lines, "control_characters"
    if rules.min_words and count_words(" ".join(lines)) < rules.min_words:
        return lines, "too_short"
    most = rules.max_repeated_line_share
    if most is not None and _repeated_line_share(lines) > most:
        return lines, "repeated_lines"
    if rules.scripts and script_share("".join(lines), rules.scripts) < rules.min_script_share:
        return lines, "wrong_script"
    return lines, None


def _without_control_characters(lines: list[str]) -> tuple[list[str], float]:
    """The lines without what is no text, and its share of the characters."""
    codes = codes_of("\n".join(lines))
    classes = classes_of(codes)
    no_text = (classes & NO_TEXT) != 0
    removed = np.count_nonzero(no_text)
    if not removed:
        return lines, 0.0
    # What parts words leaves a space, so that they stay apart.
    spaces = (classes & SPACE) != 0
    kept = text_of(np.where(spaces, np.uint32(0x20), codes)[~no_text | spaces])
    characters = len(codes) - (len(lines) - 1)
    return [line for line in kept.split("\n") if line and not line.isspace()], removed / characters


def _repeated_line_share(lines: list[str]) -> float:
    """The share of the characters that are in lines which stood there before."""
    once = set(lines)
    if len(once) == len(lines):
        return 0.0
    total = sum(map(len, lines))
    return 1 - sum(map(len, once)) / total if total else 0.0


def _check_whole(name: str, value: Any, least: int, largest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DataError(f"{name} must be a whole number; got {value!r}")
    if not least <= value <= largest:
        raise DataError(f"{name} must be between {least:,} and {largest:,}; got {value:,}")


def _check_share(name: str, value: Any, zero: bool) -> None:
    if value is None and _default(name) is None:
        return
    if not _is_number(value) or not 0 <= value <= 1 or (value == 0 and not zero):
        lowest = "at least 0" if zero else "above 0"
        raise DataError(f"{name} must be {lowest} and at most 1; got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _default(name: str) -> Any:
    return next(field.default for field in fields(CleaningRules) if field.name == name)


NO_CLEANING = CleaningRules()
