"""Texts that a command is given: its arguments, then the lines of a file or of standard input."""

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import cast

from bert_jax.errors import UserError
from bert_jax.formatting import format_amount

STANDARD_INPUT = "standard input"
# What is read at once, and the longest line that is taken: more of it is no text for any model.
_BLOCK_BYTES = 1 << 18
LONGEST_LINE_BYTES = 64 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")
# Longer ones are no files' names.
_LONGEST_NAME = 255


def read_texts(arguments: Iterable[str], file: str | None) -> Iterator[tuple[str, str]]:
    """The texts given as arguments, then those of a file, a line each; `-` is standard input.

    A file may be compressed (`data_pipeline.documents.compression`) or a pipe. A line without text
    is a text too, so that what is made of the lines stays beside them. Characters that are no UTF-8
    are replaced, and how many is said on standard error at the end.

    Yields:
      Where a text is from, for an error (`FILE:LINE: `, or nothing), and the text, without the
      white space at its end; that at its beginning may be an empty text and a tab.

    Raises:
      UserError: the file is a folder, standard input is closed, or a line is too long.
      DataError: the file cannot be read, is damaged or is no text.
    """
    # Bytes that are no UTF-8 come from a shell as surrogates.
    found = [_SURROGATE.subn("\ufffd", text) for text in arguments]
    _say_replaced(sum(count for _, count in found), "the arguments")
    _say_what_is_a_file([text for text, _ in found])
    yield from (("", text) for text, _ in found)
    if file is not None:
        name, opened = _opened(file)
        for number, line in enumerate(_lines(name, opened), 1):
            yield f"{name}:{number}: ", line


def have_text(texts: Iterator[tuple[str, str]], file: str | None) -> Iterator[tuple[str, str]]:
    """The same texts, of which the first is read now, before anything heavy is loaded.

    Raises:
      UserError: there is none.
    """
    first = next(texts, None)
    if first is None and file is not None:
        raise UserError(f"{_name(file)}: there is no text in it")
    if first is None:
        raise UserError(
            "there is no text: give some after MODEL, or a file with --file (-: standard input)"
        )
    return chain([first], texts)


def count_lines(file: str) -> int | None:
    """How many texts a file has; None of what can be read only once."""
    if file == "-" or not Path(file).is_file():
        return None
    from data_pipeline.documents.decoding import text_blocks

    count, last = 0, b"\n"
    for block in text_blocks(Path(file), lambda _: None, _BLOCK_BYTES):
        count += block.count(b"\n")
        last = block or last
    return count + (not last.endswith(b"\n"))


def _name(file: str) -> str:
    return STANDARD_INPUT if file == "-" else file


def _opened(file: str) -> tuple[str, BufferedReader | None]:
    """What to call a file in messages, and what to read in its place, if anything."""
    if file == "-":
        if sys.stdin is None:
            raise UserError("--file - is standard input, and it is closed; give a file")
        # Typed as what a program may put in its place.
        return STANDARD_INPUT, cast("BufferedReader", sys.stdin.buffer)
    try:
        mode = os.stat(file).st_mode
    except OSError:
        mode = 0  # Reading it will say what is wrong.
    if stat.S_ISDIR(mode):
        raise UserError(f"--file {file} is a folder; name a file of text, a text a line")
    if stat.S_ISBLK(mode):
        raise UserError(f"--file {file} is a device; name a file of text, a text a line")
    return file, None


def _lines(name: str, opened: BufferedReader | None) -> Iterator[str]:
    from data_pipeline.documents.decoding import decode, text_blocks
    from data_pipeline.documents.stretches import last_after, stretches

    done = replaced = 0

    def too_long(_: bytearray) -> int:
        raise UserError(
            f"{name}:{done + 1}: the line has more than {LONGEST_LINE_BYTES >> 20} MiB; give a "
            "text a line"
        )

    blocks = text_blocks(Path(name), lambda _: None, _BLOCK_BYTES, opened)
    for stretch in stretches(blocks, last_after(b"\n"), LONGEST_LINE_BYTES, too_long, _BLOCK_BYTES):
        text, broken = decode(stretch)
        replaced += broken
        lines = text.split("\n")
        if not lines[-1]:  # The end of the last line, not one more.
            lines.pop()
        for line in lines:
            done += 1
            yield line.rstrip()
    _say_replaced(replaced, name)


def _say_what_is_a_file(arguments: Sequence[str]) -> None:
    """A file's name among the texts may be meant as `--file`."""
    for text in arguments:
        if len(text) <= _LONGEST_NAME and os.path.isfile(text):
            print(
                f"{text} is taken as a text, and is a file: --file {text} takes its lines",
                file=sys.stderr,
            )


def _say_replaced(count: int, where: str) -> None:
    if count:
        was = "was" if count == 1 else "were"
        print(
            f"{where}: {format_amount(count, 'character')} {was} no UTF-8, and replaced by U+FFFD",
            file=sys.stderr,
        )
