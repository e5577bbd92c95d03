import json
import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save

from bert_jax.convert import safetensors_writer
from bert_jax.convert.safetensors_file import DTYPES, open_safetensors
from bert_jax.convert.safetensors_writer import write_safetensors
from bert_jax.errors import UserError

RNG = np.random.default_rng(0)
TENSORS = {
    "bert.encoder": RNG.normal(size=(6, 4)).astype(np.float32),
    'a\n"ä\\': RNG.normal(size=(3,)).astype(ml_dtypes.bfloat16),
    "position_ids": np.arange(5),
    "scalar": np.array(2.5, np.float16),
    "none": np.zeros((0, 2), np.float32),
    "b": np.array([True, False, True]),
}


def check_same(folder: Path, tensors: dict[str, np.ndarray]) -> None:
    """A folder has these tensors, to the bit."""
    file = open_safetensors(folder)
    assert list(file.tensors()) == sorted(tensors)
    for name, expected in tensors.items():
        found = file.read(name)
        assert (found.dtype, found.shape) == (expected.dtype.newbyteorder("="), expected.shape)
        assert found.tobytes() == expected.astype(found.dtype).tobytes()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    assert write_safetensors(tmp_path / "new" / "folder", TENSORS) == [
        tmp_path / "new" / "folder" / "model.safetensors"
    ]
    check_same(tmp_path / "new" / "folder", TENSORS)
    assert open_safetensors(tmp_path / "new" / "folder").metadata == {"format": "pt"}


def test_the_bytes_are_those_of_the_library(tmp_path: Path) -> None:
    every = {
        f"{name}.{n}": RNG.integers(0, 2, (2, n)).astype(dtype)
        for n in (3, 1)
        for name, dtype in DTYPES.items()
    }
    for number, tensors in enumerate((every, TENSORS)):
        folder = tmp_path / str(number)
        write_safetensors(folder, tensors)
        assert (folder / "model.safetensors").read_bytes() == save(tensors, {"format": "pt"})


def test_order_and_layout_of_what_comes_change_no_byte(tmp_path: Path) -> None:
    array = RNG.normal(size=(6, 4)).astype(np.float32)
    ways = [
        {"x": array, "y": array[::2]},
        {"y": array[::2].copy(), "x": np.asfortranarray(array)},
        {"y": array.astype(">f4")[::2], "x": array.T.copy().T},
    ]
    written = set()
    for number, tensors in enumerate(ways):
        write_safetensors(tmp_path / str(number), tensors, {"z": "1", "format": "pt", "a": "2"})
        written.add((tmp_path / str(number) / "model.safetensors").read_bytes())
        check_same(tmp_path / str(number), tensors)
    assert len(written) == 1


def test_more_bytes_than_the_limit_are_divided_as_hugging_face_does(tmp_path: Path) -> None:
    tensors = {
        name: np.full(n, n, np.float32) for name, n in zip("badc", (4, 3, 9, 2), strict=True)
    }
    files = write_safetensors(tmp_path, tensors, max_shard_bytes=28)
    names = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    assert [path.name for path in files] == names
    check_same(tmp_path, tensors)
    text = (tmp_path / "model.safetensors.index.json").read_text()
    index = {
        "metadata": {"total_parameters": 18, "total_size": 72},
        "weight_map": {"a": names[0], "b": names[0], "c": names[2], "d": names[1]},
    }
    assert json.loads(text) == index
    assert text == json.dumps(index, indent=2) + "\n"


def test_the_limit_itself_is_one_file(tmp_path: Path) -> None:
    write_safetensors(tmp_path, {"a": np.zeros(4, np.float32)}, max_shard_bytes=16)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    for limit in (10**9, 28):
        folder = tmp_path / str(limit)
        for value in (1, 2):
            tensors = {name: np.full(4, value, np.float32) for name in "ab"}
            write_safetensors(folder, tensors, max_shard_bytes=limit)
        check_same(folder, tensors)


def test_other_weights_in_the_folder_are_not_mixed_with_ours(tmp_path: Path) -> None:
    tensors = {name: np.zeros(4, np.float32) for name in "ab"}
    one, two = tmp_path / "one", tmp_path / "two"
    write_safetensors(one, tensors)
    write_safetensors(two, tensors, max_shard_bytes=16)
    with pytest.raises(UserError, match=r"has other weights \(model.safetensors\)"):
        write_safetensors(one, tensors, max_shard_bytes=16)
    with pytest.raises(UserError, match=r"has other weights \(model-00001-of-00002"):
        write_safetensors(two, tensors)
    for path in two.glob("*-of-*"):
        path.unlink()
    with pytest.raises(UserError, match=r"has other weights \(model.safetensors.index.json\)"):
        write_safetensors(two, tensors)
    check_same(one, tensors)


def test_a_failure_leaves_no_index_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = {name: np.zeros(4, np.float32) for name in "ab"}
    write_safetensors(tmp_path, tensors, max_shard_bytes=16)
    write_file, calls = safetensors_writer._write_file, []

    def fail_at_the_second(*arguments: object) -> None:
        calls.append(arguments)
        write_file(*arguments)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors_writer, "_write_file", fail_at_the_second)
    with pytest.raises(OSError, match="No space left"):
        write_safetensors(tmp_path, tensors, max_shard_bytes=16)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ]


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("x", np.array(["a"])),
        ("x", np.array([None])),
        ("x", np.zeros(2, np.complex128)),
        ("x", np.zeros(2, ml_dtypes.float8_e5m2)),
        ("__metadata__", np.zeros(2)),
    ],
)
def test_what_the_format_lacks_is_refused_before_anything_is_written(
    tmp_path: Path, name: str, array: np.ndarray
) -> None:
    with pytest.raises(UserError, match=f"{name} of type .* cannot be written"):
        write_safetensors(tmp_path / "new", {name: array})
    assert not (tmp_path / "new").exists()


def test_nothing_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tensors to write"):
        write_safetensors(tmp_path / "new", {})
    assert not (tmp_path / "new").exists()


def test_files_have_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        (path,) = write_safetensors(tmp_path, TENSORS)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
