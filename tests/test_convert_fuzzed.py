"""Files of weights with bytes changed: the same tensors, or one clear line.

Checksums of TensorFlow's format catch nearly everything, so that it is also changed beneath them:
what they are of is changed, and they are made anew. `BERT_JAX_FUZZ_CASES` is the number of cases of
each test.
"""

import json
import os
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors_files import content, tensor, write_floats, write_index
from tf1_bundles import (
    GOLDEN_DATA,
    GOLDEN_INDEX,
    block_content,
    field,
    footer,
    index_of,
    sealed,
    varint,
    write_checkpoint,
)

from bert_jax.convert.leveldb_table import read_table
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.safetensors_file import DTYPES
from bert_jax.convert.tensors import NOT_NUMBERS
from bert_jax.errors import UserError

pytestmark = pytest.mark.heavy

# The same cases every time, unless more are asked for: then others.
CASES = settings(
    max_examples=int(os.environ.get("BERT_JAX_FUZZ_CASES", "350")),
    derandomize="BERT_JAX_FUZZ_CASES" not in os.environ,
    deadline=5000,
)
MAX_ALLOCATED = 4 * 2**20

# What readers of numbers and lengths stumble over.
PIECES = st.one_of(
    st.binary(max_size=9),
    st.sampled_from(
        [
            *(b"\xff" * 9 + b"\1", b"\xff" * 9, b"\x80" * 40, b"\0" * 8, b"\x7f" * 4, b"\xff" * 4),
            # Fields of an entry: its parts, size, place, type, an axis.
            *(field(7, field(1, b"") * 2), field(5, 99), field(4, 2**62), field(4, 4)),
            *(field(1, 7), field(1, 19), field(2, field(2, field(1, 0))), field(2, b"")),
            *(varint(2**63), varint(2**31), varint(2**40), varint(2**20), b"\x80\0"),
            *(b"9" * 5000, b"-1", b"1e9", b"[", b"{" * 2000, b'"', b"}", b"]", b",", b"null"),
            *(b"\\ud800", b"\xed\xa0\x80", b"\x1b[2J", b"\n", b"\xe2\x80\xa8", b"/", b"../"),
        ]
    ),
)
# Where, how many bytes are taken out, and what is put there; nothing is a bit turned over.
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([0, 0, 1, 1, 2, 4, 8, 30, 10**6]), PIECES),
    min_size=1,
    max_size=3,
)
Changes = list[tuple[float, int, bytes]]

SAMPLE = {
    "bert/a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "bert/b": np.array([1, -2], ml_dtypes.bfloat16),
    "step": np.array(20, np.int64),
}


def changed(whole: bytes, changes: Changes) -> bytes:
    """`whole` with stretches of it replaced."""
    for where, length, piece in changes:
        at = int(where * len(whole))
        if not length and not piece and whole:
            at = min(at, len(whole) - 1)
            whole = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
        else:
            whole = whole[:at] + piece + whole[at + length :]
    return whole


def read_all(path: Path) -> dict[str, np.ndarray] | None:
    """All tensors of numbers at a path, or nothing where they are refused; with little memory."""
    tracemalloc.start()
    try:
        found = read_all_numbers(path)
    except UserError as error:
        check_words(error, path)
        found = None
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MAX_ALLOCATED
    return found


def read_all_numbers(path: Path) -> dict[str, np.ndarray]:
    """All tensors of numbers; others are refused one by one."""
    opened, found = open_tensors(path), {}
    for name, info in opened.tensors().items():
        if info.dtype == NOT_NUMBERS:
            with pytest.raises(UserError):
                opened.read(name)
            continue
        found[name] = opened.read(name)
        assert (found[name].shape, found[name].dtype) == (info.shape, info.dtype)
    return found


def check_words(error: UserError, path: Path) -> None:
    """One line of some length that says where."""
    assert str(error).isprintable()
    assert str(path.parent) in str(error)
    assert len(str(error)) < 1000


