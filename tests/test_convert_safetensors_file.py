import os
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file
from safetensors_files import content, tensor, write_floats, write_index

from bert_jax.convert.safetensors_file import (
    DTYPES,
    SafetensorsFile,
    ShardedSafetensors,
    open_safetensors,
)
from bert_jax.convert.tensors import NOT_NUMBERS, TensorInfo
from bert_jax.errors import UserError

ONE = tensor("F32", [2], 0, 8)


def refusal(path: Path) -> str:
    """Why a file is refused: one line that names it."""
    with pytest.raises(UserError) as caught:
        SafetensorsFile(path)
    message = str(caught.value)
    assert message.isprintable()
    assert str(path) in message
    return message


def refusal_of(path: Path, header: dict[str, Any] | bytes, data: bytes = b"") -> str:
    """The same of a file with this header."""
    path.write_bytes(content(header, data))
    return refusal(path)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_every_type_is_read_as_the_library_has_written_it(tmp_path: Path, dtype: np.dtype) -> None:
    array = np.random.default_rng(0).integers(0, 2, (3, 2)).astype(dtype)
    scalar, empty = np.ones((), dtype), np.zeros((0, 4), dtype)
    save_file({"x": array, "s": scalar, "e": empty}, tmp_path / "f", {"format": "pt"})
    file = SafetensorsFile(tmp_path / "f")
    assert file.metadata == {"format": "pt"}
    assert list(file.tensors().values()) == [
        TensorInfo("e", (0, 4), dtype),
        TensorInfo("s", (), dtype),
        TensorInfo("x", (3, 2), dtype),
    ]
    for name, expected in {"x": array, "s": scalar, "e": empty}.items():
        found = file.read(name)
        assert (found.dtype, found.shape) == (dtype, expected.shape)
        assert found.tobytes() == expected.tobytes()


def test_what_is_read_is_ones_own(tmp_path: Path) -> None:
    file = SafetensorsFile(write_floats(tmp_path / "f", {"x": [1, 2]}))
    file.read("x")[:] = 0
    assert file.read("x").tolist() == [1, 2]


def test_a_type_that_numpy_lacks_is_listed_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(content({"x": tensor("F8_E4M3", [2], 0, 2)}, b"ab"))
    file = SafetensorsFile(path)
    assert file.tensors()["x"].dtype == NOT_NUMBERS
    with pytest.raises(UserError, match=r"x of .* has the type F8_E4M3; of BOOL, .* can be read"):
        file.read("x")
    with pytest.raises(UserError, match="has no tensor y"):
        file.read("y")


def test_a_header_that_is_longer_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    for size in (10 * 2**30, 2**63, 2**64 - 1, 200):
        path.write_bytes(content({"x": ONE}, b"\0" * 8, size))
        assert "shorter than its header says" in refusal(path)
    for short in (b"", b"\1\0\0"):
        path.write_bytes(short)
        assert "shorter than its header says" in refusal(path)


def test_a_header_that_is_larger_than_that_of_any_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.write((2**24 + 8).to_bytes(8, "little"))
        file.truncate(2**25)
    assert "header has 16,777,224 bytes" in refusal(path)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": ONE, "b": tensor("F32", [2], 4, 12)}, 12),  # they overlap
        ({"a": ONE, "b": tensor("F32", [2], 12, 20)}, 20),  # a hole
        ({"a": ONE, "b": tensor("F32", [2], 0, 8)}, 8),  # the same bytes
        ({"a": tensor("F32", [2], 8, 0)}, 8),  # backwards
        ({"a": tensor("F32", [2], -8, 0)}, 8),
        ({"a": tensor("F32", [-2], 0, 8)}, 8),
        ({"a": tensor("F32", [3], 0, 8)}, 8),  # another size than its shape
        ({"a": tensor("F32", [2**62, 4], 0, 0)}, 0),
        ({"a": tensor("F32", [0, 2**62, 2**62], 0, 0)}, 0),
        ({"a": tensor("F32", [1] * 65, 0, 4)}, 4),
        ({"a": tensor("F31", [2], 0, 8)}, 8),
        ({"a": ONE}, 7),  # beyond the end
        ({"a": ONE}, 9),  # more than is spoken of
        ({"a": {"dtype": "F32"}}, 0),
        ({"a": 1}, 0),
        ({"__metadata__": {"a": 1}}, 0),
        (b"", 0),
        (b"[]", 0),
        (b"{", 0),
        (b'{"a":' + b"[" * 10**5, 0),
        (b'{"a":' * 10**5, 0),
        (b'{"\xff":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8),
        (b'{"\\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', 8),
        (b'{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}', 8),
        (b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,8]}}', 8),
        ('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.encode("utf-16"), 8),
    ],
)
def test_a_header_that_lies_is_refused(
    tmp_path: Path, header: dict[str, Any] | bytes, data: int
) -> None:
    message = refusal_of(tmp_path / "f", header, b"\0" * data)
    assert "no file of tensors in the safetensors format" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    "second", [b'"shape":[2],"data_offsets":[0,8]', b'"shape":[2],"data_offsets":[8,16]']
)
def test_a_name_that_is_there_twice_is_refused(tmp_path: Path, second: bytes) -> None:
    # The library takes the last of them, if it covers the bytes.
    header = b'{"a\\n":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"a\\n":{"dtype":"F32",'
    data = b"\0" * (16 if b"16" in second else 8)
    assert r"a\n is there twice" in refusal_of(tmp_path / "f", header + second + b"}}", data)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("gone", "pipe", "."):
        with pytest.raises(UserError, match=r"there is no file|is no regular file"):
            SafetensorsFile(tmp_path / name)


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """A folder of two files and their index."""
    write_floats(tmp_path / "model-1.safetensors", {"a": [1], "c": [3]})
    write_floats(tmp_path / "model-2.safetensors", {"b": [2, 2]})
    places = {"a": "model-1.safetensors", "c": "model-1.safetensors", "b": "model-2.safetensors"}
    write_index(tmp_path, places)
    return tmp_path


