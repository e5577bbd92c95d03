"""What a person gives a model, checked before anything is computed: texts, and groups of them."""

import reprlib
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np

from bert_jax.errors import UserError
from bert_jax.formatting import format_amount

_SHOWN = 60
MIXES = ("mean", "sum", "concat")
# Far more than anyone needs, and the squares of what it gives are far from overflowing.
LARGEST_WEIGHT = 1_000_000


def shown(given: Any) -> str:
    """A value for a message, on one line and not too long: `7 (int)`, `None`."""
    if given is None:
        return "None"
    line = " ".join(reprlib.repr(given).split())
    line = line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
    return f"{line} ({type(given).__name__})"


def check_text(given: Any, name: str = "text") -> str:
    """A text as it was given.

    Raises:
      UserError: it is no text, or holds half of a character.
    """
    if not isinstance(given, str):
        decode = "; decode it first" if isinstance(given, bytes | bytearray) else ""
        raise UserError(f"{name} is {shown(given)}, and a text (str) is needed{decode}")
    if not given.isascii():
        try:
            given.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{name} holds {given[error.start]!r}, a lone surrogate, which is no character; "
                "read it as UTF-8, with errors='replace' say"
            ) from None
    # Of numpy's own kind of text too.
    return str(given)


def check_texts(given: Any, name: str = "texts") -> list[str]:
    """One text or several as a list.

    Raises:
      UserError: it is neither, or one of them is no text.
    """
    if isinstance(given, str):
        return [check_text(given, name)]
    needed = "a text (str) is needed, or several in a list"
    return [check_text(each, f"{name}[{i}]") for i, each in enumerate(_listed(given, name, needed))]


def check_pairs(
    given: Any, name: str = "pairs", needed: str = "(first text, second text)"
) -> list[tuple[str, str]]:
    """Pairs of texts as a list.

    Raises:
      UserError: there are others than pairs in it.
    """
    listed = _listed(given, name, f"a list of {needed} is needed")
    return [_pair(each, f"{name}[{i}]", needed) for i, each in enumerate(listed)]


def check_texts_or_pairs(given: Any) -> list[str] | list[tuple[str, str]]:
    """Texts, or pairs of texts, all alike.

    Raises:
      UserError: it is neither, or both; or two texts in a tuple, which may be either.
    """
    needed = "a text or a pair (first text, second text)"
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(x, str) for x in given):
        raise UserError(
            "texts is a tuple of two texts; write [(first, second)] for a pair, or [first, second] "
            "for two texts"
        )
    listed = [given] if isinstance(given, str) else _listed(given, "texts", f"{needed} is needed")
    are_texts = [isinstance(each, str) for each in listed]
    if all(are_texts):
        return check_texts(listed)
    if any(are_texts):
        one, other = are_texts.index(True), are_texts.index(False)
        raise UserError(
            f"texts[{one}] is a text and texts[{other}] is {shown(listed[other])}; give texts, or "
            "pairs, and not both"
        )
    return check_pairs(listed, "texts", needed)


def check_choices(given: Any) -> list[tuple[str, list[str]]]:
    """Texts, each with its choices.

    Raises:
      UserError: there is something else in it.
    """
    needed = "(text, [its choices])"
    checked = []
    for i, each in enumerate(_listed(given, "questions", f"a list of {needed} is needed")):
        name = f"questions[{i}]"
        if not _is_pair(each) or isinstance(each[1], str):
            raise UserError(f"{name} is {shown(each)}, and {needed} is needed")
        text, choices = each
        checked.append((check_text(text, f"{name}[0]"), check_texts(choices, f"{name}[1]")))
    return checked


def check_texts_or_words(given: Any) -> list[str | list[str]]:
    """Texts, each as it is or as its words.

    Raises:
      UserError: there is something else in it.
    """
    if isinstance(given, str):
        return [check_text(given, "texts")]
    listed = _listed(given, "texts", "a text (str) is needed, or several in a list")
    return [
        check_text(each, f"texts[{i}]")
        if isinstance(each, str)
        else check_texts(each, f"texts[{i}]")
        for i, each in enumerate(listed)
    ]


def check_whole_number(
    given: Any, name: str, at_least: int, at_most: int | None = None, most: str = ""
) -> int:
    """A whole number in a range; `most` is what the largest one is, for the error.

    Raises:
      UserError: it is none, or out of range.
    """
    is_whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if not is_whole or given < at_least or (at_most is not None and given > at_most):
        limit = "" if at_most is None else f" and at most {most}{at_most}"
        raise UserError(
            f"{name} is {reprlib.repr(given)}; it must be a whole number, at least {at_least}"
            f"{limit}"
        )
    return int(given)


def check_boolean(given: Any, name: str) -> bool:
    """True or False, of numpy too; any other value would be taken as true, `'no'` among them.

    Raises:
      UserError: it is neither.
    """
    if not isinstance(given, bool | np.bool_):
        raise UserError(f"{name} is {shown(given)}; it must be True or False")
    return bool(given)


def check_weights(given: Any, layers: int, name: str = "mix") -> tuple[float, ...]:
    """A weight for each layer that is mixed.

    Raises:
      UserError: there are others, or what they give is nothing or beyond float32.
    """
    needed = f"one of {', '.join(MIXES)} is needed, or a number for each layer"
    weights = _listed(given, name, needed)
    if len(weights) != layers:
        raise UserError(
            f"{name} has {format_amount(len(weights), 'number')}, and there "
            f"{'is' if layers == 1 else 'are'} {format_amount(layers, 'layer')}; give one for each"
        )
    for weight in weights:
        is_number = isinstance(weight, int | float | np.integer | np.floating)
        if not is_number or not abs(weight) <= LARGEST_WEIGHT:
            raise UserError(
                f"{name} has the weight {reprlib.repr(weight)}; each must be a number from "
                f"{-LARGEST_WEIGHT:,} to {LARGEST_WEIGHT:,}"
            )
    if not any(weights):
        raise UserError(f"{name} has no weight but 0, so that every vector would be 0")
    return tuple(map(float, weights))


def _listed(given: Any, name: str, needed: str) -> list[Any]:
    """What an iterable holds; not of one whose order is none, or that means something else."""
    if not isinstance(given, str | bytes | bytearray | Mapping | Set):
        try:
            return list(given)
        except TypeError:
            pass
    raise UserError(f"{name} is {shown(given)}, and {needed}")


def _pair(given: Any, name: str, needed: str) -> tuple[str, str]:
    if not _is_pair(given):
        raise UserError(f"{name} is {shown(given)}, and {needed} is needed")
    return check_text(given[0], f"{name}[0]"), check_text(given[1], f"{name}[1]")


def _is_pair(given: Any) -> bool:
    """Whether it is two of something, in order; an array's row is."""
    is_row = isinstance(given, Sequence) or hasattr(given, "__array__")
    return is_row and not isinstance(given, str | bytes | bytearray) and len(given) == 2
