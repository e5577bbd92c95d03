"""Files of a tokeniser that somebody else may have written, as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data_pipeline.errors import DataError
from data_pipeline.strict_json import parse_json

# Of a file. The largest vocabularies, of a quarter of a million pieces, take half of it.
_MOST_BYTES = 1 << 26


def read_limited(path: Path) -> bytes:
    """The content of a tokeniser's file; DataError where it has more bytes than any such file."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise DataError(
            f"{path}: has {size:,} bytes, and no file of a tokeniser has more than {_MOST_BYTES:,}"
        )
    return path.read_bytes()


def read_vocab(path: Path) -> list[str]:
    """One token a line. Only the line end is taken off: a token may be any other white space."""
    try:
        text = read_limited(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: a vocabulary must be UTF-8 text: {error.reason}") from error
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip("\n")
    return text.split("\n") if text else []


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; DataError where there is none."""
    content = read_limited(path)
    try:
        value = parse_json(content.decode("utf-8"))
        _check_encodable(content, value)
    except ValueError as error:
        raise DataError(f"{path}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: must hold a JSON object")
    return value


def _check_encodable(content: bytes, value: Any) -> None:
    """UnicodeEncodeError where a text holds half of a surrogate pair, which JSON can escape."""
    if b"\\ud" in content or b"\\uD" in content:
        json.dumps(value, ensure_ascii=False).encode()
