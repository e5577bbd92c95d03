"""What a command answers, made of texts; and its answers, in portions and in order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeVar

from bert_jax.errors import UserError
from bert_jax.formatting import format_amount

Answer = TypeVar("Answer")


class Item(NamedTuple):
    """One thing to answer.

    Attributes:
      place: where it is from, for an error: `FILE:LINE: `, or nothing.
      parts: its texts: one, or as many as the task takes; none where the line has no text, and
        nothing is asked.
    """

    place: str
    parts: tuple[str, ...]


class Parts(NamedTuple):
    """How many texts are one thing to answer.

    Attributes:
      fewest: at least so many; arguments are taken so many at a time.
      most: at most; None where there is no limit, and then all arguments are one thing.
      alike: whether all must have as many as the first.
    """

    fewest: int = 1
    most: int | None = 1
    alike: bool = False

    def describe(self) -> str:
        """`2`, `1 or 2`, `2 or more`."""
        if self.most is None:
            return f"{self.fewest} or more"
        return f"{self.fewest}" if self.fewest == self.most else f"{self.fewest} or {self.most}"


ONE = Parts()


def items_of(
    texts: Iterable[tuple[str, str]], parts: Parts = ONE, *, blank: bool = False
) -> Iterator[Item]:
    """What is to be answered: texts, or groups of them.

    Args:
      texts: of `read_texts`. The parts of a group are arguments one after another, or stand in one
        line with tabs between.
      parts: texts of each item.
      blank: whether a text may be empty. Otherwise a line without any text asks nothing, and any
        other empty text is an error.

    Raises:
      UserError: the arguments or a line are not such groups.
    """
    arguments: list[str] = []
    first = 0
    for item in _groups(texts, arguments, parts):
        if parts.fewest == parts.most == 1 and blank:
            yield item
            continue
        if item.place and not any(item.parts):
            yield Item(item.place, ())
            continue
        empty = [at for at, text in enumerate(item.parts, 1) if not text.strip()]
        if empty and not blank:
            which = f"text {empty[0]} of {len(item.parts)}" if len(item.parts) > 1 else "the text"
            raise UserError(f"{item.place}{which} is empty; give one that is not")
        first = first or len(item.parts)
        needed = Parts(first, first) if parts.alike and _fits(len(item.parts), parts) else parts
        if not _fits(len(item.parts), needed):
            raise _misfit(item, needed, as_the_first=needed is not parts)
        yield item


def first_read(items: Iterator[Item]) -> Iterator[Item]:
    """The same, of which the first is read now, before anything heavy is loaded.

    Raises:
      UserError: it cannot be taken.
    """
    first = next(items, None)
    return items if first is None else chain([first], items)


def _groups(texts: Iterable[tuple[str, str]], arguments: list[str], parts: Parts) -> Iterator[Item]:
    """The groups as they are given, whatever their size."""
    for place, text in texts:
        if not place:
            arguments.append(text)
            continue
        yield from _of_arguments(arguments, parts)
        arguments.clear()
        yield Item(place, _split(text) if parts.most != 1 else (text.strip(),))
    yield from _of_arguments(arguments, parts)


def _of_arguments(arguments: Sequence[str], parts: Parts) -> Iterator[Item]:
    if not arguments:
        return
    if parts.fewest == 1:
        yield from (Item("", _split(text) if parts.most != 1 else (text,)) for text in arguments)
        return
    size = parts.fewest if parts.most is not None else len(arguments)
    if len(arguments) % size or size < parts.fewest:
        raise _misfit(Item("", tuple(arguments)), parts)
    for first in range(0, len(arguments), size):
        yield Item("", tuple(arguments[first : first + size]))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("\t"))


def _fits(count: int, parts: Parts) -> bool:
    return parts.fewest <= count and (parts.most is None or count <= parts.most)


def _misfit(item: Item, parts: Parts, *, as_the_first: bool = False) -> UserError:
    between = "with a tab between them" if item.place else "one after another"
    why = " as in the first line" if as_the_first else ""
    are = "is" if parts.describe() == "1" else "are"
    return UserError(
        f"{item.place}{format_amount(len(item.parts), 'text')} where {parts.describe()} {are} "
        f"needed{why}{'' if parts.describe() == '1' else f', {between}'}"
    )


def in_portions(
    items: Iterator[Item],
    size: int,
    answer: Callable[[list[Item]], Answer],
    begin: Callable[[], None] = lambda: None,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[list[Item], Answer]]:
    """Answers of portions, so that memory does not grow with the file.

    What comes before an item that cannot be taken is answered before its error.

    Args:
      items: all of them.
      size: of a portion.
      answer: of the items of a portion that ask something; raises `BadText` for one.
      begin: is called before the first portion, where it is a whole one.
      advance: is told how many more are done.

    Raises:
      UserError: an item cannot be taken; begins with the item's place.
    """
    from bert_jax.inference.inputs import BadText

    is_first = True
    while True:
        portion, problem = _next(items, size)
        if is_first and len(portion) == size:
            begin()
        is_first = False
        while portion:
            asked = [i for i, item in enumerate(portion) if item.parts]
            try:
                answered = answer([portion[i] for i in asked])
            except BadText as error:
                at = asked[error.index]
                problem = UserError(f"{portion[at].place}{error.for_command()}")
                portion = portion[:at]
                continue
            yield portion, answered
            advance(len(portion))
            break
        if problem is not None:
            raise problem
        if len(portion) < size:
            return


def each(
    portion: Sequence[Item], answers: Iterable[Answer]
) -> Iterator[tuple[Item, Answer | None]]:
    """Every item of a portion with its answer; None of one that asks nothing."""
    left = iter(answers)
    for item in portion:
        yield item, next(left) if item.parts else None


def _next(items: Iterator[Item], size: int) -> tuple[list[Item], Exception | None]:
    """The next portion, and what is wrong with the item after it."""
    from data_pipeline.errors import DataError

    portion: list[Item] = []
    try:
        portion.extend(islice(items, size))
    except (UserError, DataError) as error:
        return portion, error
    return portion, None
