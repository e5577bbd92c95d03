"""`bert-jax predict`: fill the masks of texts."""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError

# Texts of a long file are answered in portions, so that memory does not grow with the file.
PORTION = 256


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each text, in order: one object each with `--json`."""
    texts = read_texts(arguments.texts, arguments.file)
    # Before the model is opened, so that a missing file is said at once.
    first = list(itertools.islice(texts, PORTION))
    if not first:
        raise UserError("there is no text: give some after MODEL, or a file with --file")
    from bert_jax import devices
    from bert_jax.inference.load import load

    devices.initialize(arguments.platform)
    model = load(arguments.model)
    portion = first
    while portion:
        good, problem = _good_ones(model.encode, portion)
        for filled in model.fill_mask(good, arguments.top_k):
            if arguments.json:
                print_json(filled.to_dict())
            else:
                print(filled.to_line())
        if problem is not None:
            raise problem
        portion = list(itertools.islice(texts, PORTION))


def _good_ones(
    check: Callable[[str], object], portion: list[tuple[str, str]]
) -> tuple[list[str], UserError | None]:
    """The texts up to the first that the model cannot take, and what is wrong with that one."""
    good: list[str] = []
    for place, text in portion:
        try:
            check(text)
        except UserError as error:
            return good, UserError(f"{place}{error}")
        good.append(text)
    return good, None


def read_texts(arguments: Iterable[str], file: str | None) -> Iterator[tuple[str, str]]:
    """The texts given as arguments, then those of a file, one a line; `-` is standard input.

    Yields where a text is from, for an error (`FILE:LINE: `, or nothing), and the text.
    """
    yield from (("", text) for text in arguments)
    if file == "-":
        yield from _lines("standard input", sys.stdin)
    elif file is not None:
        with open(file, encoding="utf-8", errors="replace") as lines:
            yield from _lines(file, lines)


def _lines(name: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield f"{name}:{number}: ", line.strip()
