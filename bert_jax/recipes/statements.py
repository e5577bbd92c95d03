"""Reads the statements of an experiment, each with the file and line that it came from.

gin forgets where a binding was made. Here the same parser that gin uses (`gin.config_parser`)
reads the statements, includes and command line, in gin's order (a later one wins), so that an error
and `bert-jax config` can say where a value comes from.
"""

import dataclasses
import math
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gin import config_parser

from bert_jax.errors import UserError
from bert_jax.recipes.overrides import Macro, Override
from bert_jax.suggest import nearest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a value comes from: a line of a file, a flag, or (neither given) a default."""

    path: Path | None = None
    line: int = 0
    flag: str | None = None

    @property
    def kind(self) -> str:
        """`file`, `command line` or `default`."""
        return "file" if self.path else "command line" if self.flag else "default"

    def __str__(self) -> str:
        """As in an error message: `path/as/seen/from/here.gin:3`, `--steps`, `default`."""
        if self.path:
            return f"{readable_path(self.path)}:{self.line}"
        return self.flag or "default"


def readable_path(path: Path) -> Path:
    """`path` as seen from the current folder where it lies inside, else the whole path."""
    path, here = path.absolute(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


@dataclasses.dataclass(frozen=True, kw_only=True)
class Binding:
    """`owner.name = value`, or `name = value` (`owner` empty), which defines the macro `%name`."""

    scope: str = ""
    owner: str
    name: str
    value: Any
    origin: Origin

    @property
    def key(self) -> str:
        """The left side of the statement without its scope."""
        return f"{self.owner}.{self.name}" if self.owner else self.name

    def text(self) -> str:
        """The statement in gin's syntax, on one line."""
        return f"{self.scope}/{self.key} = {self.value!r}".lstrip("/")

    def macros(self) -> list[str]:
        """Names of the macros in the value."""
        return [part.name for part in _parts(self.value) if isinstance(part, Macro)]


def override_binding(override: Override) -> Binding:
    """The statement that a value from the command line stands for."""
    binding = _binding(override.name, override.value, Origin(flag=override.flag))
    _check_value(binding)
    return binding


def read_statements(path: Path, include_root: Path) -> list[Binding]:
    """The bindings of a file and of all that it includes, in order; later ones win.

    An `include 'model/tiny.gin'` is looked for beside the including file, then in `include_root`.

    Raises:
      UserError: a file is missing or is no text, a statement cannot be read, files include each
        other in a circle; with file and line.
    """
    return list(_read(path, include_root, including=()))


def _read(path: Path, include_root: Path, including: tuple[Path, ...]) -> Iterator[Binding]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{readable_path(path)} is no text in UTF-8: {error}") from error
    including = (*including, path.resolve())
    for statement in _parse(path, text):
        origin = Origin(path=path, line=statement.location.line_num)
        if isinstance(statement, config_parser.IncludeStatement):
            target = _include_path(statement.filename, path, include_root, origin)
            if target.resolve() in including:
                circle = " -> ".join(p.name for p in (*including, target))
                raise UserError(f"{origin}: files include each other in a circle: {circle}")
            yield from _read(target, include_root, including)
        elif isinstance(statement, config_parser.ImportStatement):
            raise UserError(
                f"{origin}: an experiment cannot import ({statement.format()!r}); every class that "
                "can be set is known already, `bert-jax config EXPERIMENT` lists them"
            )
        elif isinstance(statement, config_parser.BindingStatement):
            key = f"{statement.selector}.{statement.arg_name}".rstrip(".")
            scoped = f"{statement.scope}/{key}".lstrip("/")
            binding = _binding(scoped, statement.value, origin)
            _check_value(binding)
            yield binding


class _Delegate(config_parser.ParserDelegate):
    """Keeps macros as they are written; a reference is refused where it stands."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Any:
        del evaluate
        raise UserError(f"@{scoped_configurable_name} is a reference; every value is a literal")

    def macro(self, macro_name: str) -> Macro:
        return Macro(macro_name)


def _parse(path: Path, text: str) -> Iterator[Any]:
    """The statements of a text as gin's parser reads them."""
    line = 1
    try:
        parser = config_parser.ConfigParser(text, _Delegate())
        while True:
            line = parser.current_token.start[0]
            statement = parser.parse_statement()
            if statement is None:
                return
            yield statement
    except SyntaxError as error:
        where = Origin(path=path, line=error.lineno or line)
        raise UserError(f"{where}: {_syntax_message(error)}") from error
    except tokenize.TokenError as error:
        where = Origin(path=path, line=min(error.args[1][0], len(text.splitlines()) or 1))
        raise UserError(f"{where}: the file ends inside a bracket or a string") from error
    except UserError as error:
        # From the delegate; gin adds its own description of the place after the first line.
        where = Origin(path=path, line=parser.current_token.start[0])
        raise UserError(f"{where}: {str(error).splitlines()[0]}") from error


def _syntax_message(error: SyntaxError) -> str:
    line = (error.text or "").strip()
    token = re.search(r"Failed to parse token '(.*)'", error.msg or "", re.DOTALL)
    if token:
        word = token.group(1)
        hint = "True" if word.lower() == "true" else "False" if word.lower() == "false" else ""
        wanted = f"write {hint}" if hint else f"a string needs quotes: '{word}'"
        return f"{word} is no value ({line!r}); {wanted}"
    reason = " ".join((error.msg or "").split()).rstrip(".")
    return f"this cannot be read as gin: {line!r} ({reason[:1].lower()}{reason[1:]})"


def _include_path(name: str, including: Path, root: Path, origin: Origin) -> Path:
    for folder in (including.parent, root):
        if (folder / name).is_file():
            return folder / name
    # The ending that all share makes no two names alike.
    known = (p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.gin"))
    near = nearest(name.removesuffix(".gin"), known)
    hint = f"; did you mean {near}.gin?" if near else ""
    raise UserError(f"{origin}: there is no {name!r} beside this file or in {root}{hint}")


def _binding(scoped_name: str, value: Any, origin: Origin) -> Binding:
    scope, selector, arg_name = config_parser.parse_binding_key(scoped_name)
    if not arg_name:  # a macro, whose scope is part of its name
        return Binding(owner="", name=f"{scope}/{selector}".lstrip("/"), value=value, origin=origin)
    return Binding(scope=scope, owner=selector, name=arg_name, value=value, origin=origin)


def _parts(value: Any) -> Iterator[Any]:
    """A value and everything inside it."""
    yield value
    inside: Any = ()
    if isinstance(value, dict):
        inside = (*value.keys(), *value.values())
    elif isinstance(value, list | tuple):
        inside = value
    for part in inside:
        yield from _parts(part)


def _check_value(binding: Binding) -> None:
    """Refuse what gin's syntax cannot write again: infinities and sets, for instance."""
    kinds = (int, float, str, type(None), list, tuple, dict, Macro)
    for part in _parts(binding.value):
        if not isinstance(part, kinds) or (isinstance(part, float) and not math.isfinite(part)):
            raise UserError(
                f"{binding.origin}: {binding.key} is {part!r}; it must be a finite number, a "
                "string, True, False or None"
            )