def check_equal(found: Mapping[str, np.ndarray] | None, expected: Mapping[str, np.ndarray]) -> None:
    """Refused, or exactly these."""
    if found is not None:
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            assert (found[name].dtype, found[name].tobytes()) == (array.dtype, array.tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cases are written, one after the other."""
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> tuple[Path, dict[str, bytes]]:
    """A checkpoint's prefix and the contents of its files by their endings."""
    prefix = write_checkpoint(folder / "m.ckpt", SAMPLE, num_shards=2)
    files = folder.glob("m.ckpt.*")
    return prefix, {path.name.removeprefix("m.ckpt"): path.read_bytes() for path in files}


@CASES
@given(ending=st.sampled_from([".index", ".data-00000-of-00002"]), changes=CHANGES)
def test_a_changed_checkpoint_is_the_same_or_refused(
    checkpoint: tuple[Path, dict[str, bytes]], ending: str, changes: Changes
) -> None:
    prefix, files = checkpoint
    for other, whole in files.items():
        path = prefix.with_name(prefix.name + other)
        path.write_bytes(changed(whole, changes) if other == ending else whole)
    check_equal(read_all(prefix), SAMPLE)


def write_beside_golden_data(folder: Path, index: bytes) -> Path:
    """A checkpoint of this index and the data that TensorFlow has written."""
    (folder / "g.index").write_bytes(index)
    (folder / "g.data-00000-of-00001").write_bytes(GOLDEN_DATA)
    return folder / "g"


def check_is_of_data(found: Mapping[str, np.ndarray] | None) -> None:
    """What is read stands in the data file: whole, or each of the two rows of `b`."""
    for name, array in (found or {}).items():
        pieces = [array[:2], array[2:]] if name == "b" and array.shape == (3, 2) else [array]
        assert all(piece.tobytes() in GOLDEN_DATA for piece in pieces)


@CASES
@given(which=st.integers(0, 5), changes=CHANGES)
def test_a_changed_entry_under_good_checksums_is_read_or_refused(
    folder: Path, which: int, changes: Changes
) -> None:
    entries = read_table(GOLDEN_INDEX)
    key = list(entries)[which]
    entries[key] = changed(entries[key], changes)
    check_is_of_data(
        read_all(write_beside_golden_data(folder, index_of(entries, entries.pop(b""))))
    )


@CASES
@given(which=st.integers(0, 1), changes=CHANGES)
def test_a_changed_block_under_good_checksums_is_read_or_refused(
    folder: Path, which: int, changes: Changes
) -> None:
    entries = block_content(read_table(GOLDEN_INDEX).items())
    if which == 0:
        entries = changed(entries, changes)
    places = block_content([(b"z", varint(0) + varint(len(entries)))])
    if which == 1:
        places = changed(places, changes)
    before = sealed(entries)
    path = write_beside_golden_data(folder, before + footer(before, places))
    check_is_of_data(read_all(path))


def safetensors_sample() -> tuple[dict[str, Any], bytes]:
    """A header, and the bytes it is of."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    names = {"float32": "F32", "bfloat16": "BF16", "int64": "I64"}
    data = b""
    for name, array in SAMPLE.items():
        place = (len(data), len(data) + array.nbytes)
        header[name] = tensor(names[array.dtype.name], list(array.shape), *place)
        data += array.tobytes()
    return header, data


HEADER, DATA = safetensors_sample()


def check_is_of_file(found: Mapping[str, np.ndarray] | None, whole: bytes) -> None:
    """What is read is what a plain reading of the format gives."""
    if found is None:
        return
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    header.pop("__metadata__", None)
    said = {name: entry for name, entry in header.items() if entry["dtype"] in DTYPES}
    assert found.keys() == said.keys()
    for name, entry in said.items():
        begin, end = entry["data_offsets"]
        assert found[name].dtype == DTYPES[entry["dtype"]]
        assert found[name].shape == tuple(entry["shape"])
        assert found[name].tobytes() == whole[8 + size :][begin:end]


@CASES
@given(
    make=st.sampled_from(
        [
            lambda changes: changed(content(HEADER, DATA), changes),
            lambda changes: content(changed(json.dumps(HEADER).encode(), changes), DATA),
        ]
    ),
    changes=CHANGES,
)
def test_a_changed_safetensors_file_is_read_or_refused(
    folder: Path, make: Callable[[Changes], bytes], changes: Changes
) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(make(changes))
    check_is_of_file(read_all(path), path.read_bytes())


LIES = st.one_of(
    st.integers(-2, 40),
    st.integers(-(2**70), 2**70),
    st.sampled_from(["F16", "F64", "F4", "BOOL", "", None, [], {}, 1.5, [1] * 40, [2**62, 8]]),
    st.lists(st.integers(-1, 2**33), max_size=4),
)


@CASES
@given(
    name=st.sampled_from(sorted(SAMPLE)),
    key=st.sampled_from(["dtype", "shape", "data_offsets", "other"]),
    lie=LIES,
    data=st.integers(-3, 3),
)
def test_a_header_with_a_lie_is_read_or_refused(
    folder: Path, name: str, key: str, lie: object, data: int
) -> None:
    path = folder / "model.safetensors"
    header = {**HEADER, name: {**HEADER[name], key: lie}}
    path.write_bytes(content(header, (DATA + b"\0" * 3)[: len(DATA) + data]))
    check_is_of_file(read_all(path), path.read_bytes())


@pytest.fixture(scope="module")
def sharded(folder: Path) -> Path:
    """The index of two sound files."""
    (folder / "shards").mkdir()
    write_floats(folder / "shards" / "model-1.safetensors", {"a": [1], "c": [3]})
    write_floats(folder / "shards" / "model-2.safetensors", {"b": [2, 2]})
    places = {"a": "model-1.safetensors", "c": "model-1.safetensors", "b": "model-2.safetensors"}
    return write_index(folder / "shards", places)


@CASES
@given(changes=CHANGES)
def test_a_changed_index_of_several_files_is_the_same_or_refused(
    sharded: Path, changes: Changes
) -> None:
    places = {"a": "model-1.safetensors", "c": "model-1.safetensors", "b": "model-2.safetensors"}
    whole = write_index(sharded.parent, places).read_bytes()
    sharded.write_bytes(changed(whole, changes))
    expected = {"a": np.float32([1]), "b": np.float32([2, 2]), "c": np.float32([3])}
    check_equal(read_all(sharded), expected)
