"""Encoders that make vectors of sentences, in the layout of sentence-transformers: written."""

import json
from pathlib import Path
from typing import Any

from bert_jax.config import BertConfig
from bert_jax.convert.hf_config import FILE
from bert_jax.convert.sentence_encoder import MODULES, PACKAGE, PROMPTS, SENTENCES, SWITCHES
from bert_jax.head_config import HeadConfig
from bert_jax.sentence_config import SentenceConfig


def write_modules(
    folder: Path, config: BertConfig, head: HeadConfig, sentences: SentenceConfig
) -> None:
    """Write what sentence-transformers opens beside the encoder's own files.

    Args:
      folder: of the encoder.
      config: of the encoder.
      head: how it pools.
      sentences: how it reads a text; with a length.
    """
    modules = ["Transformer", "Pooling", *(["Normalize"] if head.normalize else [])]
    listed: list[dict[str, Any]] = [
        {
            "idx": i,
            "name": str(i),
            "path": f"{i}_{kind}" if i else "",
            "type": f"{PACKAGE}.models.{kind}",
        }
        for i, kind in enumerate(modules)
    ]
    pooling = {"word_embedding_dimension": config.hidden_size, **_pooling(head.pooling)}
    if not sentences.include_prompt:
        pooling["include_prompt"] = False
    contents: dict[str, Any] = {
        MODULES: listed,
        SENTENCES: {
            "max_seq_length": sentences.max_length,
            "do_lower_case": sentences.lowercase,
        },
        f"{listed[1]['path']}/{FILE}": pooling,
    }
    of_model: dict[str, Any] = {}
    if sentences.prompts:
        of_model["prompts"] = sentences.prompts
        of_model["default_prompt_name"] = sentences.default_prompt
    if sentences.truncate_dim is not None:
        of_model["truncate_dim"] = sentences.truncate_dim
    if sentences.similarity is not None:
        of_model["similarity_fn_name"] = sentences.similarity
    if of_model:
        contents[PROMPTS] = of_model
    for name, values in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    if head.normalize:
        (folder / listed[2]["path"]).mkdir()


def _pooling(pooling: str) -> dict[str, Any]:
    """By switches, which every version reads, where their own order is that of the pooling."""
    modes = pooling.split("+")
    switches = {switch: mode in modes for switch, mode in SWITCHES.items()}
    if [SWITCHES[switch] for switch, on in switches.items() if on] == modes:
        return switches
    return {"pooling_mode": modes}
