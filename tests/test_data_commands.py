"""What `vocab`, `prepare` and `inspect` make and print, and what they say of a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bert_jax import cli
from bert_jax.commands.inspect import kind_of
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


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    text = "The cat sat on the mat.\nA dog ran after cat {0}.\nBoth of them slept {0} hours."
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(text.format(number) for number in range(300)))
    return path


# --- all three, one after another -----------------------------------------------------------------


def test_text_becomes_a_store_in_two_commands_and_can_be_inspected(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer, store = tmp_path / "tokenizer", tmp_path / "store"
    argv = ["vocab", str(corpus), "--output", str(tokenizer), "--size", "120", "--workers", "1"]
    assert cli.main([*argv, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["kind"] == "tokenizer"
    assert 40 < made["vocab_size"] <= 120
    assert made["cased"] is False
    assert (tokenizer / "vocab.txt").is_file()

    argv = ["prepare", str(corpus), "--tokenizer", str(tokenizer), "--output", str(store)]
    assert cli.main([*argv, "--eval-share", "0.1", "--workers", "1"]) == 0
    shown = capsys.readouterr().out

    assert cli.main(["inspect", str(store)]) == 0
    assert capsys.readouterr().out == shown

    assert cli.main(["inspect", str(store), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "token store"
    assert facts["splits"]["train"]["documents"] + facts["splits"]["eval"]["documents"] == 300
    assert facts["tokenizer"]["fingerprint"] == made["fingerprint"]
    assert facts["fingerprint"][:16] in shown
    assert str(corpus) in shown


def test_a_vocabulary_is_not_learned_for_a_place_where_it_cannot_be_written(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(capsys, "vocab", str(corpus), "--output", str(corpus))
    assert message == f"--output {corpus} is a file; a tokeniser is a folder"
    assert "neither vocab.txt" in error_of(capsys, "vocab", str(corpus), "--output", str(tmp_path))


def test_a_bare_vocabulary_needs_to_be_said_cased_or_uncased(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n")
    argv = ["prepare", str(corpus), "--tokenizer", str(vocab), "--output", str(tmp_path / "s")]
    assert "--cased or --uncased" in error_of(capsys, *argv)
    assert cli.main([*argv, "--uncased", "--eval-share=0.1", "--workers=1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokenizer"]["cased"] is False


def test_both_commands_take_every_kind_of_input(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "lines.jsonl"
    texts = [f"The cat number {number} sat. It slept." for number in range(100)]
    lines.write_text("".join(json.dumps({"body": text}) + "\n" for text in texts))
    both = [str(corpus), str(lines), "--workers=1", "--json"]
    tokenizer, store = str(tmp_path / "tokenizer"), str(tmp_path / "store")

    assert cli.main(["vocab", *both, "--output", tokenizer]) == 2
    assert capsys.readouterr().err.endswith(
        f"error: {lines}, line 1: has no 'text', but 'body'; name the key of the text "
        "(--text_key)\n"
    )
    argv = [*both, "--text-key", "body"]
    assert cli.main(["vocab", *argv, "--output", tokenizer]) == 0
    capsys.readouterr()
    argv += ["--tokenizer", tokenizer, "--output", store, "--eval_share=0.1"]
    assert cli.main(["prepare", *argv]) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert [source["kind"] for source in facts["sources"]] == ["text", "jsonl"]
    assert facts["splits"]["train"]["documents"] + facts["splits"]["eval"]["documents"] == 400
    assert "jsonl; 100 of the first 100 lines" in err


def test_inspect_tells_a_store_from_a_run_and_says_what_else_it_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("store/manifest.json", "run/config.json", "run/checkpoints/7/x", "other/a.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert kind_of(tmp_path / "store") == "store"
    assert {kind_of(tmp_path / "run" / part) for part in ("", "checkpoints", "checkpoints/7")} == {
        "run"
    }
    assert error_of(capsys, "inspect", str(tmp_path / "other")).endswith(": it holds a.txt")
    assert error_of(capsys, "inspect", str(tmp_path / "other/a.txt")).endswith(": it is a file")
    assert "did you mean store?" in error_of(capsys, "inspect", str(tmp_path / "stroe"))
    assert "is not a token store" in error_of(capsys, "inspect", str(tmp_path / "store"))


def test_commands_that_do_not_compute_import_no_jax(corpus: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from bert_jax.cli import main\n"
        "if __name__ == '__main__':\n"
        "  c, t, s = sys.argv[1:]\n"
        "  assert not main(['vocab', c, '--output', t, '--size', '120', '--workers', '1'])\n"
        "  assert not main(['prepare', c, '--tokenizer', t, '--output', s, '--eval_share', '.1'])\n"
        "  assert not main(['inspect', s])\n"
        "  assert not main(['config', 'tiny', '--data', s])\n"
        "  assert not {'jax', 'flax', 'orbax'} & set(sys.modules)\n"
    )
    argv = [sys.executable, "-c", code, str(corpus), str(tmp_path / "t"), str(tmp_path / "s")]
    subprocess.run(argv, check=True, capture_output=True)


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
