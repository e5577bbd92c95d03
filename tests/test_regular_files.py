"""What is called as a file is and is none."""

import os
import socket
from pathlib import Path

import pytest

from bert_jax.errors import UserError
from bert_jax.metrics import read_metrics
from bert_jax.recipes.run_folder import read_json
from bert_jax.regular_files import check_regular, irregular


def test_files_folders_links_to_them_and_nothing_pass(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    for path in (tmp_path, *tmp_path.iterdir(), tmp_path / "none", tmp_path / "file" / "under"):
        check_regular(path)


def test_a_link_that_leads_nowhere_or_to_itself_is_named(tmp_path):
    (tmp_path / "broken").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("broken", "loop"):
        with pytest.raises(UserError, match=f"{name} is no regular file but a link that leads now"):
            check_regular(tmp_path / name)


def test_a_pipe_a_socket_and_a_device_are_named_also_behind_a_link(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    monkeypatch.chdir(tmp_path)  # an address of a socket is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert irregular(tmp_path / "socket") == "a socket"
    assert irregular(Path(os.devnull)) == "a device"
    for read in (read_json, read_metrics):
        (tmp_path / "metrics.jsonl").unlink(missing_ok=True)
        os.mkfifo(tmp_path / "metrics.jsonl")
        with pytest.raises(UserError, match="no regular file but a named pipe"):
            read(tmp_path / "pipe" if read is read_json else tmp_path)
    for name in ("pipe", "link"):
        with pytest.raises(UserError, match=f"{name} is no regular file but a named pipe"):
            check_regular(tmp_path / name)
