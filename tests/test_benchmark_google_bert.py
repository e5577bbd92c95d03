"""A made-up script and a made-up TensorFlow stand for the original's, which few machines have."""

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_preparation_prepare import make_documents, text_of

from bert_jax import cli
from bert_jax.benchmarks import google_bert
from bert_jax.benchmarks.google_bert import Script, run
from bert_jax.errors import UserError
from data_pipeline.tokenization.vocabulary import train_wordpiece

TENSORFLOW = """
__version__ = "2.99"
class app:
    def run(main, argv):
        main(argv)
"""
# Its examples are sentences; a flag may say what goes wrong.
SCRIPT = """
import time
import tensorflow as tf
import tokenization

def create_instances_from_document(documents, index, passes):
    time.sleep(0.001)
    return documents[index]

def create_training_instances(sentences, passes):
    documents = [[]]
    for line in sentences:
        documents[-1].append(tokenization.tokenize(line)) if line else documents.append([])
    documents = [d for d in documents if d]
    time.sleep(0.1)
    return [
        example
        for _ in range(passes)
        for index in range(len(documents))
        for example in create_instances_from_document(documents, index, passes)
    ]

def write_instance_to_example_files(instances, path):
    time.sleep(0.05)
    with open(path, "w") as file:
        print(instances, file=file)

def main(argv):
    flags = dict(flag[2:].split("=") for flag in argv[1:])
    assert tf.__name__ == "tensorflow.compat.v1"
    assert (flags["max_seq_length"], flags["max_predictions_per_seq"]) == ("128", "20")
    assert flags["do_lower_case"] == "true"
    tokenization.load(flags["vocab_file"])
    with open(flags["input_file"]) as file:
        sentences = file.read().splitlines()
    instances = create_training_instances(sentences, int(flags["dupe_factor"]))
    write_instance_to_example_files(instances, flags["output_file"])
"""
TOKENIZATION = """
from tokenizers import Tokenizer
def load(vocab):
    global tokenizer
    tokenizer = Tokenizer.from_file(vocab.replace("vocab.txt", "../tokenizer/tokenizer.json"))
def tokenize(line):
    return tokenizer.encode(line, add_special_tokens=False).tokens
"""
BY_SPACES = "def load(vocab):\n    pass\ndef tokenize(line):\n    return line.split()\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout; this interpreter has TensorFlow."""
    compat = tmp_path / "packages" / "tensorflow" / "compat"
    compat.mkdir(parents=True)
    for file, content in (
        (compat.parent / "__init__.py", ""),
        (compat / "__init__.py", ""),
        (compat / "v1.py", TENSORFLOW),
        (compat.parent.parent / "six.py", ""),
    ):
        file.write_text(content)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"), prepend=os.pathsep)
    folder = tmp_path / "bert"
    folder.mkdir()
    (folder / google_bert.google_bert_shim.SCRIPT).write_text(SCRIPT)
    (folder / "tokenization.py").write_text(BY_SPACES)
    return folder


@contextmanager
def here(*makers):
    """`contestants` without processes, which take seconds to start."""
    yield [SimpleNamespace(seconds_per_step=timed(make(*args))) for make, args, _ in makers]


def timed(step):
    def seconds_per_step(steps):
        assert steps == 1
        began = time.perf_counter()
        step()
        return time.perf_counter() - began

    return seconds_per_step


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    path = tmp_path / "sentences.txt"
    path.write_text("One two three.\nFour.\n\nFive six.\n\n")
    return path


def test_the_script_is_run_with_its_own_flags_and_its_phases_are_timed(checkout, sentences):
    timed = Script(checkout, sys.executable).run(sentences, Path("vocab.txt"), False, 10)
    assert (timed.examples, timed.tokens) == (3 * 10, 6)
    assert timed.tensorflow == "2.99"
    assert timed.python == ".".join(map(str, sys.version_info[:3]))
    assert timed.reading >= 0.1
    assert timed.building >= 20 * 0.001
    assert timed.writing >= 0.05
    assert timed.seconds == timed.reading + timed.building + timed.writing


