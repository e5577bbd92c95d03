"""Standard output for programs: one JSON object a line."""

import json
from collections.abc import Mapping
from typing import Any


def print_json(values: Mapping[str, Any]) -> None:
    """Print one object on one line, at once, in ASCII so that every terminal and pipe takes it."""
    print(json.dumps(values), flush=True)