def test_several_files_are_one(sharded: Path) -> None:
    for path in (sharded, sharded / "model.safetensors.index.json"):
        file = open_safetensors(path)
        assert [(info.name, info.shape) for info in file.tensors().values()] == [
            ("a", (1,)),
            ("b", (2,)),
            ("c", (1,)),
        ]
        assert [file.read(name).tolist() for name in "abc"] == [[1], [2, 2], [3]]
        with pytest.raises(UserError, match="has no tensor d"):
            file.read("d")


def test_files_may_be_links_into_another_folder(sharded: Path, tmp_path: Path) -> None:
    # As in the Hub's cache: snapshots/REVISION/NAME -> ../../blobs/HASH.
    cache = tmp_path / "cache"
    for path in [*sharded.glob("model*")]:
        blob = cache / "blobs" / f"hash of {path.name}"
        blob.parent.mkdir(parents=True, exist_ok=True)
        path.rename(blob)
        link = cache / "snapshots" / "main" / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("..") / ".." / "blobs" / blob.name)
    assert open_safetensors(cache / "snapshots" / "main").read("b").tolist() == [2, 2]


@pytest.mark.parametrize(
    "name",
    [
        *("../model-1.safetensors", "/model-1.safetensors", "sub/m.safetensors", ".."),
        *("", "..\\m.safetensors", ".m.safetensors", "a\0.safetensors", "a\n.safetensors"),
        *("\ud800.safetensors", "ä" * 200 + ".safetensors"),
    ],
)
def test_an_index_that_leads_elsewhere_is_refused(sharded: Path, name: str) -> None:
    folder = sharded / "sub"
    folder.mkdir()
    write_floats(folder / "m.safetensors", {"a": [1]})
    for index in (write_index(sharded, {"a": name}), write_index(folder, {"a": name})):
        with pytest.raises(UserError, match="a name without a folder is needed"):
            ShardedSafetensors(index)


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"a": "model-3.safetensors"}, "model-3.safetensors, which is not beside it"),
        ({"a": "pytorch_model-1.bin"}, "one that ends in .safetensors is needed"),
        ({"a": "model-1.safetensors"}, "says that c is in no file, and it is in model-1"),
        (
            {"a": "model-1.safetensors", "c": "model-2.safetensors", "b": "model-2.safetensors"},
            "says that c is in model-2.safetensors, and it is in model-1.safetensors",
        ),
        (
            {"a": "model-1.safetensors", "c": "model-1.safetensors", "d": "model-1.safetensors"},
            "says that d is in model-1.safetensors, and it is not there",
        ),
    ],
)
def test_an_index_that_is_not_of_its_files_is_refused(
    sharded: Path, places: dict[str, str], said: str
) -> None:
    write_index(sharded, places)
    with pytest.raises(UserError, match=said):
        open_safetensors(sharded)


def test_a_tensor_in_two_files_is_refused(sharded: Path) -> None:
    write_floats(sharded / "model-2.safetensors", {"a": [2], "b": [2, 2]})
    with pytest.raises(UserError, match=r"a is both in .*model-1.* and in .*model-2"):
        open_safetensors(sharded)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no JSON"),
        (b"[]", "no weight_map"),
        (b'{"weight_map": []}', "no weight_map"),
        (b'{"weight_map": {}}', "no weight_map"),
        (b'{"weight_map": {"a": 1}}', "names of files"),
        (b'{"weight_map": {"a": "x", "a": "y"}}', "a is there twice"),
        (b"[" * 10**5, "nested too deeply"),
        (b'{"weight_map": ' + b"9" * 5000, "no JSON"),
        (b"\xff", "not UTF-8"),
        (b" " * (2**24 + 1), "larger than the index"),
    ],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_bytes(text)
    with pytest.raises(UserError, match=f"index.json is no index of files of tensors: .*{said}"):
        open_safetensors(tmp_path)


def test_a_folder_with_both_or_neither_is_refused(sharded: Path, tmp_path: Path) -> None:
    write_floats(sharded / "model.safetensors", {"a": [1]})
    with pytest.raises(UserError, match="has both"):
        open_safetensors(sharded)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has neither"):
        open_safetensors(tmp_path / "empty")
    assert open_safetensors(sharded / "model.safetensors").read("a").tolist() == [1]
    with pytest.raises(UserError, match=r"there is no file .*gone.json"):
        open_safetensors(tmp_path / "gone.json")


def test_bfloat16_is_that_of_ml_dtypes() -> None:
    assert DTYPES["BF16"] == np.dtype(ml_dtypes.bfloat16)
