"""`bert-jax predict`: fill the masks of texts."""

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError

# Texts of a long file are answered in portions, so that memory does not grow with the file.
PORTION = 256


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each text, in order: one object each with `--json`."""
    texts = read_texts(arguments.texts, arguments.file)
    from bert_jax import devices
    from bert_jax.inference.load import load

    devices.initialize(arguments.platform)
    model = load(arguments.model)
    found = False
    while portion := list(itertools.islice(texts, PORTION)):
        found = True
        for filled in model.fill_mask(portion, arguments.top_k):
            if arguments.json:
                print_json(filled.to_dict())
            else:
                print(filled.to_line())
    if not found:
        raise UserError("there is no text: give some after MODEL, or a file with --file")


def read_texts(arguments: Iterable[str], file: str | None) -> Iterator[str]:
    """The texts given as arguments, then those of a file, one a line; `-` is standard input."""
    yield from arguments
    if file is None:
        return
    if file == "-":
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    with open(file, encoding="utf-8", errors="replace") as lines:
        yield from (line.strip() for line in lines if line.strip())
