"""A folder is trained by one process at a time, and a killed one holds nothing."""

import os
import socket
import subprocess
import sys

import pytest

import data_pipeline.file_lock as module
from bert_jax.errors import UserError
from bert_jax.recipes.inspect_run import run_facts
from bert_jax.recipes.pretrain import pretrain
from bert_jax.recipes.run_lock import run_lock

HOLD = (
    "import sys, time; from pathlib import Path; from bert_jax.recipes.run_lock import run_lock\n"
    "with run_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `tmp_path / "run"`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_start_says_which_process_trains_the_run_and_changes_nothing(
    tiny_run, tmp_path, holder
):
    run_dir = tmp_path / "run"
    said = f"run is being trained by process {holder.pid} on {socket.gethostname()}; wait"
    with pytest.raises(UserError, match=said):
        pretrain(str(tiny_run.experiment), run_dir, data=tiny_run.store)
    assert os.listdir(run_dir) == [".lock"]


def test_the_lock_of_a_killed_process_is_none(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "run" / ".lock").exists()
    with run_lock(tmp_path / "run"):
        text = (tmp_path / "run" / ".lock").read_text()
        assert text == f"process {os.getpid()} on {socket.gethostname()}\n"
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_folder_that_was_made_for_the_lock_alone_goes_with_it(tmp_path):
    with run_lock(tmp_path / "new"):
        pass
    (tmp_path / "old").mkdir()
    with run_lock(tmp_path / "old"):
        pass
    with run_lock(tmp_path / "used"):
        (tmp_path / "used" / "file").touch()
    assert sorted(os.listdir(tmp_path)) == ["old", "used"]


def test_a_lock_file_that_was_removed_meanwhile_is_not_taken_for_the_lock(tmp_path, monkeypatch):
    flock, path = module.fcntl.flock, tmp_path / ".lock"
    tried = []

    def late(descriptor, operation):
        if not tried:
            path.unlink()
        tried.append(descriptor)
        flock(descriptor, operation)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with run_lock(tmp_path):
        assert len(tried) == 2
        assert path.exists()


def test_reading_a_run_needs_no_lock(tiny_run):
    with run_lock(tiny_run.run_dir):
        assert run_facts(tiny_run.run_dir)["step"] == 4


def test_a_system_without_locks_trains_without(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HAS_LOCKS", False)
    with run_lock(tmp_path / "run"), run_lock(tmp_path / "run"):
        assert os.listdir(tmp_path / "run") == []
