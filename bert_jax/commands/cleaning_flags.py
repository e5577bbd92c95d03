"""The flags of `bert-jax prepare` that drop documents, and what they come to."""

from __future__ import annotations

import argparse
import re
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
    group = parser.add_argument_group("cleaning", "drop documents; none is without these flags")
    group.add_argument(
        "--min_words", metavar="N", type=whole_number, help="drop those of fewer words"
    )
    group.add_argument(
        "--scripts",
        metavar="NAME,...",
        type=_names,
        help="drop those in other scripts (Latin,Greek, say)",
    )
    group.add_argument(
        "--min_script_share",
        metavar="R",
        type=number,
        help="with --scripts: the least share of a document's letters in them (0.8)",
    )
    group.add_argument(
        "--max_control_share",
        metavar="R",
        type=number,
        help="drop control characters, and documents with a larger share of them",
    )
    group.add_argument(
        "--max_repeated_line_share",
        metavar="R",
        type=number,
        help="drop those with a larger share of their text in lines that come again",
    )
    group.add_argument(
        "--exact_duplicates",
        action="store_true",
        default=None,
        help="drop those with the same words as an earlier one",
    )
    group.add_argument(
        "--near_duplicates",
        metavar="R",
        type=number,
        help="drop those at least this similar to an earlier one: 0.5 to 1 (0.8, say)",
    )
    group.add_argument(
        "--shingle_words",
        metavar="N",
        type=whole_number,
        help="with --near_duplicates: how many words in a row are compared (5)",
    )


def cleaning_rules(arguments: argparse.Namespace) -> CleaningRules:
    """The rules that the flags say. DataError where a value is none, or goes with no other."""
    from data_pipeline.cleaning.rules import CleaningRules
    from data_pipeline.errors import DataError

    given = {name: getattr(arguments, name) for name in _FLAGS}
    try:
        return CleaningRules(**{name: value for name, value in given.items() if value is not None})
    except DataError as error:
        # In Python they are fields of these names.
        raise DataError(re.sub(rf"\b({'|'.join(_FLAGS)})\b", r"--\1", str(error))) from error


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no script; give Latin, say, or leave the flag out"
        )
    return names
