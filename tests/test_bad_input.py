"""Files that are broken: one clear line, and nothing by halves.

Everything goes through the command line. Bytes at random are in `test_bad_input_fuzzed.py`, places
that cannot be written in `test_bad_input_places.py`.
"""

import bz2
import gzip
import json
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from refusals import (
    GOOD,
    VOCAB,
    is_whole,
    outcome,
    prepare_arguments,
    refused,
    tokenizer_folder,
)

import data_pipeline.documents.jsonl as jsonl
import data_pipeline.documents.text as text_module
from data_pipeline.store.token_store import TokenStore


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    return tokenizer_folder(tmp_path / "tokenizer")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "good.txt").write_bytes(GOOD)
    return tmp_path / "good.txt"


@pytest.fixture
def store(text: Path, tokenizer: Path, tmp_path: Path, capsys) -> Path:
    assert outcome(capsys, *prepare_arguments(text, tokenizer, tmp_path / "store")) == (0, "")
    return tmp_path / "store"


LINE = b'{"text": "The cat sat. A cat."}\n'
DUMP = b"<mediawiki><page><ns>0</ns><revision><text>The cat sat.</text></revision></page>"
BROKEN = {
    "nothing": ("a.txt", b"", "there is no text in it (1 file read)"),
    "blank lines": ("a.txt", b"\n \t\n\r\n\n" * 9, "there is no text in it"),
    "a byte order mark": ("a.txt", b"\xef\xbb\xbf", "there is no text in it"),
    "no UTF-8": ("a.txt", b"\xff\xc0" * 99, "does not look like UTF-8 text: 100% of"),
    "NUL": ("a.txt", b"\0" * 99, "does not look like UTF-8 text: 100% of"),
    "UTF-16": ("a.txt", GOOD.decode().encode("utf-16"), "is UTF-16, and UTF-8 is needed"),
    "a zip archive": ("a.txt", b"PK\x03\x04" + GOOD, "is a zip archive; unpack it"),
    "a cut gz": ("a.txt.gz", gzip.compress(GOOD)[:-9], "damaged gzip file: Compressed file ended"),
    "the start of a gz": ("a.txt.gz", gzip.compress(GOOD)[:11], "damaged gzip file"),
    "an empty gz": ("a.txt.gz", gzip.compress(b""), "there is no text in it"),
    "text named gz": ("a.txt.gz", GOOD, "is named .gz but does not hold gzip data"),
    "a changed gz": (
        "a.gz",
        (packed := gzip.compress(GOOD, mtime=0))[:40] + b"\0\0" + packed[42:],
        "damaged gzip file",
    ),
    "a cut bz2": ("a.txt.bz2", bz2.compress(GOOD)[:-9], "damaged bzip2 file"),
    "JSON in text": ("a.txt", LINE * 9, "holds JSON lines, and would be read as plain text"),
    "a table in text": ("a.txt", b"id,text\n" + b"1,The cat.\n" * 9, "is a table with the columns"),
    "no key": ("a.jsonl", LINE * 2 + b'{"body": "x"}\n', "line 3: has no 'text', but 'body'"),
    "a number": ("a.jsonl", LINE + b'{"text": 3}\n', "line 2: 'text' must be a string; got 3"),
    "a list": ("a.jsonl", LINE + b'{"text": []}\n', "line 2: 'text' must be a string; got []"),
    "no object": ("a.jsonl", LINE + b"[1]\n", "line 2: a JSON object is needed; got [1]"),
    "no JSON": ("a.jsonl", LINE + b"The cat.\n", "line 2: is no JSON: Expecting value"),
    "a cut line": ("a.jsonl", LINE * 3 + LINE[:-9], "line 4: is no JSON: Unterminated string"),
    "an array": ("a.json", b"[\n" + LINE, "one object a line is needed: `jq -c .[] FILE`"),
    "a deep array": ("a.jsonl", b"[" * 100_000, "line 1: is no JSON"),
    "text named parquet": ("a.parquet", GOOD, "cannot be read as a Parquet file"),
    "an empty parquet": ("a.parquet", b"", "there is no text in it"),
    "text named xml": ("a.xml", GOOD, "is no MediaWiki dump"),
    "a cut dump": ("a.xml", DUMP * 9, "the dump ends early, without </mediawiki>"),
    "broken XML": ("a.xml", DUMP + b"<page><b></page></mediawiki>", "page 2: broken XML"),
}
WHOLE = {
    ".txt": GOOD,
    ".gz": gzip.compress(GOOD),
    ".bz2": bz2.compress(GOOD),
    ".jsonl": (lines := b"".join(b'{"text": "The cat sat %d."}\n' % n for n in range(40))),
    ".json": lines,
    ".xml": b"<mediawiki>"
    + b"".join(DUMP.removeprefix(b"<mediawiki>").replace(b".", b" %d." % n) for n in range(40))
    + b"</mediawiki>",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_broken_is_refused_with_its_name_and_a_whole_one_is_taken_in_its_place(
    tmp_path: Path, tokenizer: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    name, content, message = BROKEN[case]
    path, store, learned = tmp_path / name, tmp_path / "store", tmp_path / "learned"
    vocab = ["vocab", path, "--output", learned, "--size", "60", "--workers", 1]
    commands = (prepare_arguments(path, tokenizer, store), vocab)
    path.write_bytes(content)
    for command in commands:
        error = refused(capsys, *command)
        assert error.startswith(f"{path}")
        assert message in error
    assert {path.name for path in tmp_path.iterdir()} == {name, "tokenizer"}
    if path.suffix in WHOLE:
        path.write_bytes(WHOLE[path.suffix])
        for command in commands:
            assert outcome(capsys, *command) == (0, "")
        assert is_whole(store)


def test_a_few_broken_bytes_in_a_text_are_replaced_and_counted(
    tmp_path: Path, tokenizer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(GOOD + b"\n\nThe \xff cat \0 sat.\n\n\0\n")
    assert outcome(capsys, *prepare_arguments(path, tokenizer, tmp_path / "store")) == (0, "")
    manifest = TokenStore.open(tmp_path / "store").manifest
    assert manifest["replaced_characters"] == 1
    assert manifest["removed_control_characters"] == 2
    assert manifest["dropped_documents"] == 1


def test_a_line_without_an_end_is_cut_or_refused_and_never_in_memory_as_a_whole(
    tmp_path: Path,
    tokenizer: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (text_module, jsonl):
        monkeypatch.setattr(module, "UNIT_BYTES", 1 << 14)
    monkeypatch.setattr(text_module, "LONGEST_DOCUMENT_BYTES", 1 << 16)
    monkeypatch.setattr(jsonl, "LONGEST_LINE_BYTES", 1 << 16)
    path, store = tmp_path / "a.txt", tmp_path / "store"
    path.write_bytes(b"the cat sat " * 100_000)
    assert outcome(capsys, *prepare_arguments(path, tokenizer, store)) == (0, "")
    (source,) = TokenStore.open(store).manifest["sources"]
    assert source["cut_documents"] >= 15

    path = tmp_path / "b.jsonl"
    path.write_bytes(b'{"text": "' + b"the cat sat " * 100_000 + b'"}\n')
    for command in (
        prepare_arguments(path, tokenizer, tmp_path / "other"),
        ["vocab", path, "--output", tmp_path / "learned", "--workers", 1],
    ):
        assert f"{path}, line 1: is longer than " in refused(capsys, *command)
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "learned").exists()

    stream = text_module.TextStream(tmp_path / "a.txt", "paragraph")
    tracemalloc.start()
    try:
        assert sum(len(unit.content) for unit in stream.units(lambda n: None, Counter())) > 1e6
        assert tracemalloc.get_traced_memory()[1] < 400_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the vocabulary of 0 lacks [PAD]"),
        ("\n".join(token for token in VOCAB if token != "[MASK]").encode(), "lacks [MASK]"),
        ("\n".join([*VOCAB, "cat"]).encode(), "'cat' is on line 7 and on line 10"),
        ("\n".join([*VOCAB, "", "x"]).encode(), "line 10 is empty; every line must be a token"),
        ("\n".join([*VOCAB, "Dog"]).encode(), "such as 'Dog', which lower-cased text never"),
        (b"\xff\xfe[PAD]", "a vocabulary must be UTF-8 text"),
    ],
)
def test_a_vocabulary_that_is_broken_is_refused_before_any_text_is_read(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    vocab, store = tmp_path / "vocab.txt", tmp_path / "store"
    vocab.write_bytes(content)
    command = [*prepare_arguments(text, vocab, store), "--uncased"]
    error = refused(capsys, *command)
    assert error.startswith(f"{vocab}: ")
    assert message in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.txt", "vocab.txt"]
    vocab.write_text("\n".join(VOCAB))
    assert outcome(capsys, *command) == (0, "")


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """What JAX compiles meanwhile."""
    events: list[str] = []

    def heard(name: str, _: float, **__: object) -> None:
        if "compile" in name:
            events.append(name)

    jax.monitoring.register_event_duration_secs_listener(heard)
    yield events
    jax.monitoring.unregister_event_duration_listener(heard)


def test_a_text_of_less_than_a_batch_is_refused_before_anything_is_compiled(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], compiled: list[str]
) -> None:
    run = tmp_path / "run"
    pretrain = ["pretrain", "tiny", "--data", store, "--run_dir", run, "--batch_size", 256]
    show = ["show-batch", "tiny", "--data", store, "--step", 1, "--rows", 1]
    for command in (pretrain, [*show, "--batch_size", 256]):
        error = refused(capsys, *command)
        assert error.startswith(f"{store}: too little text for a batch: an epoch has ")
        assert error.endswith("give a smaller --batch_size (TrainConfig.batch_size)")
    assert compiled == []
    assert not run.exists()
    assert outcome(capsys, *show, "--batch_size", 8) == (0, "")


@pytest.mark.parametrize(
    "damage",
    ["nothing", "a file", "no manifest", "a cut array", "another version", "offsets", "ids"],
)
def test_a_store_that_is_none_is_refused_by_all_that_would_read_it(
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    compiled: list[str],
    damage: str,
) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    tokens = store / "train" / "tokens.npy"
    offsets = store / "train" / "sentence_offsets.npy"
    if damage == "nothing":
        store = tmp_path / "none"
    elif damage == "a file":
        store = tmp_path / "good.txt"
    elif damage == "no manifest":
        (store / "manifest.json").unlink()
    elif damage == "a cut array":
        tokens.write_bytes(tokens.read_bytes()[:-2])
    elif damage == "another version":
        (store / "manifest.json").write_text(json.dumps({**manifest, "format_version": 99}))
    elif damage == "ids":
        ids = np.load(tokens)
        ids[::3] = 60_000
        np.save(tokens, ids)
    else:
        whole = offsets.read_bytes()
        offsets.write_bytes(whole[:-16] + b"\xff" * 8 + whole[-8:])
    run = tmp_path / "run"
    small = ["--data", store, "--batch_size", 8]
    for command in (
        # Which looks at all ids, warns of those beyond the vocabulary and shows the rest.
        ["inspect", store, *(["--verify"] if damage == "ids" else [])],
        ["show-batch", "tiny", *small, "--step", 1],
        ["pretrain", "tiny", *small, "--run_dir", run],
    ):
        assert str(store) in (error := refused(capsys, *command)) or "--verify" in error
        if damage == "ids":
            assert "since it was written" in error or f"inspect {store} --verify" in error
    assert compiled == []
    assert not run.exists()
