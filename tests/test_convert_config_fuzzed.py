"""Models whose JSON somebody else wrote, with anything changed: opened, or refused in one line.

`BERT_JAX_FUZZ_CASES` is the number of cases of each test.
"""

import json
import os
import tracemalloc
from copy import deepcopy
from pathlib import Path
from typing import Any

import jax
import pytest
from converted import small_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bad_input_fuzzed import CHANGES, changed
from test_convert_read import google_folder
from test_tokenization_fuzzed import LIES, places_in

from bert_jax.config import BertConfig
from bert_jax.config_file import config_json, read_config_file
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from data_pipeline.errors import DataError

pytestmark = [
    pytest.mark.heavy,
    # Of an initializer_range beyond float32, where nothing is initialised.
    pytest.mark.filterwarnings("ignore:overflow encountered in cast"),
]

# The same cases every time, unless more are asked for: then others.
CASES = settings(
    max_examples=int(os.environ.get("BERT_JAX_FUZZ_CASES", "120")),
    derandomize="BERT_JAX_FUZZ_CASES" not in os.environ,
    deadline=None,
)
MAX_ALLOCATED = 32 * 2**20

KEYS = st.sampled_from(
    [
        *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "hidden_act"),
        *("intermediate_size", "max_position_embeddings", "type_vocab_size", "pad_token_id"),
        *("layer_norm_eps", "hidden_dropout_prob", "classifier_dropout", "architectures"),
        *("id2label", "num_labels", "problem_type", "pair_task", "model_type", "is_decoder"),
        *("pruned_heads", "quantization_config", "weight_map", "metadata", "path", "type"),
        *("pooling_mode", "pooling_mode_mean_tokens", "max_seq_length", "head", "\ud800"),
    ]
)
PLACES = st.sampled_from(
    ["../m", "/etc", "..", "", "\0", "\ud800", "a" * 5000, "a\nb", "~", "1_Pooling/../../x"]
)


def deep(depth: int) -> Any:
    """A list in a list."""
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


VALUES = LIES | PLACES | st.integers(1, 2**18) | st.integers(200, 960).map(deep)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models in several layouts; each case leaves their files as they were."""
    folder = tmp_path_factory.mktemp("models")
    small_folder(folder / "bert", tokenizer=True)
    small_folder(folder / "sentences", HeadConfig(task="encoder", pooling="mean", normalize=True))
    labels = HeadConfig(task="sequence_classification", labels=("a", "b"))
    small_folder(folder / "classifier", labels)
    google_folder(folder / "google")
    sharded = folder / "sharded"
    small_folder(sharded)
    (sharded / "model.safetensors").rename(sharded / "model-1.safetensors")
    names = list(_names(sharded / "model-1.safetensors"))
    index = {"weight_map": dict.fromkeys(names, "model-1.safetensors")}
    (sharded / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def _names(path: Path) -> list[str]:
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return [name for name in header if name != "__metadata__"]


def open_or_refuse(model: Path) -> None:
    """With little memory, and without writing anything."""
    before = sorted(model.rglob("*"))
    said = ""
    tracemalloc.start()
    try:
        opened = open_model(model)
        jax.tree.map(lambda leaf: leaf.shape, opened.weights.read())
    except (UserError, DataError) as error:
        said = str(error)
        assert str(model) in said
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert said.isprintable()
    assert len(said) < 1000
    assert peak < MAX_ALLOCATED
    assert sorted(model.rglob("*")) == before


def with_file(path: Path, content: bytes, model: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        open_or_refuse(model)
    finally:
        path.write_bytes(whole)


def test_each_model_is_opened_where_nothing_is_changed(folder: Path) -> None:
    for model in sorted(folder.iterdir()):
        open_model(model).weights.read()


@CASES
@given(data=st.data(), changes=CHANGES)
def test_json_with_changed_bytes_is_opened_or_refused(
    folder: Path, data: st.DataObject, changes: list[tuple[float, int, bytes]]
) -> None:
    path = data.draw(st.sampled_from(sorted(folder.rglob("*.json"))))
    model = folder / path.relative_to(folder).parts[0]
    with_file(path, changed(path.read_bytes(), changes), model)


@CASES
@given(data=st.data())
def test_json_with_lies_is_opened_or_refused(folder: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(folder.rglob("*.json"))))
    facts = json.loads(path.read_text("utf-8"))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, key = data.draw(st.sampled_from(places_in(facts) or [("new",)]))
        inner = facts
        for step in way:
            inner = inner[step]
        if isinstance(inner, dict) and data.draw(st.booleans()):
            key = data.draw(KEYS)
        inner[key] = deepcopy(data.draw(VALUES))
    with_file(path, json.dumps(facts).encode(), folder / path.relative_to(folder).parts[0])


@CASES
@given(data=st.data(), changes=st.none() | CHANGES)
def test_a_runs_config_is_read_or_refused(
    folder: Path, data: st.DataObject, changes: list[tuple[float, int, bytes]] | None
) -> None:
    text = config_json(
        BertConfig.tiny(pair_task="none"),
        HeadConfig(task="token_classification", labels=("O", "B"), classifier_dropout=0.2),
    )
    path = folder.parent / f"{folder.name}.json"
    if changes is None:
        facts = json.loads(text)
        inner = data.draw(st.sampled_from([facts, facts["head"]]))
        inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(VALUES)
        path.write_text(json.dumps(facts))
    else:
        path.write_bytes(changed(text.encode(), changes))
    said = ""
    try:
        read_config_file(path)
    except UserError as error:
        said = str(error)
        assert str(path) in said
    assert said.isprintable()
    assert len(said) < 1000