def test_each_number_of_passes_is_compared_whole_and_without_tokenising(
    checkout, tmp_path, monkeypatch
):
    documents = [[p.replace("[MASK]", "mask") for p in d] for d in make_documents(300)]
    (tmp_path / "text.txt").write_bytes(text_of(documents))
    train_wordpiece([p for d in documents for p in d], size=100).save(tmp_path / "tokenizer")
    (checkout / "tokenization.py").write_text(TOKENIZATION)
    monkeypatch.setattr(google_bert.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(google_bert, "PASSES", (2,))
    monkeypatch.setattr(google_bert, "contestants", here)
    script = Script(checkout, sys.executable)
    arguments = [str(tmp_path / "text.txt")], tmp_path / "tokenizer", script
    rows = run(*arguments, megabytes=1, rounds=1)
    assert [(row["name"].split(",")[0], row["unit"]) for row in rows] == [
        *[("text to examples", "examples/s")] * 2,
        *[("building examples", "examples/s")] * 2,
        *[(phase, "s") for phase in ("reading", "building", "writing")],
    ]
    for ours, theirs in (rows[:2], rows[2:4]):
        assert ours["name"] == theirs["name"]
        assert ours["peer"] is ours["ratio"] is None
        assert theirs["peer"].startswith("google-research/bert (TensorFlow 2.99, Python 3.")
        # Of one round the median is the round itself.
        assert theirs["ratio"] == pytest.approx(ours["value"] / theirs["value"])
    assert rows[0]["value"] < rows[2]["value"]
    assert json.dumps(rows)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tmp")]

    (checkout / "tokenization.py").write_text(BY_SPACES)
    with pytest.raises(UserError, match=r"the original makes \d+ tokens of these sentences, ours"):
        run(*arguments, megabytes=1, rounds=1)


def test_what_fails_in_the_script_is_named_in_one_line(checkout, sentences):
    script = Script(checkout, sys.executable)
    with pytest.raises(UserError) as failed:
        script.run(sentences.with_name("gone.txt"), Path("vocab.txt"), False, 1)
    message = str(failed.value)
    assert message.startswith(f"{checkout}/create_pretraining_data.py failed in {sys.executable}")
    assert "FileNotFoundError" in message
    assert "\n" not in message
    (checkout / "create_pretraining_data.py").write_text("def main(argv):\n    pass\n")
    with pytest.raises(UserError, match="no attribute 'create_instances_from_document'"):
        script.run(sentences, Path("vocab.txt"), False, 1)


def test_a_tokeniser_of_another_kind_is_refused(checkout, monkeypatch):
    monkeypatch.setattr(google_bert, "load_tokenizer", lambda path: object())
    with pytest.raises(UserError, match="tok: the original knows WordPiece alone"):
        run(["text.txt"], "tok", Script(checkout, sys.executable))


@pytest.mark.parametrize(
    ("path", "python", "message"),
    [
        ("nowhere", sys.executable, "error: nowhere: has no create_pretraining_data.py and no tok"),
        ("bert", "no-such-python", "error: --google_bert_python no-such-python: no such interp"),
        ("bert", "true", "error: --google_bert_python true: is no Python 3"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_measured(
    checkout, monkeypatch, capsys, path, python, message
):
    monkeypatch.chdir(checkout.parent)
    arguments = ["--data", "no-store", "--text", "text.txt", "--google_bert", path]
    assert cli.main(["benchmark", "data", *arguments, "--google_bert_python", python]) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


def test_an_interpreter_without_tensorflow_is_named(checkout, tmp_path):
    (tmp_path / "packages" / "six.py").unlink()
    for file in sorted((tmp_path / "packages").rglob("*.py")):
        file.unlink()
    lean = tmp_path / "lean"
    lean.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    lean.chmod(0o755)
    with pytest.raises(UserError) as found:
        Script(checkout, str(lean))
    assert str(found.value) == (
        f"{lean} ({lean}) has no tensorflow and no six; name an interpreter that has TensorFlow: "
        "--google_bert_python PYTHON"
    )
