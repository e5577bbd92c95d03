"""argparse as this command line wants it: one-line errors, and `-` the same as `_` in a flag."""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from bert_jax.errors import UserError
from bert_jax.recipes.overrides import Override
from bert_jax.suggest import did_you_mean

GIN = "--gin"
_MISSING = "the following arguments are required: "


class CommandParser(argparse.ArgumentParser):
    """The parser of one command. A mistake is a `UserError`, which the command line prints."""

    def __init__(
        self, command: str, usage: str, description: str, example: str, more: str = ""
    ) -> None:
        self.command = f"bert-jax {command}"
        # What the user typed for each rewritten --gin flag.
        self._typed: dict[str, str] = {}
        # A flag and a value after which the rest belongs to another program.
        self.hand_over_after: tuple[str, str] | None = None
        # A flag that an argument may be left out for, by the argument.
        self.or_flag: dict[str, str] = {}
        self._given: list[str] = []
        super().__init__(
            prog=self.command,
            usage=f"{self.command} {usage}",
            description=description,
            epilog=f"{more}example: {example}",
            allow_abbrev=False,
            formatter_class=_HelpFormatter,
        )
        self._positionals.title = "arguments"
        self._optionals.title = "flags"

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """The arguments after the command's name; `rest` is what belongs to another program.

        Raises:
          UserError: a flag or an argument is unknown, missing or of the wrong kind.
        """
        self._given = list(argv)
        required = [action for action in self._actions if action.required]
        if required and not argv:
            # argparse, when flags may stand between arguments, would name the flags alone.
            names = [
                action.option_strings[0] if action.option_strings else str(action.metavar)
                for action in required
            ]
            self.error(f"{_MISSING}{', '.join(names)}")
        argv, rest = self._handed_over(argv)
        # Intermixed: `predict MODEL --top_k 3 TEXT` puts a flag between two arguments.
        arguments, extra = self.parse_known_intermixed_args(self._normalised(argv))
        if extra:
            kind = "flag" if extra[0].startswith("-") and extra[0] != "-" else "argument"
            raise UserError(f"{self.command} takes no {kind} {extra[0]!r}; see {self._help}")
        arguments.rest = rest
        return arguments

    def _handed_over(self, argv: Sequence[str]) -> tuple[list[str], list[str]]:
        """What is ours, up to `hand_over_after`, and what comes after it."""
        if self.hand_over_after is not None:
            flag, value = self.hand_over_after
            for i, argument in enumerate(argv):
                if argument == f"{flag}={value}":
                    return list(argv[: i + 1]), list(argv[i + 1 :])
                if argument == flag and list(argv[i + 1 : i + 2]) == [value]:
                    return list(argv[: i + 2]), list(argv[i + 2 :])
        return list(argv), []

    def error(self, message: str) -> Any:
        """Raise argparse's message as a `UserError`."""
        message = message.removeprefix("argument ")
        if message.startswith(_MISSING):
            message = self._missing(message.removeprefix(_MISSING).split(", "))
        flag, colon, problem = message.partition(": ")
        after = self._after(flag) if problem == "expected one argument" else ""
        if re.match(r"-\.?\d", after):
            # argparse takes it for a flag, as it is no number by itself.
            message = f"{flag}{colon}write {flag}={after}"
        raise UserError(f"{message}; see {self._help}")

    def _missing(self, names: Sequence[str]) -> str:
        """`missing: MODEL; and a TEXT or --file`."""
        told = [", ".join(name for name in names if name not in self.or_flag)]
        told += [
            f"a {name} or {flag}"
            for name, flag in self.or_flag.items()
            if name in names and not any(a.partition("=")[0] == flag for a in self._given)
        ]
        return f"missing: {'; and '.join(told)}"

    def _after(self, flag: str) -> str:
        """What was typed after a flag; nothing where that is the last."""
        pairs = zip(self._given, self._given[1:], strict=False)
        return next((b for a, b in pairs if a.replace("-", "_") == flag.replace("-", "_")), "")

    def gin_override(self, text: str) -> Override:
        """What `--gin`'s value sets; its `flag` is what the user typed."""
        return Override.parse(text, self._typed.get(text))

    @property
    def _help(self) -> str:
        return f"{self.command} --help"

    @property
    def _flags(self) -> list[str]:
        return [option for option in self._option_string_actions if option.startswith("--")]

    def _normalised(self, argv: Sequence[str]) -> list[str]:
        """The arguments with flags as argparse knows them; an unknown one is an error here.

        `--run-dir x` becomes `--run_dir x`, and `--gin.NAME=VALUE` (or `--gin.NAME VALUE`) becomes
        `--gin NAME=VALUE`.
        """
        result: list[str] = []
        rest = list(argv)
        while rest:
            typed = rest.pop(0)
            if typed == "--":
                return [*result, typed, *rest]
            name, equals, value = typed.partition("=")
            if not name.startswith("--"):
                result.append(typed)
            elif name.startswith(f"{GIN}.") and GIN in self._flags:
                if not equals and rest and not rest[0].startswith("--"):
                    typed = f"{typed}={rest.pop(0)}"
                text = typed.removeprefix(f"{GIN}.")
                self._typed[text] = typed
                result.append(f"{GIN}={text}")
            else:
                result.append(self._known_flag(name) + equals + value)
        return result

    def _known_flag(self, typed: str) -> str:
        flag = "--" + typed.removeprefix("--").replace("-", "_")
        if flag in self._flags:
            return flag
        if "." in typed and GIN in self._flags:
            hint = f"; did you mean {GIN}.{typed.removeprefix('--')}?"
        else:
            hint = did_you_mean(flag, self._flags)
        raise UserError(f"{self.command} has no flag {typed}{hint or f'; see {self._help}'}")


