"""Preparation goes on where it was stopped, and the store is that of an uninterrupted run."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_preparation_prepare import files_of, make_documents, text_of

import data_pipeline.documents.text as text_module
import data_pipeline.preparation.prepare as preparation
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import prepare
from data_pipeline.preparation.work import JOB, BeingPrepared, WorkOnUnit
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer
from data_pipeline.tokenization.vocabulary import train_wordpiece

UNIT_BYTES = 3000
# How often the process is killed, at random moments; a longer run may ask for more.
ROUNDS = int(os.environ.get("BERT_JAX_PREPARE_ROUNDS", "3"))


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of two files, a tokeniser, and the store of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("prepare")
    (folder / "corpus").mkdir()
    for seed, name in enumerate(("a.txt", "b.txt", "empty.txt")):
        documents = [] if name == "empty.txt" else make_documents(60, seed)
        (folder / "corpus" / name).write_bytes(text_of(documents))
    texts = [paragraph for document in make_documents(50) for paragraph in document]
    train_wordpiece(texts, size=100).save(folder / "tokenizer")
    with pytest.MonkeyPatch.context() as patch:
        run(folder, folder / "whole", patch)
    return folder


def run(folder: Path, output: Path, patch: pytest.MonkeyPatch, share: float = 0.1):
    patch.setattr(text_module, "UNIT_BYTES", UNIT_BYTES)
    patch.setattr(preparation, "UNIT_BYTES", UNIT_BYTES)
    tokenizer: Tokenizer = load_tokenizer(folder / "tokenizer")
    return prepare([folder / "corpus"], tokenizer, output, eval_share=share, workers=1)


def interrupt_after(patch: pytest.MonkeyPatch, units: int, error: type = Interrupted) -> None:
    """Lets so many units be finished, and then raises."""
    left, original = [units], WorkOnUnit.__call__

    def some(self, pending):
        if not left[0]:
            raise error()
        left[0] -= 1
        original(self, pending)

    patch.setattr(WorkOnUnit, "__call__", some)


@settings(max_examples=10, deadline=None)
@given(stops=st.lists(st.integers(0, 8), min_size=1, max_size=4))
def test_a_store_does_not_depend_on_where_its_preparation_was_stopped(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, stops: list[int]
) -> None:
    output = tmp_path_factory.mktemp("stopped") / "store"
    for units in stops:
        with pytest.MonkeyPatch.context() as patch:
            interrupt_after(patch, units)
            try:
                run(folder, output, patch)
            except Interrupted:
                assert not output.exists()
    with pytest.MonkeyPatch.context() as patch:
        store = run(folder, output, patch)
    assert files_of(store) == files_of(type(store).open(folder / "whole"))
    assert [path.name for path in output.parent.iterdir()] == ["store"]


PROGRAM = """
import sys
import data_pipeline.documents.text as text, data_pipeline.preparation.prepare as preparation
from data_pipeline.tokenization.tokenizer import load_tokenizer
if __name__ == "__main__":
    folder, output, unit = sys.argv[1:]
    text.UNIT_BYTES = preparation.UNIT_BYTES = int(unit)
    print("begun", flush=True)
    tokenizer = load_tokenizer(f"{folder}/tokenizer")
    preparation.prepare([f"{folder}/corpus"], tokenizer, output, eval_share=0.1, workers=2)
