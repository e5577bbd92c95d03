"""Checks of a config's fields: types, ranges, names. gin makes none of them."""

import dataclasses
import difflib
import math
import reprlib
import typing
from typing import Any

from bert_jax.errors import UserError

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


def shown(value: Any) -> str:
    """A value as Python writes it, but not too long: it may come out of somebody else's file."""
    return _SHORT.repr(value)


def check_types(config: Any) -> None:
    """Raise `UserError` where a field of a dataclass holds a value of another type.

    gin does not check types. An `int` is taken for a `float` field (and stored as one); a `bool`
    is never taken for a number. A field `tuple[T, ...]` takes a list or a lone T as well, and
    stores a tuple.
    """
    name = type(config).__name__
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        hint = hints[field.name]
        if typing.get_origin(hint) is tuple:
            _check_tuple(config, field.name, typing.get_args(hint)[0])
            continue
        allowed = typing.get_args(hint) or (hint,)
        if typing.get_origin(hint) is typing.Literal:  # which of them, the class checks itself
            allowed = (str,)
        value = getattr(config, field.name)
        if float in allowed and type(value) is int:
            object.__setattr__(config, field.name, _as_float(value))
        elif type(value) not in allowed:
            wanted = " or ".join("None" if a is type(None) else a.__name__ for a in allowed)
            raise UserError(f"{name}.{field.name} is {shown(value)}, it must be of type {wanted}")


def _check_tuple(config: Any, name: str, kind: type) -> None:
    value = getattr(config, name)
    if type(value) is list:
        value = tuple(value)
    elif type(value) is kind or (kind is float and type(value) is int):
        value = (value,)
    if type(value) is tuple and kind is float:
        value = tuple(_as_float(item) if type(item) is int else item for item in value)
    if type(value) is not tuple or any(type(item) is not kind for item in value):
        raise UserError(
            f"{type(config).__name__}.{name} is {shown(value)}, it must be a tuple of "
            f"{kind.__name__}"
        )
    object.__setattr__(config, name, value)


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:  # beyond every float: as much as infinite, for those who check ranges
        return math.inf if value > 0 else -math.inf


def check_range(
    config: Any,
    *names: str,
    at_least: float = -math.inf,
    below: float = math.inf,
    above: float = -math.inf,
) -> None:
    """Raise `UserError` where a field lies outside `at_least <= value < below`, `value > above`."""
    for name in names:
        value = getattr(config, name)
        if value is None:
            continue
        if not (at_least <= value < below and value > above):
            limits = [f"at least {_bound(at_least)}"] if at_least > -math.inf else []
            limits += [f"above {_bound(above)}"] if above > -math.inf else []
            limits += [f"below {_bound(below)}"] if below < math.inf else []
            raise UserError(
                f"{type(config).__name__}.{name} is {shown(value)}, it must be "
                f"{' and '.join(limits)}"
            )


def _bound(value: float) -> str:
    """A limit as a person writes it, with all the digits of a whole number."""
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def check_choice(config: Any, name: str, choices: tuple[str, ...]) -> None:
    """Raise `UserError`, with the nearest right name, where a field is none of `choices`."""
    value = getattr(config, name)
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(
            f"{type(config).__name__}.{name} is {shown(value)}, it must be one of "
            f"{', '.join(map(repr, choices))}{hint}"
        )
