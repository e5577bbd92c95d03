import math
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tf1_bundles import GOLDEN, entry, header, index_of, write_checkpoint, write_golden

from bert_jax.convert.tensors import TensorInfo
from bert_jax.convert.tf1_checkpoint import Tf1Checkpoint, find_prefix
from bert_jax.errors import UserError

RNG = np.random.default_rng(0)
TENSORS = {
    "bert/embeddings/word_embeddings": RNG.normal(size=(7, 4)).astype(np.float32),
    "half": RNG.normal(size=(3,)).astype(np.float16),
    "brain": RNG.normal(size=(2, 2)).astype(ml_dtypes.bfloat16),
    "global_step": np.array(20, np.int64),
    "none": np.zeros((0, 3), np.float32),
}


@pytest.mark.parametrize("num_shards", [1, 3])
def test_tensors_are_listed_and_read(tmp_path: Path, num_shards: int) -> None:
    checkpoint = Tf1Checkpoint(write_checkpoint(tmp_path / "model.ckpt", TENSORS, num_shards))
    assert list(checkpoint.tensors().values()) == [
        TensorInfo(name, TENSORS[name].shape, TENSORS[name].dtype) for name in sorted(TENSORS)
    ]
    for name, expected in TENSORS.items():
        found = checkpoint.read(name)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.tobytes() == expected.tobytes()


def test_a_tensor_larger_than_what_is_read_at_once_is_read(tmp_path: Path) -> None:
    large = np.arange(300_001, dtype=np.int64)
    assert np.array_equal(
        Tf1Checkpoint(write_checkpoint(tmp_path / "x", {"l": large})).read("l"), large
    )


def test_a_checkpoint_of_tensorflow_with_parts_and_strings_is_read(tmp_path: Path) -> None:
    checkpoint = Tf1Checkpoint(write_golden(tmp_path))
    for name, expected in GOLDEN.items():
        assert checkpoint.read(name).dtype == expected.dtype
        assert np.array_equal(checkpoint.read(name), expected)
    with pytest.raises(UserError, match=r"s of .*golden is not of numbers"):
        checkpoint.read("s")


def test_the_reference_checkpoint_has_the_variables_of_bert(shared_data: Path) -> None:
    checkpoint = Tf1Checkpoint(shared_data / "checkpoints" / "tf1_tiny")
    tensors = checkpoint.tensors()
    of_model = [t for t in tensors if not t.endswith(("adam_m", "adam_v")) and t != "global_step"]
    assert len(of_model) == 46
    assert sum(math.prod(tensors[name].shape) for name in of_model) == 701
    assert len(tensors) == 46 + 92 + 1
    assert checkpoint.read("global_step") == 20
    for name, info in tensors.items():
        assert np.isfinite(checkpoint.read(name)).all()
        assert checkpoint.read(name).shape == info.shape
    # The first and last numbers of two of them, as TensorFlow gives them.
    words = checkpoint.read("bert/embeddings/word_embeddings").ravel()
    assert [n.hex() for n in words[[0, -1]].tolist()] == [
        "-0x1.9a3e240000000p-8",
        "0x1.779c960000000p-7",
    ]
    bias = checkpoint.read("cls/predictions/output_bias")
    assert [n.hex() for n in bias[[0, -1]].tolist()] == [
        "-0x1.9b77ce0000000p-18",
        "-0x1.9b89c60000000p-18",
    ]


@pytest.mark.parametrize(
    "name", ["m.ckpt", "m.ckpt.index", "m.ckpt.meta", "m.ckpt.data-00000-of-00001", "."]
)
def test_a_checkpoint_is_found_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    prefix = write_checkpoint(tmp_path / "m.ckpt", TENSORS)
    assert find_prefix(tmp_path / name) == prefix


def test_of_several_checkpoints_the_one_that_the_folder_names_is_taken(tmp_path: Path) -> None:
    for step in (9, 10):
        write_checkpoint(tmp_path / f"m.ckpt-{step}", {})
    with pytest.raises(UserError, match=r"2 checkpoints: m.ckpt-10, m.ckpt-9. Give the one"):
        find_prefix(tmp_path)
    (tmp_path / "checkpoint").write_text(
        'model_checkpoint_path: "/elsewhere/m.ckpt-10"\nall: "x"\n'
    )
    assert find_prefix(tmp_path) == tmp_path / "m.ckpt-10"
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "m.ckpt-11"\n')
    with pytest.raises(UserError, match="2 checkpoints"):
        find_prefix(tmp_path)


