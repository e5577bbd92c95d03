"""Places that cannot be written, and two that write one: one clear line, and nothing by halves.

Everything goes through the command line. A full disk is in `test_bad_input_full_disk.py`.
"""

import os
from pathlib import Path

import pytest
from refusals import (
    GOOD,
    is_whole,
    outcome,
    prepare_arguments,
    refused,
    tokenizer_folder,
)

import data_pipeline.documents.text as text_module
from bert_jax import cli
from data_pipeline.file_lock import folder_lock
from data_pipeline.preparation.work import WorkOnUnit, work_folder


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


def places(tmp_path: Path, store: Path) -> dict[str, Path]:
    """Where nothing can be written, for root neither."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    return {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "deep" / "store",
        "a folder with something in it": tmp_path / "full",
        "a file system that takes no files": Path("/proc/new"),
        "below such a file system": Path("/proc/new/store"),
        "a device": Path("/dev/null"),
        "a name that is too long": tmp_path / ("x" * 300),
        "the present folder": Path(),
        "no UTF-8": tmp_path / os.fsdecode(b"caf\xe9"),
        "another store": store,
    }


def test_where_nothing_can_be_written_no_text_is_read(
    store: Path,
    text: Path,
    tokenizer: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_module.TextStream, "units", None)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for what, place in places(tmp_path, store).items():
        command = prepare_arguments(text, tokenizer, place)
        if what == "another store":
            command[-1] = "0.3"
        assert refused(capsys, *command), what
        if what == "the present folder":
            continue
        assert refused(capsys, "vocab", text, "--output", place, "--size", 60), what
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in after.keys() - before.keys()} == {"file", "notes.txt"}
    assert before.items() <= after.items()


def test_a_folder_that_may_not_be_written_is_said_so(
    text: Path,
    tokenizer: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def denied(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # Root may write everywhere.
    monkeypatch.setattr("tempfile.mkdtemp", lambda **given: denied(given["dir"]))
    error = refused(capsys, *prepare_arguments(text, tokenizer, folder / "store"))
    assert error == (
        f"{folder / 'store'}: cannot be made: nothing can be written in {folder}: Permission denied"
    )
    assert list(folder.iterdir()) == []


def test_of_two_that_prepare_the_same_store_the_second_is_refused_and_the_first_ends_well(
    text: Path,
    tokenizer: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [str(part) for part in prepare_arguments(text, tokenizer, tmp_path / "store")]
    seen = []
    work = WorkOnUnit.__call__

    def meanwhile(self: WorkOnUnit, pending) -> None:
        if not seen:
            seen.append(refused(capsys, *command))
        work(self, pending)

    monkeypatch.setattr(WorkOnUnit, "__call__", meanwhile)
    assert cli.main(command) == 0
    assert f"is being prepared by process {os.getpid()} on " in seen[0]
    assert seen[0].endswith("; wait until it has ended, stop it, or name another output")
    assert is_whole(tmp_path / "store")
    assert not work_folder(tmp_path / "store").exists()
    capsys.readouterr()
    assert cli.main(command) == 0
    assert "is there already, finished, of the same input and" in capsys.readouterr().err


def test_a_store_that_another_process_prepares_is_left_to_it(
    text: Path, tokenizer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = prepare_arguments(text, tokenizer, tmp_path / "store")
    with folder_lock(work_folder(tmp_path / "store"), lambda _: AssertionError()):
        assert "is being prepared by process" in refused(capsys, *command)
        assert not (tmp_path / "store").exists()
    assert outcome(capsys, *command) == (0, "")
