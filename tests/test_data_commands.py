"""What `vocab`, `prepare` and `inspect` do where something is wrong with the data or its place."""

import json
from pathlib import Path

import numpy as np
import pytest

from bert_jax import cli
from data_pipeline import preparation
from data_pipeline.token_store_writer import EncodedPart, new_store
from data_pipeline.tokenizer import Tokenizer
from data_pipeline.tokenizer_files import SPECIALS, Rules

VOCAB = [*SPECIALS, "a", "b"]


def error_of(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> str:
    """The one line of error of a user's mistake."""
    assert cli.main([str(argument) for argument in argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removeprefix("error: ").rstrip("\n")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    part = EncodedPart(
        np.array([5, 6, 5], np.uint16), np.array([3]), np.array([1]), {"words": 3, "bytes": 6}
    )
    with new_store(tmp_path / "store", Tokenizer(VOCAB, Rules(cased=False))) as writer:
        for split in writer.splits.values():
            split.append(part)
        writer.finish({"sources": []})
    return tmp_path / "store"


# --- vocab ----------------------------------------------------------------------------------------


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "as_sources", lambda *_: pytest.fail("the text was read"))


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("there", "flags"),
    [
        (Rules(cased=True), ["--size", "7"]),
        (Rules(cased=False), ["--size", "7", "--cased"]),
        (Rules(cased=False), ["--size", "8"]),
    ],
)
def test_a_vocabulary_is_not_learned_where_another_is_sure_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], there: Rules, flags: list[str]
) -> None:
    Tokenizer([*VOCAB, "c", "d"], there).save(tmp_path)
    message = error_of(capsys, "vocab", "text.txt", "--output", tmp_path, *flags)
    case = "cased" if there.cased else "uncased"
    assert message == (
        f"--output {tmp_path} holds another tokeniser, of 9 word pieces and {case}; "
        "remove it or name a new one"
    )


def test_a_vocabulary_is_learned_again_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat " * 20)
    argv = ["vocab", str(text), "--output", str(tmp_path / "new" / "t"), "--workers", "1", "--json"]
    for _ in range(2):  # of fewer words than asked for
        assert cli.main([*argv, "--size", "100"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert json.loads(first)["vocab_size"] < 100
    (tmp_path / "new" / "t" / "vocab.txt").unlink()
    (tmp_path / "new" / "t" / "tokenizer.json").unlink()
    assert cli.main([*argv, "--size", "100"]) == 0  # after a stop before the end of writing
    assert capsys.readouterr().out.rstrip() == first


@pytest.mark.usefixtures("no_work")
def test_a_vocabulary_is_not_learned_for_a_folder_that_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    output = file / "deep" / "tokenizer"
    message = error_of(capsys, "vocab", "text.txt", "--output", output)
    assert message == f"--output {output} cannot be made: {file} is a file"
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    output = tmp_path / "new" / "tokenizer"
    message = error_of(capsys, "vocab", "text.txt", "--output", output)
    assert message.endswith(f"no permission to write in {tmp_path}")


# --- inspect --------------------------------------------------------------------------------------


def test_a_store_is_verified_when_asked(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(store), "--verify"]) == 0
    assert capsys.readouterr().out.endswith("all checksums agree\n")
    assert cli.main(["inspect", str(store), "--verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    assert cli.main(["inspect", str(store)]) == 0
    assert "checksums" not in capsys.readouterr().out


def test_a_token_outside_the_vocabulary_is_found_by_verifying(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = store / "train" / "tokens.npy"
    file.write_bytes(file.read_bytes()[:-2] + b"\xff\xff")
    assert cli.main(["inspect", str(store)]) == 0  # only sizes are looked at
    capsys.readouterr()
    message = error_of(capsys, "inspect", store, "--verify")
    assert "train/tokens.npy has changed since it was written" in message
    assert message.endswith("prepare it again")


def test_only_a_store_can_be_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    message = error_of(capsys, "inspect", tmp_path, "--verify")
    assert message == f"--verify compares the checksums of a token store; {tmp_path} is none"