def test_where_there_is_none_what_was_looked_for_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file \*.index"):
        Tf1Checkpoint(tmp_path)
    with pytest.raises(UserError, match=r"there is no file .*m.ckpt.index"):
        Tf1Checkpoint(tmp_path / "m.ckpt.data-00000-of-00001")


def test_a_name_that_is_not_there_is_refused(tmp_path: Path) -> None:
    checkpoint = Tf1Checkpoint(write_checkpoint(tmp_path / "m", TENSORS))
    with pytest.raises(UserError, match="has no variable bert/x"):
        checkpoint.read("bert/x")


def test_a_damaged_tensor_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    prefix = write_checkpoint(tmp_path / "m", {"a": np.zeros(3), "b": np.ones(3)})
    path = tmp_path / "m.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[25] ^= 1
    path.write_bytes(content)
    checkpoint = Tf1Checkpoint(prefix)
    assert checkpoint.read("a").tolist() == [0, 0, 0]
    with pytest.raises(UserError, match="is damaged: b does not have its checksum"):
        checkpoint.read("b")


def test_a_data_file_that_is_cut_off_or_missing_is_refused_at_once(tmp_path: Path) -> None:
    prefix = write_checkpoint(tmp_path / "m", {"a": np.zeros(3), "b": np.ones(3)}, num_shards=2)
    path = tmp_path / "m.data-00001-of-00002"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"00002 has 23 bytes, and 24 belong to it"):
        Tf1Checkpoint(prefix)
    path.unlink()
    with pytest.raises(UserError, match=r"00001-of-00002 is missing.*in 2 data file"):
        Tf1Checkpoint(prefix)


def test_a_data_file_that_becomes_shorter_is_told_of(tmp_path: Path) -> None:
    checkpoint = Tf1Checkpoint(write_checkpoint(tmp_path / "m", {"a": np.zeros(3)}))
    (tmp_path / "m.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(UserError, match="become shorter"):
        checkpoint.read("a")


def test_a_tensor_of_more_bytes_than_there_are_takes_no_memory(tmp_path: Path) -> None:
    prefix = write_checkpoint(tmp_path / "m", {"a": np.zeros(3)})
    huge = {b"a": entry(1, (2**40,), 0, 0, 2**42, 0)}
    (tmp_path / "m.index").write_bytes(index_of(huge))
    with pytest.raises(UserError, match="has 24 bytes, and 4,398,046,511,104 belong to it"):
        Tf1Checkpoint(prefix)


def test_bytes_that_two_tensors_claim_are_refused(tmp_path: Path) -> None:
    prefix = write_checkpoint(tmp_path / "m", {"a": np.zeros(3)})
    both = {b"a": entry(2, (3,), 0, 0, 24, 0), b"b": entry(1, (1,), 0, 20, 4, 0)}
    (tmp_path / "m.index").write_bytes(index_of(both))
    with pytest.raises(UserError, match="b begins inside another tensor"):
        Tf1Checkpoint(prefix)


def test_data_files_without_a_tensor_are_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "m.index").write_bytes(index_of({}, header(2**31)))
    assert Tf1Checkpoint(tmp_path / "m").tensors() == {}


def test_an_index_of_something_else_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "m.index").write_bytes(b"something else" * 9)
    with pytest.raises(UserError, match=r"m.index is not the index .* cut off, or something else"):
        Tf1Checkpoint(tmp_path)


def test_an_index_of_any_size_is_not_read_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bert_jax.convert.tf1_checkpoint._MAX_INDEX_BYTES", 50)
    write_checkpoint(tmp_path / "m", TENSORS)
    with pytest.raises(UserError, match="larger than the index of any checkpoint"):
        Tf1Checkpoint(tmp_path)


@given(shape=st.lists(st.integers(0, 4), max_size=4), seed=st.integers(0, 99))
def test_any_shape_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], seed: int
) -> None:
    array = np.random.default_rng(seed).normal(size=shape).astype(np.float16)
    prefix = tmp_path_factory.mktemp("any") / "m"
    found = Tf1Checkpoint(write_checkpoint(prefix, {"x": array})).read("x")
    assert found.shape == array.shape
    assert found.tobytes() == array.tobytes()
