"""A store is compared with its checksums once, and again where a file was changed."""

import os
import shutil

import pytest
from small_runs import make_store

from data_pipeline.errors import DataError
from data_pipeline.store import unchanged
from data_pipeline.store.token_store import TokenStore
from data_pipeline.store.unchanged import COMPARED, check_unchanged


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def store(made, tmp_path):
    shutil.copytree(made, tmp_path / "store")
    return TokenStore.open(tmp_path / "store")


@pytest.fixture
def files_read(monkeypatch):
    """The names of files whose checksums are computed."""
    names = []

    def sha256_of(file):
        names.append(file.name)
        return original(file)

    original = unchanged.sha256_of
    monkeypatch.setattr(unchanged, "sha256_of", sha256_of)
    return names


def alter(store, name):
    """One bit, and nothing else: size and numpy's header stay."""
    with (store.path / name).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))


def test_a_store_is_read_once_and_not_at_every_start(store, tmp_path, files_read):
    check_unchanged(store, tmp_path / "plans")
    assert sorted(files_read) == sorted(name.split("/")[-1] for name in store.manifest["files"])
    files_read.clear()
    check_unchanged(TokenStore.open(store.path), tmp_path / "plans")
    assert files_read == []


def test_a_file_that_was_written_again_is_read_again_and_no_other(store, tmp_path, files_read):
    check_unchanged(store, tmp_path)
    files_read.clear()
    os.utime(store.path / "train" / "tokens.npy", ns=(1, 1))
    check_unchanged(store, tmp_path)
    assert files_read == ["tokens.npy"]


@pytest.mark.parametrize("name", ["train/tokens.npy", "eval/sentence_offsets.npy"])
@pytest.mark.parametrize("compared_before", [False, True])
def test_an_altered_file_is_named_at_every_start(store, tmp_path, name, compared_before):
    if compared_before:
        check_unchanged(store, tmp_path)
    alter(store, name)
    for _ in range(2):
        with pytest.raises(DataError, match=f"{name} has changed since it was written; remove it"):
            check_unchanged(store, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"train/tokens.npy": 3}', "{" * 5000])
def test_a_damaged_record_of_comparisons_is_none(store, tmp_path, text, files_read):
    (tmp_path / COMPARED).write_text(text)
    check_unchanged(store, tmp_path)
    assert len(files_read) == len(store.manifest["files"])


def test_a_place_that_cannot_be_written_is_no_obstacle(store, tmp_path, files_read):
    (tmp_path / "file").touch()
    for _ in range(2):
        check_unchanged(store, tmp_path / "file")
    assert len(files_read) == 2 * len(store.manifest["files"])
