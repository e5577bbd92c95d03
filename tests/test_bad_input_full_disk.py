"""A disk that is full, at every place where something is written.

A limit on the size of files makes any write fail as a full disk does, in this process and wherever
the tests run. Where a file system can be mounted, a small one is filled as well.
"""

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from refusals import GOOD, is_whole, outcome, prepare_arguments, refused, tokenizer_folder

import data_pipeline.documents.text as text_module
import data_pipeline.preparation.prepare as preparation
import data_pipeline.preparation.work as work_module
import data_pipeline.tokenization.files as files
from bert_jax import cli
from data_pipeline.errors import DataError
from data_pipeline.preparation.work import Work, WorkOnUnit
from data_pipeline.store.token_store import TokenStore
from data_pipeline.store.writer import SplitWriter, StoreWriter
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer


@contextmanager
def full_from(owner: object, name: str, nth: int) -> Iterator[None]:
    """The disk is full from the nth call of a function on: no file can grow any more."""
    original, calls = getattr(owner, name), []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def call(*args: object, **kwargs: object) -> object:
        calls.append(1)
        if len(calls) == nth:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        return original(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, call)
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(calls) >= nth


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text of several units."""
    monkeypatch.setattr(text_module, "UNIT_BYTES", 300)
    (tmp_path / "good.txt").write_bytes(GOOD)
    return tmp_path / "good.txt"


@pytest.mark.parametrize(
    ("owner", "name", "nth", "kept"),
    [
        (work_module, "_begin", 1, False),
        (WorkOnUnit, "__call__", 1, False),
        (WorkOnUnit, "__call__", 3, True),
        (Work, "finish_stream", 1, True),
        (preparation, "merge", 1, True),
        (StoreWriter, "__init__", 1, True),
        (SplitWriter, "append", 1, True),
        (SplitWriter, "close", 1, True),
        (SplitWriter, "close", 2, True),
        (StoreWriter, "write", 1, True),
        (Tokenizer, "save", 1, True),
        (StoreWriter, "finish", 1, True),
    ],
)
def test_wherever_the_disk_is_full_there_is_no_store_and_the_same_command_goes_on(
    text: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    owner: object,
    name: str,
    nth: int,
    kept: bool,
) -> None:
    tokenizer = tokenizer_folder(tmp_path / "tokenizer")
    store, whole = tmp_path / "store", tmp_path / "whole"
    command = prepare_arguments(text, tokenizer, store)
    with full_from(owner, name, nth):
        error = refused(capsys, *command)
    assert "File too large" in error
    assert str(tmp_path) in error
    there = {path.name for path in tmp_path.iterdir()}
    assert there - {"good.txt", "tokenizer"} == ({"store.partial"} if kept else set())
    assert ("the same command goes on" in error) is kept
    assert outcome(capsys, *command) == (0, "")
    assert outcome(capsys, *prepare_arguments(text, tokenizer, whole)) == (0, "")
    assert TokenStore.open(store).manifest == TokenStore.open(whole).manifest
    assert {path.name for path in tmp_path.iterdir()} == {*there - {"store.partial"}} | {
        "store",
        "whole",
    }


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_a_tokenizer_is_whole_or_can_be_learned_in_its_place(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    size = {"wordpiece": 60, "sentencepiece": 30}[kind]
    vocab = ["vocab", text, "--size", size, "--kind", kind, "--workers", 1, "--output"]
    for nth in (1, 2, 3):
        folder = tmp_path / f"learned{nth}"
        with full_from(files, "write_atomically", nth):
            assert "File too large" in refused(capsys, *vocab, folder)
        opened = None
        with contextlib.suppress(DataError):
            opened = load_tokenizer(folder)
        assert outcome(capsys, *vocab, folder) == (0, "")
        learned = load_tokenizer(folder)
        assert learned.kind == kind
        assert opened is None or opened.fingerprint == learned.fingerprint


def test_a_store_is_looked_at_on_a_full_disk_all_the_same(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = tokenizer_folder(tmp_path / "tokenizer")
    assert outcome(capsys, *prepare_arguments(text, tokenizer, tmp_path / "store")) == (0, "")
    before = {path: path.stat().st_size for path in (tmp_path / "store").rglob("*")}
    with full_from(cli, "main", 1):
        assert outcome(capsys, "inspect", tmp_path / "store") == (0, "")
        show = ["show-batch", "tiny", "--data", tmp_path / "store", "--step", 1]
        assert outcome(capsys, *show, "--batch_size", 4) == (0, "")
        page = ["--html", tmp_path / "page.html"]
        assert refused(capsys, "inspect", tmp_path / "store", *page).startswith("--html ")
    after = {path: path.stat().st_size for path in (tmp_path / "store").rglob("*")}
    assert {path.name for path in after.keys() - before.keys()} <= {"plans"}
    assert not (tmp_path / "page.html").exists()


FILLED = """
import contextlib, io, shutil, subprocess, sys
from pathlib import Path
from bert_jax import cli
import data_pipeline.documents.text as text

if __name__ == "__main__":
    folder, tokenizer, good = map(Path, sys.argv[1:])
    text.UNIT_BYTES = 300
    command = ["prepare", str(good), "--tokenizer", str(tokenizer), "--output", f"{folder}/store",
               "--workers", "1", "--eval_share", "0.2"]
    for pages in range(2, 60):
        size = f"size={4 * pages}k"
        action = [f"remount,{size}", str(folder)] if pages > 2 else [size, "-t", "tmpfs", "none"]
        subprocess.run(["mount", "-o", *action, *([str(folder)] if pages == 2 else [])], check=True)
        error = io.StringIO()
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
            status = cli.main(command)
        errors = [line for line in error.getvalue().splitlines() if line.startswith("error: ")]
        assert len(errors) == (status == 2), errors
        if status == 0:
            break
        assert "No space left on device" in errors[0], errors
        left = [path.name for path in folder.iterdir()]
        assert left in ([], ["store.partial"]), left
        print("full", flush=True)
        if pages % 2:  # what was done is not needed
            shutil.rmtree(folder / "store.partial", ignore_errors=True)
    shutil.copytree(folder / "store", folder.parent / "copy")
"""
IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount() -> bool:
    """Whether this machine lets us have a file system of our own."""
    try:
        mount = [*IN_A_NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


# Not skipped where it cannot be: the tests above are of the same failures.
@pytest.mark.parametrize("kind", ["tmpfs"] if can_mount() else [])
def test_a_small_file_system_is_filled_to_every_size(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    del kind
    tokenizer = tokenizer_folder(tmp_path / "tokenizer")
    (tmp_path / "disk").mkdir()
    script = tmp_path / "filled.py"
    script.write_text(FILLED)
    command = [*IN_A_NAMESPACE, sys.executable, script, tmp_path / "disk", tokenizer, text]
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("full") > 10
    assert outcome(capsys, *prepare_arguments(text, tokenizer, tmp_path / "whole")) == (0, "")
    whole, copy = (TokenStore.open(tmp_path / name).manifest for name in ("whole", "copy"))
    assert is_whole(tmp_path / "copy")
    assert whole == copy
