"""Bytes at random, and whole files with some bytes changed: a success, or one clear line."""

import bz2
import gzip
import io
import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import GOOD, is_whole, prepare_arguments, tokenizer_folder

from bert_jax import cli
from data_pipeline.documents import units_of
from data_pipeline.documents.inputs import open_sources
from data_pipeline.errors import DataError
from data_pipeline.tokenization.tokenizer import load_tokenizer

LINES = b"".join(b'{"text": "The cat sat %d. A cat.", "n": [1, null]}\n' % n for n in range(9))
DUMP = b"<mediawiki>" + b"".join(
    b"<page><ns>0</ns><revision><text>The '''cat''' {{x|%d}} [[a|b]]\n* a\n{|\n|}</text>"
    b"</revision></page>" % n
    for n in range(9)
)
DUMP += b"</mediawiki>"


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": [f"The cat {n}." for n in range(9)]}), sink)
    return sink.getvalue()


WHOLE = {
    "a.txt": GOOD[:200],
    "a.txt.gz": gzip.compress(GOOD[:200], mtime=0),
    "a.jsonl": LINES,
    "a.jsonl.bz2": bz2.compress(LINES),
    "a.parquet": parquet(),
    "a.xml": DUMP,
    "a.xml.bz2": bz2.compress(DUMP),
    "no_suffix": GOOD[:200],
}
# What parsers stumble over.
PIECES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [
            *(
                b"\0",
                b"\n",
                b"\r",
                b"\n\n",
                b'"',
                b"{",
                b"[",
                b"}",
                b"&",
                b"<",
                b"'''",
                b"9" * 5000,
            ),
            *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"\xe2\x80\xa8", b"NaN"),
            *(b"<page>", b"</page>", b"</mediawiki>", b"{{" * 99, b"[[" * 99, b"[" * 9999, b"-1"),
            *(b"\x1f\x8b", b"BZh9", b"PAR1", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"null", b"1e999"),
        ]
    ),
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), PIECES), min_size=1, max_size=4)


def changed(content: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """`content` with stretches of it replaced: (where, how many bytes, by what) each."""
    for where, length, piece in changes:
        at = int(where * len(content))
        content = content[:at] + piece + content[at + length :]
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokeniser, a text and its store; nobody may change them."""
    folder = tmp_path_factory.mktemp("fuzzed")
    tokenizer = tokenizer_folder(folder / "tokenizer")
    load_tokenizer(tokenizer).save(folder / "full")
    (folder / "good.txt").write_bytes(GOOD)
    command = prepare_arguments(folder / "good.txt", folder / "full", folder / "store")
    assert cli.main([*map(str, command)]) == 0
    return folder


def check_words(error: DataError, path: Path | str = "") -> None:
    """An error says something, and of which file."""
    assert str(error).strip()
    assert str(path) in str(error)


@settings(max_examples=250)
@given(
    name=st.sampled_from(sorted(WHOLE)),
    content=st.one_of(st.binary(max_size=300), CHANGES),
    lines=st.sampled_from(["auto", "sentence", "document"]),
)
def test_a_file_of_any_bytes_is_read_or_refused(
    name: str, content: bytes | list[tuple[float, int, bytes]], lines: str
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / name
        is_new = isinstance(content, bytes)
        path.write_bytes(content if is_new else changed(WHOLE[name], content))
        try:
            for unit in units_of(open_sources([path], lines), lambda n: None):
                for document in unit.parse(unit.content).documents:
                    assert all(line and not line.isspace() for line in document)
                    "\n".join(document).encode()
        except DataError as error:
            check_words(error, path)


@settings(max_examples=30)
@given(name=st.sampled_from(sorted(WHOLE)), changes=CHANGES)
def test_what_is_prepared_of_a_changed_file_is_whole_or_not_there(
    folder: Path, name: str, changes: list[tuple[float, int, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        path, store = Path(scratch) / name, Path(scratch) / "store"
        path.write_bytes(changed(WHOLE[name], changes))
        status = cli.main([*map(str, prepare_arguments(path, folder / "full", store))])
        assert status in (0, 2)
        assert is_whole(store) is (status == 0)
        there = {path.name for path in Path(scratch).iterdir()}
        assert there == ({name, "store"} if status == 0 else {name})


@settings(max_examples=100)
@given(
    name=st.sampled_from(["vocab.txt", "tokenizer.json", "tokenizer_config.json"]),
    content=st.one_of(st.binary(max_size=300), CHANGES),
    others=st.booleans(),
)
def test_a_tokenizer_of_any_bytes_is_opened_or_refused(
    folder: Path, name: str, content: bytes | list[tuple[float, int, bytes]], others: bool
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "tokenizer"
        if others:
            shutil.copytree(folder / "full", copy)
        else:
            copy.mkdir()
        is_new = isinstance(content, bytes)
        whole = (folder / "full" / name).read_bytes()
        (copy / name).write_bytes(content if is_new else changed(whole, content))
        for cased in (None, False, True):
            try:
                load_tokenizer(copy, cased).encode("The cat sat.")
            except DataError as error:
                check_words(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(max_examples=25)
@given(data=st.data())
def test_a_store_with_a_changed_file_is_opened_or_refused(
    folder: Path, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "store"
        shutil.copytree(folder / "store", store)
        files = sorted(path for path in store.rglob("*") if path.is_file())
        path = data.draw(st.sampled_from(files))
        if path.name in ("manifest.json", "origins.json") and data.draw(st.booleans()):
            # JSON as it should be, with a value that should not.
            facts = json.loads(path.read_text())
            inner = facts if isinstance(facts, dict) else facts[0]
            if data.draw(st.booleans()) and isinstance(inner.get("splits"), dict):
                inner = inner[data.draw(st.sampled_from(["splits", "tokenizer", "files"]))]
            inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
            path.write_text(json.dumps(facts))
        elif path.suffix == ".npy" and data.draw(st.booleans()):
            # Of the same size, as a disk changes it.
            content = bytearray(path.read_bytes())
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
            path.write_bytes(content)
        else:
            path.write_bytes(changed(path.read_bytes(), data.draw(CHANGES)))
        show = ["show-batch", "tiny", "--data", store, "--step", 1, "--batch_size", 2]
        again = prepare_arguments(folder / "good.txt", folder / "full", store)
        command = data.draw(st.sampled_from([["inspect", store], show, again]))
        assert cli.main([*map(str, command)]) in (0, 2)
