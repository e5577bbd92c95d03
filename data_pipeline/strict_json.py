"""JSON that somebody else may have written."""

from __future__ import annotations

import json
from typing import Any

# Of a whole number; more are refused by Python too, in words about itself.
_MOST_DIGITS = 4300


def parse_json(text: str | bytes) -> Any:
    """`json.loads`; whatever is wrong with the text is a ValueError, nesting too deep as well."""
    try:
        return json.loads(text, parse_int=_parse_int)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _parse_int(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"it has a number of {len(digits):,} digits")
    return int(digits)