class Once(argparse.Action):
    """A flag of which the last one would silently win, where a person means all of them."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Take the value; argparse's error where there is one already."""
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "given twice; give it once")
        setattr(namespace, self.dest, values)


class _HelpFormatter(argparse.HelpFormatter):
    """Shows `--gin` as it is typed, and keeps the lines of the end as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(
            super(_HelpFormatter, self)._fill_text(line, width, indent)
            for line in text.splitlines()
        )

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if action.option_strings == [GIN]:
            return f"{GIN}.NAME=VALUE"
        return super()._format_action_invocation(action)


def add_case(parser: CommandParser) -> None:
    """`--cased` and `--uncased`, of which one may be given; None where neither is."""
    case = parser.add_mutually_exclusive_group()
    case.add_argument(
        "--cased",
        action="store_true",
        default=None,
        help="for a bare vocab.txt, which cannot say so: it is cased",
    )
    case.add_argument("--uncased", dest="cased", action="store_false", help="or it is uncased")


def whole_number(text: str) -> int:
    """An argparse type: `100`, `1_000_000`."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def positive(text: str) -> int:
    """An argparse type: a whole number, at least 1."""
    found = whole_number(text)
    if found < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few; it must be at least 1")
    return found


def number(text: str) -> float:
    """An argparse type: `1e-4`."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise argparse.ArgumentTypeError(f"{text!r} is no finite number")
    return found


def path(text: str) -> str:
    """An argparse type: the path of something; the empty one would be the present folder."""
    if not text:
        raise argparse.ArgumentTypeError("a path is needed; the one given is empty")
    return text


def choice(choices: Sequence[str], what: str) -> Callable[[str], str]:
    """An argparse type: one of `choices`, with `-` and `_` the same; `what` is for the error."""

    def convert(text: str) -> str:
        for known in choices:
            if known.replace("-", "_") == text.replace("-", "_"):
                return known
        hint = did_you_mean(text, choices) or f"; there are {', '.join(choices)}"
        raise argparse.ArgumentTypeError(f"there is no {what} {text!r}{hint}")

    return convert
