"""`config.json` of a run: the shape of its model, and its head."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.regular_files import check_regular

# The key of the fields of a `HeadConfig`; a model without it has the head it was pretrained with.
_HEAD = "head"


def config_json(config: BertConfig, head: HeadConfig | None = None) -> str:
    """The text of a `config.json`: Hugging Face's keys where it has them, and ours."""
    values = {"model_type": "bert", **dataclasses.asdict(config)}
    if head is not None and head.facts():
        values[_HEAD] = head.facts()
    return json.dumps(values, indent=2) + "\n"


def read_config_file(path: Path) -> tuple[BertConfig, HeadConfig]:
    """Read a `config.json`; keys that are not ours are left alone.

    Raises:
      UserError: the file is missing, is not a JSON object, or holds a value out of range.
    """
    check_regular(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as a model's config.json: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds {type(values).__name__}, it must hold a JSON object")
    head = values.get(_HEAD, {})
    if not isinstance(head, dict):
        raise UserError(f"{path}: {_HEAD} is {type(head).__name__}, it must be a JSON object")
    try:
        return BertConfig(**_fields(BertConfig, values)), HeadConfig(**_fields(HeadConfig, head))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _fields(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}
