"""Tokenisers that somebody else wrote, with anything changed: one is opened, or one line says why.

`BERT_JAX_FUZZ_CASES` is the number of cases of each test.
"""

import json
import os
import shutil
import tracemalloc
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import tokenizer_folder
from test_bad_input_fuzzed import CHANGES, changed
from test_tokenization_byte_level_tokenizer import learn
from test_tokenization_sentencepiece_tokenizer import TOKENIZERS

from data_pipeline.errors import DataError
from data_pipeline.tokenization.byte_level_tokenizer import ByteLevelTokenizer
from data_pipeline.tokenization.tokenizer import load_tokenizer

pytestmark = pytest.mark.heavy

# The same cases every time, unless more are asked for: then others.
CASES = settings(
    max_examples=int(os.environ.get("BERT_JAX_FUZZ_CASES", "250")),
    derandomize="BERT_JAX_FUZZ_CASES" not in os.environ,
    deadline=None,
)
MAX_ALLOCATED = 16 * 2**20
TEXTS = ["The cat sat.", "walking \ufffd 中文 [MASK]", ""]

# Values that a file of JSON may have where others are meant.
LIES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 500),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(
        [
            *(
                2**31,
                2**63,
                -(2**70),
                10**4000,
                1e308,
                float("inf"),
                float("nan"),
                "",
                "\n",
                "\ud800",
            ),
            *("a\nb" * 300, "\x1b[2J", "x" * 10**5, "[MASK]", "<s>", "##", "9" * 5000, "\u0664"),
            *([], {}, [[]], [1] * 3000, ["a"], [["a", "b"]], {"a": 1}, {"a": "b"}, {"content": 1}),
            *({"content": "\udfff"}, {"content": "zz", "id": 7}, {"type": "NFC"}, {"type": "BPE"}),
            *(
                {"9" * 5000: {"content": "x"}},
                {"-1": {"content": "x"}},
                {"\u0664": {"content": "x"}},
            ),
            *({"type": "Sequence", "normalizers": [{"type": "NFC"}, {}]}, {"type": "WordPiece"}),
            {"type": "a\nb" * 300},
        ]
    ),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tokeniser of each kind, with all files that it can have; nobody may change them."""
    folder = tmp_path_factory.mktemp("tokenizers")
    bare = tokenizer_folder(folder / "bare")
    load_tokenizer(bare).save(folder / "full")
    (bare / "added_tokens.json").write_text('{"new": 9}')
    (bare / "special_tokens_map.json").write_text('{"additional_special_tokens": ["new"]}')
    learn().save(str(folder / "peer.json"))
    (folder / "byte_level").mkdir()
    (folder / "peer.json").rename(folder / "byte_level" / "tokenizer.json")
    opened = load_tokenizer(folder / "byte_level")
    assert isinstance(opened, ByteLevelTokenizer)
    opened.save(folder / "byte_level_full")
    shutil.copytree(folder / "byte_level_full", folder / "byte_level_old")
    (folder / "byte_level_old" / "tokenizer.json").unlink()
    TOKENIZERS["unigram"].save(folder / "sentencepiece")
    return {path.name: path for path in folder.iterdir()}


KINDS = ["bare", "full", "byte_level_full", "byte_level_old", "sentencepiece"]


def open_or_refuse(folder: Path) -> None:
    """With little memory, and without writing anything."""
    before = sorted(path.name for path in folder.iterdir())
    for cased in (None, True):
        tracemalloc.start()
        try:
            tokenizer = load_tokenizer(folder, cased)
            for ids in [*tokenizer.encode_batch(TEXTS), *map(tokenizer.encode_with_masks, TEXTS)]:
                assert all(0 <= i < tokenizer.vocab_size for i in ids)
                tokenizer.decode(ids)
            json.dumps(tokenizer.fingerprint)
        except DataError as error:
            said = str(error)
            assert str(folder) in said
            assert said.isprintable()
            assert len(said) < 1000
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < MAX_ALLOCATED
    assert sorted(path.name for path in folder.iterdir()) == before


@CASES
@given(data=st.data(), kind=st.sampled_from(KINDS), changes=CHANGES)
def test_files_with_changed_bytes_are_opened_or_refused(
    folders: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    kind: str,
    changes: list[tuple[float, int, bytes]],
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "t"
    shutil.copytree(folders[kind], copy)
    path = data.draw(st.sampled_from(sorted(copy.iterdir())))
    path.write_bytes(changed(path.read_bytes(), changes))
    open_or_refuse(copy)
    shutil.rmtree(copy)


def places_in(value: Any, found: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all values in JSON, of long lists and tables the first few."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    inner = []
    for key, each in list(items)[:12]:
        inner.append((*found, key))
        if isinstance(each, dict | list):
            inner += places_in(each, (*found, key))
    return inner


@CASES
@given(data=st.data(), kind=st.sampled_from(KINDS))
def test_json_with_lies_is_opened_or_refused(
    folders: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    kind: str,
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "t"
    shutil.copytree(folders[kind], copy)
    path = data.draw(st.sampled_from(sorted(copy.glob("*.json"))))
    facts = json.loads(path.read_text("utf-8"))
    # What is there is changed, or what may be there is added.
    for _ in range(data.draw(st.integers(1, 3))):
        *way, key = data.draw(st.sampled_from(places_in(facts) or [("new",)]))
        inner = facts
        for step in way:
            inner = inner[step]
        if isinstance(inner, dict) and data.draw(st.booleans()):
            key = data.draw(
                st.sampled_from(["added_tokens_decoder", "model_max_length", "\ud800", "", "a\nb"])
            )
        inner[key] = deepcopy(data.draw(LIES))
    path.write_text(json.dumps(facts))
    open_or_refuse(copy)
    shutil.rmtree(copy)
