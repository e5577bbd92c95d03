"""Encoders that make vectors of sentences, in the layout of sentence-transformers.

`modules.json` lists what follows on each other: the encoder, a pooling of its tokens, and maybe a
division by the vector's length (arXiv 1908.10084).
"""

import json
from pathlib import Path
from typing import Any

from bert_jax.config import BertConfig
from bert_jax.convert.hf_config import FILE, read_json_object
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from data_pipeline.strict_json import parse_json

MODULES = "modules.json"
_LARGEST_FILE = 1_000_000
_SENTENCES = "sentence_bert_config.json"
# Their switch -> our pooling.
_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
}
_MODES = {"cls": "cls", "mean": "mean", "max": "max"}


def read_pooling(folder: Path) -> dict[str, Any] | None:
    """The fields `pooling` and `normalize` of a `HeadConfig`; None where there is no modules.json.

    Raises:
      UserError: it lists modules that we do not have, or a pooling of several kinds.
    """
    path = folder / MODULES
    if not path.is_file():
        return None
    kinds, pooling = _kinds(path), None
    for kind, place in kinds:
        if kind == "Pooling":
            config_path = folder / place / "config.json"
            pooling = _pooling(config_path)
    names = [kind for kind, _ in kinds]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise UserError(
            f"{path} lists {printable(' -> '.join(names))}; known are Transformer -> Pooling, and "
            "Normalize after it"
        )
    return {"pooling": pooling, "normalize": "Normalize" in names}


def read_max_length(folder: Path) -> int | None:
    """Tokens that sentences are cut to; None where the folder does not say it."""
    path = folder / _SENTENCES
    length = read_json_object(path).get("max_seq_length") if path.is_file() else None
    return length if type(length) is int and length > 0 else None


def write_modules(folder: Path, config: BertConfig, head: HeadConfig, max_length: int) -> None:
    """Write what sentence-transformers opens beside the encoder's own files."""
    modules = ["Transformer", "Pooling", *(["Normalize"] if head.normalize else [])]
    listed: list[dict[str, Any]] = [
        {
            "idx": i,
            "name": str(i),
            "path": f"{i}_{kind}" if i else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for i, kind in enumerate(modules)
    ]
    pooling = {"word_embedding_dimension": config.hidden_size}
    pooling |= {theirs: ours == head.pooling for theirs, ours in _POOLINGS.items()}
    contents: dict[str, Any] = {
        MODULES: listed,
        _SENTENCES: {"max_seq_length": max_length, "do_lower_case": False},
        f"{listed[1]['path']}/{FILE}": pooling,
    }
    for name, values in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    if head.normalize:
        (folder / listed[2]["path"]).mkdir()


def _kinds(path: Path) -> list[tuple[str, str]]:
    """Class and folder of every module."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"it has {path.stat().st_size:,} bytes")
        modules = parse_json(path.read_bytes())
        found = [(str(each["type"]).rpartition(".")[2], str(each["path"])) for each in modules]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is no list of modules: {printable(str(error))}") from error
    inside = path.parent.resolve()
    for _, place in found:
        # A null byte is in no path, and neither is half of a surrogate pair.
        if not place.isprintable() or not (inside / place).resolve().is_relative_to(inside):
            raise UserError(f"{path} names {printable(place)}, which is outside its folder")
    return found


def _pooling(path: Path) -> str:
    values = read_json_object(path)
    known = [ours for theirs, ours in _POOLINGS.items() if values.get(theirs) is True]
    others = [
        name
        for name in values
        if name.startswith("pooling_mode_") and name not in _POOLINGS and values[name] is True
    ]
    if "pooling_mode" in values and not known:
        known = [_MODES[m] for m in [values["pooling_mode"]] if isinstance(m, str) and m in _MODES]
    if len(known) != 1 or others:
        raise UserError(
            f"{path} pools by {printable(', '.join([*known, *others]) or 'nothing')}; it must be "
            f"one of {', '.join(_MODES)}"
        )
    return known[0]
