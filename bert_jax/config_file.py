"""`config.json` of a run: the shape of its model, and its head."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.sentence_config import SentenceConfig

# The key of the fields of a `HeadConfig`; a model without it has the head it was pretrained with.
_HEAD = "head"
# The key of the fields of a `SentenceConfig`.
_SENTENCES = "sentences"


def config_json(
    config: BertConfig, head: HeadConfig | None = None, sentences: SentenceConfig | None = None
) -> str:
    """The text of a `config.json`: Hugging Face's keys where it has them, and ours."""
    values = {"model_type": "bert", **dataclasses.asdict(config)}
    if head is not None and head.facts():
        values[_HEAD] = head.facts()
    if sentences is not None and sentences.facts():
        values[_SENTENCES] = sentences.facts()
    return json.dumps(values, indent=2) + "\n"


def read_config_file(path: Path) -> tuple[BertConfig, HeadConfig]:
    """Read a `config.json`; keys that are not ours are left alone.

    Raises:
      UserError: the file is missing, is not a JSON object, or holds a value out of range.
    """
    values = _read(path)
    try:
        config = BertConfig(**_fields(BertConfig, values))
        return config, HeadConfig(**_fields(HeadConfig, _object(values, _HEAD)))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def read_sentence_config(path: Path) -> SentenceConfig:
    """How a text is read for a vector, of the same `config.json`; the defaults if it is not said.

    Raises:
      UserError: as `read_config_file`.
    """
    values = _read(path)
    try:
        return SentenceConfig(**_fields(SentenceConfig, _object(values, _SENTENCES)))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as a model's config.json: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds {type(values).__name__}, it must hold a JSON object")
    return values


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, dict):
        raise UserError(f"{name} is {type(found).__name__}, it must be a JSON object")
    return found


def _fields(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if name in names}
