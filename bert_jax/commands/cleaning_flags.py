"""The flags of `bert-jax prepare` that drop documents, and what they come to."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bert_jax.commands.parser import number, whole_number

if TYPE_CHECKING:
    from data_pipeline.cleaning.rules import CleaningRules

_FLAGS = (
    "min_words",
    "scripts",
    "min_script_share",
    "max_control_share",
    "max_repeated_line_share",
    "exact_duplicates",
    "near_duplicates",
    "shingle_words",
)


def add_cleaning_flags(parser: argparse.ArgumentParser) -> None:
    """A group of flags, one for each rule; each is off unless it is given."""
    group = parser.add_argument_group("cleaning", "what is dropped; all of it is kept by default")
    group.add_argument(
        "--min_words", metavar="N", type=whole_number, help="documents of fewer words"
    )
    group.add_argument(
        "--scripts",
        metavar="NAME,...",
        type=_names,
        help="documents in other writing systems (Latin,Greek)",
    )
    group.add_argument(
        "--min_script_share",
        metavar="R",
        type=number,
        help="documents with a smaller share of their letters in --scripts (0.8)",
    )
    group.add_argument(
        "--max_control_share",
        metavar="R",
        type=number,
        help="control characters, and documents with a larger share of them",
    )
    group.add_argument(
        "--max_repeated_line_share",
        metavar="R",
        type=number,
        help="documents with a larger share of text in lines that they repeat",
    )
    group.add_argument(
        "--exact_duplicates",
        action="store_true",
        default=None,
        help="documents with the same words as an earlier one",
    )
    group.add_argument(
        "--near_duplicates",
        metavar="R",
        type=number,
        help="documents as similar as this to an earlier one, 0.5 to 1 (0.8, say)",
    )
    group.add_argument(
        "--shingle_words",
        metavar="N",
        type=whole_number,
        help="words in a row that are compared for --near_duplicates (5)",
    )


def cleaning_rules(arguments: argparse.Namespace) -> CleaningRules:
    """The rules that the flags say. DataError where a value is none, or goes with no other."""
    from data_pipeline.cleaning.rules import CleaningRules

    given = {name: getattr(arguments, name) for name in _FLAGS}
    return CleaningRules(**{name: value for name, value in given.items() if value is not None})


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
