"""Small models in Hugging Face's layout, shared by tests of what reads and writes them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from models import small_config
from test_task_heads import random_params

from bert_jax.convert.model import Model, Weights
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.safetensors_writer import write_safetensors
from bert_jax.convert.write import write_hugging_face
from bert_jax.head_config import HeadConfig
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

# Any JSON, nested a little; numbers that no file should hold too.
_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, 10**400, -1, 0])
    | st.floats()
    | st.text(max_size=5)
)


def any_json(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Plain values, and lists and objects with such keys, three deep."""
    found = _PLAIN
    for _ in range(3):
        found = _PLAIN | st.lists(found, max_size=3) | st.dictionaries(keys, found, max_size=3)
    return found


Tensors = dict[str, np.ndarray]


def small_tokenizer() -> Tokenizer:
    """As many tokens as `small_config` has."""
    return Tokenizer([*SPECIALS, *(f"w{i}" for i in range(125))], Rules(cased=False))


def small_model(
    head: HeadConfig | None = None, *, tokenizer: bool = False, **fields: Any
) -> tuple[Model, Any]:
    """A model that is nowhere yet, and its weights."""
    head = head or HeadConfig()
    if head.task != "pretraining":
        fields = {"pair_task": "none", **fields}
    config = small_config(**fields)
    params = random_params(config, head)
    weights = Weights(config, head, lambda: params)
    return Model("run", Path("none"), weights, small_tokenizer() if tokenizer else None), params


def small_folder(
    folder: Path, head: HeadConfig | None = None, *, tokenizer: bool = False, **fields: Any
) -> Any:
    """Write `small_model` in Hugging Face's layout, and return its weights."""
    model, params = small_model(head, tokenizer=tokenizer, **fields)
    write_hugging_face(model, params, folder)
    return params


def change_tensors(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Write a folder's tensors anew, changed by a function of them."""
    file = open_tensors(folder)
    write_safetensors(folder, change({name: file.read(name) for name in file.tensors()}))


def change_config(folder: Path, **values: Any) -> None:
    """Set values of a folder's `config.json`; None takes one out."""
    path = folder / "config.json"
    found = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))
