"""Texts that a command answers: from its arguments and from files, in portions, in their order."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bert_jax.errors import UserError

Answer = TypeVar("Answer")


class Item(NamedTuple):
    """One thing to answer.

    Attributes:
      place: where it is from, for an error: `FILE:LINE: `, or nothing.
      parts: its texts: one, or as many as the task takes.
    """

    place: str
    parts: tuple[str, ...]


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


def have_text(texts: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The same texts, of which the first is read now, before anything heavy is loaded.

    Raises:
      UserError: there is none.
    """
    first = next(texts, None)
    if first is None:
        raise UserError("there is no text: give some after MODEL, or a file with --file")
    return chain([first], texts)


def items_of(
    texts: Iterable[tuple[str, str]], parts: int = 1, *, more: bool = False
) -> Iterator[Item]:
    """What is to be answered: texts, or groups of them.

    Args:
      texts: of `read_texts`. The parts of a group are arguments one after another, or stand in one
        line with tabs between.
      parts: texts of each item.
      more: whether an item may have more; all arguments are then one item.

    Raises:
      UserError: the arguments or a line are not such groups.
    """
    arguments: list[str] = []
    for place, text in texts:
        if place:
            yield from _of_arguments(arguments, parts, more)
            arguments = []
            group = [part.strip() for part in text.split("\t")] if parts > 1 else [text]
            yield _item(place, group, parts, more)
        else:
            arguments.append(text)
    yield from _of_arguments(arguments, parts, more)


def _of_arguments(arguments: list[str], parts: int, more: bool) -> Iterator[Item]:
    size = len(arguments) if more else parts
    for first in range(0, len(arguments), size):
        yield _item("", arguments[first : first + size], parts, more)


def _item(place: str, texts: Sequence[str], parts: int, more: bool) -> Item:
    if len(texts) < parts or (len(texts) > parts and not more):
        between = "with a tab between them" if place else "one after another"
        raise UserError(
            f"{place}{len(texts)} text{'s' if len(texts) != 1 else ''} where {parts} are needed"
            f"{' or more' if more else ''}, {between}"
        )
    return Item(place, tuple(texts))


def in_portions(
    items: Iterator[Item],
    size: int,
    answer: Callable[[list[Item]], Answer],
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[list[Item], Answer]]:
    """Answers of portions, so that memory does not grow with the file.

    What comes before an item that cannot be taken is answered before its error.

    Args:
      items: all of them.
      size: of a portion.
      answer: of a portion; raises `BadText` for an item.
      advance: is told how many more are done.

    Raises:
      UserError: an item cannot be taken; begins with the item's place.
    """
    from bert_jax.inference.inputs import BadText

    while True:
        portion, problem = _next(items, size)
        while portion:
            try:
                answered = answer(portion)
            except BadText as error:
                place = portion[error.index].place
                portion, problem = portion[: error.index], UserError(f"{place}{error}")
                continue
            yield portion, answered
            advance(len(portion))
            break
        if problem is not None:
            raise problem
        if len(portion) < size:
            return


def _next(items: Iterator[Item], size: int) -> tuple[list[Item], UserError | None]:
    """The next portion, and what is wrong with the item after it."""
    portion: list[Item] = []
    try:
        portion.extend(islice(items, size))
    except UserError as error:
        return portion, error
    return portion, None


@contextmanager
def progress_of(
    file: str | None, description: str, portion: int, *, alone: bool
) -> Iterator[Callable[[int], None]]:
    """Show how many lines of a file are done, on standard error, once a whole portion is.

    Args:
      file: what is read; without one there is nothing to wait for.
      description: what is done.
      portion: lines that are answered at once; a file of fewer is done at once.
      alone: whether nothing else is written to the terminal meanwhile; else nothing is shown.

    Yields:
      What is to be told how many more are done.
    """
    from bert_jax.terminal import Terminal

    with ExitStack() as stack:
        task: Any = None

        def advance(count: int) -> None:
            nonlocal task
            if task is None and alone and file is not None and count >= portion:
                shown = Terminal().progress(description, _lines_in(file), "text")
                task = stack.enter_context(shown)
            if task is not None:
                task.advance(count)

        yield advance


def _lines_in(file: str) -> int | None:
    """Lines that are not empty; None of what can be read only once."""
    if not Path(file).is_file():
        return None
    with open(file, "rb") as lines:
        return sum(1 for line in lines if line.strip())
