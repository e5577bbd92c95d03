import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors_files import write_floats, write_index
from tf1_bundles import GOLDEN_INDEX, write_checkpoint

from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.safetensors_file import SafetensorsFile, ShardedSafetensors
from bert_jax.convert.tf1_checkpoint import Tf1Checkpoint
from bert_jax.errors import UserError

# The first bytes of a pickle, and of one that PyTorch wrote before it wrote archives.
PICKLE = b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00}\x94."
OLD_PYTORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."


def refusal(path: Path) -> str:
    """Why a path is refused, in one line."""
    with pytest.raises(UserError) as caught:
        open_tensors(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_every_format_is_opened_by_every_name_it_has(tmp_path: Path) -> None:
    model, shards, tf1 = (tmp_path / name for name in ("model", "shards", "tf1"))
    for folder in (model, shards, tf1):
        folder.mkdir()
    write_floats(model / "model.safetensors", {"a": [1]})
    write_floats(shards / "model-1.safetensors", {"a": [1]})
    index = write_index(shards, {"a": "model-1.safetensors"})
    write_checkpoint(tf1 / "bert_model.ckpt", {"a": np.ones(1, np.float32)})
    ways = {
        SafetensorsFile: [model, model / "model.safetensors", shards / "model-1.safetensors"],
        ShardedSafetensors: [shards, index],
        Tf1Checkpoint: [tf1, *tf1.iterdir(), tf1 / "bert_model.ckpt"],
    }
    for kind, paths in ways.items():
        for path in paths:
            opened = open_tensors(path)
            assert type(opened) is kind
            assert list(opened.tensors()) == ["a"]
            assert opened.read("a").tolist() == [1]


def test_of_both_formats_in_a_folder_the_safetensors_are_taken(tmp_path: Path) -> None:
    write_floats(tmp_path / "model.safetensors", {"a": [1]})
    write_checkpoint(tmp_path / "bert_model.ckpt", {"b": np.ones(1)})
    assert list(open_tensors(tmp_path).tensors()) == ["a"]


def test_the_content_counts_more_than_the_name(tmp_path: Path) -> None:
    assert list(open_tensors(write_floats(tmp_path / "model.bin", {"a": [1]})).tensors()) == ["a"]


@pytest.mark.parametrize("content", [PICKLE, OLD_PYTORCH], ids=["pickle", "old"])
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "weights"])
def test_a_pickle_is_refused_whatever_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    for path in {
        tmp_path / name,
        tmp_path if name.startswith(("model", "pytorch")) else tmp_path / name,
    }:
        message = refusal(path)
        assert f"{tmp_path / name} is a pickle, and to read one is to run" in message
        assert "weights_only=True" in message


def test_an_archive_of_pytorch_is_refused_whatever_its_name(tmp_path: Path) -> None:
    for name in ("model.safetensors", "lightning.ckpt", "model.pt"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("archive/data.pkl", PICKLE)
            archive.writestr("archive/data/0", b"\0" * 8)
        assert "is a pickle" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "model.pkl"]
)
def test_a_name_of_pickles_is_refused_in_a_folder_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "a_state.pt").write_bytes(b"")
    (tmp_path / name).write_bytes(b"(lp0\n.")  # protocol 0 has no first byte of its own
    assert "is a pickle" in refusal(tmp_path / name)
    assert f"{tmp_path / name} is a pickle" in refusal(tmp_path)


def test_weights_of_keras_and_flax_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "tf_model.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 99)
    assert "Keras's HDF5 format, which is not read" in refusal(tmp_path)
    (tmp_path / "tf_model.h5").rename(tmp_path / "model.safetensors")
    assert "Keras's HDF5 format" in refusal(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "flax_model.msgpack").write_bytes(b"\x82")
    assert "from_flax=True" in refusal(tmp_path)


def test_a_checkpoint_in_the_first_format_of_tensorflow_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt-1").write_bytes(GOLDEN_INDEX)
    assert "format of before 2017" in refusal(tmp_path / "model.ckpt-1")


def test_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "has no weights: model.safetensors, " in refusal(tmp_path / "empty")
    assert f"neither a file or folder {tmp_path / 'gone'} nor a file" in refusal(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file but a named pipe" in refusal(tmp_path / "pipe")
    (tmp_path / "config.json").write_text('{"hidden_size": 4}')
    assert "no weight_map" in refusal(tmp_path / "config.json")
    for content in (b"", b"\x80", b"PK\x03\x04", b"text"):
        (tmp_path / "x").write_bytes(content)
        assert "no file of tensors in the safetensors format" in refusal(tmp_path / "x")


def test_opening_weights_needs_no_jax() -> None:
    code = "import sys, bert_jax.convert.open_tensors, bert_jax.convert.safetensors_writer\n"
    code += "print(*sorted({'jax', 'flax', 'torch', 'tensorflow'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []
