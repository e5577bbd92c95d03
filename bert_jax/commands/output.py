"""Standard output for programs: one JSON object a line."""

import json
from collections.abc import Mapping
from typing import Any


def print_json(values: Mapping[str, Any]) -> None:
    """Print one object on one line, at once, in ASCII so that every terminal and pipe takes it."""
    print(json.dumps(values), flush=True)


def print_line(line: str) -> None:
    """Print an answer for a person on one line, whatever ends of lines its text holds."""
    print(" ".join(line.splitlines()))


def print_nothing(as_json: bool) -> None:
    """Print the answer to a line that asks nothing: `null` for programs, else an empty line."""
    print("null" if as_json else "", flush=as_json)
