"""Standard output: one JSON object a line for programs, one line for a person."""

import json
from collections.abc import Mapping
from typing import Any

from bert_jax.escaping import readable


def print_json(values: Mapping[str, Any]) -> None:
    """Print one object on one line, at once, in ASCII so that every terminal and pipe takes it."""
    print(json.dumps(values), flush=True)


def print_line(text: str) -> None:
    """Print one line for a person: what stands in it, a label of a model say, cannot be obeyed."""
    print(readable(text))


def print_nothing(as_json: bool) -> None:
    """Print the answer to a line that asks nothing: `null` for programs, else an empty line."""
    print("null" if as_json else "", flush=as_json)
