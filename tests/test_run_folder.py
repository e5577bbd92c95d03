"""The folder of a run, and its files."""

import os
from pathlib import Path

import pytest

from bert_jax.errors import UserError
from bert_jax.recipes import run_folder
from bert_jax.recipes.run_folder import has_checkpoint, read_json, write_json


def test_a_run_is_a_folder(tmp_path):
    (tmp_path / "wiki.txt").touch()
    run_folder.check_folder(tmp_path / "new" / "run")
    for path in (tmp_path / "wiki.txt", tmp_path / "wiki.txt" / "run"):
        with pytest.raises(UserError, match=r"wiki\.txt is a file, and a run is a folder"):
            run_folder.check_folder(path)


def test_a_folder_that_holds_something_else_is_no_run(tmp_path):
    for name in ("d.txt", "a.txt", "checkpoints", "b.txt", "c.txt"):
        (tmp_path / name).touch()
    with pytest.raises(UserError) as caught:
        run_folder.check_folder(tmp_path)
    assert str(caught.value) == (
        f"--run_dir {tmp_path} is no run: it holds a.txt, b.txt, c.txt and 2 more, and no "
        "operative.gin; give the name of a new folder, or the folder of a run"
    )


def test_what_a_start_leaves_that_was_killed_early_is_no_obstacle(tmp_path):
    run_folder.check_folder(tmp_path)
    for name in (".lock", ".provenance.json.77", "plans", "provenance.json", "config.json"):
        (tmp_path / name).touch()
    run_folder.check_folder(tmp_path)
    for name in ("operative.gin", "checkpoints", "metrics.jsonl"):
        (tmp_path / name).touch()
    run_folder.check_folder(tmp_path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "file.json"
    write_json(path, {"größe": 1})
    assert path.read_text(encoding="utf-8") == '{\n  "größe": 1\n}\n'

    def fail(self, text, encoding):
        with open(self, "w", encoding=encoding) as file:
            file.write(text[: len(text) // 2])
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", fail)
        with pytest.raises(OSError, match="no space"):
            write_json(path, {"größe": 2})
    assert read_json(path) == {"größe": 1}
    assert os.listdir(path.parent) == ["file.json"]


def test_a_checkpoint_is_told_by_its_name_and_by_the_mark_of_a_finished_one(tmp_path):
    assert not has_checkpoint(tmp_path)
    (tmp_path / "checkpoints" / "4.orbax-checkpoint-tmp-1").mkdir(parents=True)
    assert not has_checkpoint(tmp_path)
    (tmp_path / "checkpoints" / "2").mkdir()
    assert not has_checkpoint(tmp_path)
    (tmp_path / "checkpoints" / "2" / "_CHECKPOINT_METADATA").touch()
    assert has_checkpoint(tmp_path)