"""


def test_a_process_that_is_killed_at_random_moments_and_started_again_writes_the_same_store(
    folder: Path, tmp_path: Path
) -> None:
    script, output = tmp_path / "program.py", tmp_path / "out" / "store"
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), str(folder), str(output), str(UNIT_BYTES)]
    rng = random.Random(time.time_ns())
    kills = 0
    while kills < ROUNDS:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            try:
                process.wait(rng.uniform(0, 2.5))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
                continue
        # It was quicker: what is there is whole, and the next round begins anew.
        assert process.returncode == 0
        kills += 1
        check_and_remove(output, folder)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    check_and_remove(output, folder)


def check_and_remove(output: Path, folder: Path) -> None:
    assert files_of(TokenStore.open(output)) == files_of(TokenStore.open(folder / "whole"))
    shutil.rmtree(output)


def test_other_settings_do_not_go_on_with_what_was_begun(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 3)
        with pytest.raises(Interrupted):
            run(folder, tmp_path / "store", patch)
    units = sorted((tmp_path / "store.partial").glob("*.npz"))
    assert len(units) == 3
    with pytest.raises(DataError, match=r"eval_share 0\.1 there and 0\.2 now.*remove the folder"):
        run(folder, tmp_path / "store", monkeypatch, share=0.2)
    assert sorted((tmp_path / "store.partial").glob("*.npz")) == units
    tokenizer = load_tokenizer(folder / "tokenizer")
    rules = CleaningRules(min_words=3)
    with pytest.raises(DataError, match=r"settings \(min_words 0 there and 3 now\); give the same"):
        prepare([folder / "corpus"], tokenizer, tmp_path / "store", eval_share=0.1, cleaning=rules)


@pytest.mark.parametrize(
    ("name", "was", "said"),
    [
        ("work_format", 1, r"work_format 1 there and 2 now"),
        ("sentencex version", "0.1", r"sentencex version 0\.1 there and [\d.]+ now"),
        # A setting of which earlier code knew nothing.
        ("eval_share", None, r"eval_share None there and 0\.1 now"),
    ],
)
def test_what_another_version_has_begun_is_refused_and_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, was: object, said: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 3)
        with pytest.raises(Interrupted):
            run(folder, tmp_path / "store", patch)
    partial = tmp_path / "store.partial"
    job = json.loads((partial / JOB).read_text("utf-8"))
    job["settings"] |= {name: was}
    if was is None:
        del job["settings"][name]
    (partial / JOB).write_text(json.dumps(job), "utf-8")
    before = {path.name: path.read_bytes() for path in partial.iterdir()}
    remedy = "remove the folder to begin anew, or go on with the version that began it"
    expected = rf"store\.partial: was begun by another version .*\({said}\); {remedy}$"
    with pytest.raises(DataError, match=expected):
        run(folder, tmp_path / "store", monkeypatch)
    assert {path.name: path.read_bytes() for path in partial.iterdir()} == before
    shutil.rmtree(partial)
    assert run(folder, tmp_path / "store", monkeypatch).train.num_tokens


def test_of_a_file_that_was_changed_since_nothing_is_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder / "corpus", tmp_path / "corpus")
    shutil.copytree(folder / "tokenizer", tmp_path / "tokenizer")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 8)
        with pytest.raises(Interrupted):
            run(tmp_path, tmp_path / "store", patch)
    (tmp_path / "corpus" / "a.txt").write_bytes(text_of(make_documents(60, seed=7)))
    store = run(tmp_path, tmp_path / "store", monkeypatch)
    anew = run(tmp_path, tmp_path / "anew", monkeypatch)
    assert files_of(store) == files_of(anew)
    assert store.fingerprint != type(store).open(folder / "whole").fingerprint


def test_the_same_store_is_not_made_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(folder, tmp_path / "store", monkeypatch)
    before = files_of(first)
    # As a process leaves it that is killed between the store's name and the end.
    (tmp_path / "store.partial").mkdir()
    monkeypatch.setattr(preparation, "open_work", None)
    assert files_of(run(folder, tmp_path / "store", monkeypatch)) == before
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_disk_that_is_full_keeps_what_is_done(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> OSError:
        return OSError(28, "No space left on device", "a file")

    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 4, full)
        with pytest.raises(DataError, match=r"a file: No space left.*the same command goes on"):
            run(folder, tmp_path / "store", patch)
    assert len(list((tmp_path / "store.partial").glob("*.npz"))) == 4
    store = run(folder, tmp_path / "store", monkeypatch)
    assert files_of(store) == files_of(type(store).open(folder / "whole"))


def test_a_finished_unit_that_is_damaged_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 2)
        with pytest.raises(Interrupted):
            run(folder, tmp_path / "store", patch)
    unit = tmp_path / "store.partial" / "0000-000000-000001.npz"
    content = bytearray(unit.read_bytes())
    content[len(content) // 3] ^= 0xFF
    unit.write_bytes(content)
    with pytest.raises(DataError, match=r"000001\.npz: is damaged.*remove it and start again"):
        run(folder, tmp_path / "store", monkeypatch)
    unit.unlink()
    store = run(folder, tmp_path / "store", monkeypatch)
    assert files_of(store) == files_of(type(store).open(folder / "whole"))


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"units": 1}', b"[" * 100_000])
def test_a_finished_files_record_that_is_damaged_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "merge", lambda *_: (_ for _ in ()).throw(Interrupted()))
        with pytest.raises(Interrupted):
            run(folder, tmp_path / "store", patch)
    (tmp_path / "store.partial" / "0000-000000.json").write_bytes(content)
    with pytest.raises(DataError, match=r"0000-000000\.json: is damaged; remove it and start"):
        run(folder, tmp_path / "store", monkeypatch)


def test_two_processes_do_not_prepare_the_same_store(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = WorkOnUnit.__call__

    def meanwhile(self, pending):
        if not seen:
            seen.append(True)
            with pytest.raises(BeingPrepared, match=r"store is being prepared by process \d+ on"):
                run(folder, tmp_path / "store", monkeypatch)
        original(self, pending)

    monkeypatch.setattr(WorkOnUnit, "__call__", meanwhile)
    run(folder, tmp_path / "store", monkeypatch)
    assert seen


def test_a_folder_that_holds_something_else_is_left_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store.partial").mkdir()
    (tmp_path / "store.partial" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds something else \(notes\.txt\)"):
        run(folder, tmp_path / "store", monkeypatch)
    assert (tmp_path / "store.partial" / "notes.txt").read_text() == "mine"


def test_the_store_says_which_documents_came_from_which_file(folder: Path) -> None:
    origins = json.loads((folder / "whole" / "origins.json").read_text())
    assert [Path(origin["name"]).name for origin in origins] == ["a.txt", "b.txt", "empty.txt"]
    assert [origin["train"] + origin["eval"] for origin in origins] == [60, 60, 0]
    (source,) = json.loads((folder / "whole" / "manifest.json").read_text())["sources"]
    assert source["train_documents"] + source["eval_documents"] == 120
    assert source["empty_files"] == 1
