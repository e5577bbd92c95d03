"""Values that the command line puts over those of an experiment's files.

Knows nothing of gin, so that the command line can read its flags before it loads anything.
"""

import ast
import dataclasses
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bert_jax.errors import UserError

_NAME = re.compile(r"[A-Za-z_]\w*([./][A-Za-z_]\w*)*")


@dataclasses.dataclass(frozen=True)
class Macro:
    """`%NAME` where a value is expected."""

    name: str

    def __repr__(self) -> str:
        return f"%{self.name}"


@dataclasses.dataclass(frozen=True)
class Override:
    """A value for `name` (`Class.field`, or a macro); `flag` is what the user typed (`--steps`)."""

    flag: str
    name: str
    value: Any

    @classmethod
    def parse(cls, text: str, flag: str | None = None) -> "Override":
        """Read `NAME=VALUE`, what follows `--gin.`.

        `-` in NAME is `_`. VALUE is a Python literal, `%MACRO`, or else a string as it stands, so
        that it needs no inner quotes.

        Raises:
          UserError: there is no `=`, or NAME is no name.
        """
        flag = flag or f"--gin.{text}"
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not _NAME.fullmatch(name):
            raise UserError(f"{flag}: this must be --gin.NAME=VALUE, as --gin.TrainConfig.seed=1")
        return cls(flag, name, _value(value.strip()))


def with_data(
    given: Sequence["str | Override"], stores: Sequence[str | Path], flag: str = "--data"
) -> list["str | Override"]:
    """What was given, and one store, or several, in the place of whatever data it names.

    Several stores keep the weights that they are given anywhere. One has none: those of a file go,
    and those that are `given` beside it will be an error. What `flag` set before is forgotten.
    """
    paths = tuple(map(str, stores))
    if not paths:
        raise UserError(f"{flag} names no token store; give at least one")
    one = len(paths) == 1
    shares = {"weights": (), "smoothing": None} if one else {}
    names = {"corpus": None, "stores": () if one else paths, "store": paths[0] if one else None}
    return [
        *(Override(flag, f"DataConfig.{name}", value) for name, value in shares.items()),
        *(old for old in given if not (isinstance(old, Override) and old.flag == flag)),
        *(Override(flag, f"DataConfig.{name}", value) for name, value in names.items()),
    ]


def _value(text: str) -> Any:
    if text.startswith("%") and _NAME.fullmatch(text[1:]):
        return Macro(text[1:])
    try:
        with warnings.catch_warnings():
            # "1else", "\\d": Python warns of what it will refuse one day; here it is a string.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
