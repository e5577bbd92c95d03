"""What `bert-jax vocab` makes and prints, and what it says of a mistake."""

import json
import os
from pathlib import Path

import pytest
from data_commands import VOCAB, error_of, write_corpus

from bert_jax import cli
from data_pipeline.preparation import prepare as preparation
from data_pipeline.preparation import word_counts
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.tokenizer import Tokenizer


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus.txt")


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "as_sources", lambda *_: pytest.fail("the text was read"))


def test_a_vocabulary_is_not_learned_for_a_place_where_it_cannot_be_written(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(capsys, "vocab", str(corpus), "--output", str(corpus))
    assert message == f"--output {corpus} is a file; a tokeniser is a folder"
    assert "neither vocab.txt" in error_of(capsys, "vocab", str(corpus), "--output", str(tmp_path))


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
        f"--output {tmp_path} holds another tokeniser, of 9 word pieces, {case}; "
        "remove it or name a new folder"
    )


def test_the_same_command_again_learns_nothing_unless_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "new" / "t"
    text.write_text("the cat sat on the mat " * 20)
    os.utime(text, (0, 0))
    argv = ["vocab", str(text), "--output", str(output), "--workers", "1", "--json"]
    argv += ["--size", "100"]
    assert cli.main(argv) == 0  # of fewer words than asked for
    first = capsys.readouterr().out
    assert json.loads(first)["vocab_size"] < 100

    (output / "vocab.txt").unlink()
    (output / "tokenizer.json").unlink()
    assert cli.main(argv) == 0  # after a stop before the end of writing
    assert capsys.readouterr().out == first

    monkeypatch.setattr(word_counts, "units_of", lambda *_: pytest.fail("the text was read"))
    assert cli.main(argv) == 0
    out, err = capsys.readouterr()
    assert out == first
    assert err == f"{output}: is there already, of the same text and settings\n"


@pytest.mark.parametrize("change", ["size", "text", "time", "name", "no record"])
def test_another_tokeniser_of_the_same_kind_is_refused_before_anything_is_learned(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    text, output, size = tmp_path / "text.txt", tmp_path / "t", 100
    text.write_text("the cat sat on the mat " * 20)
    os.utime(text, (0, 0))
    argv = ["vocab", str(text), "--output", str(output), "--workers", "1"]
    assert cli.main([*argv, "--size", "100"]) == 0
    capsys.readouterr()
    if change == "size":
        size = 101
    elif change == "text":
        text.write_text("the dog sat on the mat " * 21)
        os.utime(text, (0, 0))
    elif change == "time":
        text.write_text("the dog sat on the mat " * 20)
        os.utime(text, (2**32, 2**32))
    elif change == "name":
        argv[1] = str(text.rename(tmp_path / "other.txt"))
    else:
        (output / "learned.json").unlink()
    why = {
        "size": "size 100 there and 101 now",
        "name": "other input now",
        "text": "the text has changed since, or is read another way",
    }
    why["time"] = why["text"]
    origin = "" if change == "no record" else f", learned from {text} ({why[change]})"
    monkeypatch.setattr(word_counts, "units_of", lambda *_: pytest.fail("the text was read"))
    message = error_of(capsys, *argv, "--size", str(size))
    assert message.startswith(f"--output {output} holds another tokeniser, of ")
    assert message.endswith(f" word pieces, uncased{origin}; remove it or name a new folder")


@pytest.mark.parametrize(
    ("kind", "why"),
    [("wordpiece", "no more of them come twice in the text"), ("sentencepiece", "the text gives")],
)
def test_fewer_pieces_than_asked_for_are_told_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, why: str
) -> None:
    (tmp_path / "text.txt").write_text("the cat sat on the mat.\n" * 20)
    argv = ["vocab", str(tmp_path / "text.txt"), "--output", str(tmp_path / "t"), "--workers", "1"]
    assert cli.main([*argv, "--kind", kind]) == 0
    assert f"(fewer than the 30,522 asked for: {why}" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_a_sample_is_stated_in_the_terminal_as_json_and_in_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "t"
    text.write_text("".join(f"The cat sat on mat {i}.\n" for i in range(50)) * 2)
    os.utime(text, (0, 0))
    argv = ["vocab", str(text), "--output", str(output), "--workers", "1", "--kind", kind]
    argv += ["--size", "60", "--sample", "30"]
    assert cli.main(argv) == 0
    assert "\n(learned from 30 different ones of 100 sentences)\n" in capsys.readouterr().out
    assert json.loads((output / "learned.json").read_text())["facts"] == {
        "taken": 30,
        "seen": 100,
        "replaced_characters": 0,
    }
    assert cli.main([*argv, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["taken"], shown["seen"]) == (30, 100)
    argv[-1] = "40"
    assert " (sample 30 there and 40 now); remove it" in error_of(capsys, *argv)
    argv[-3] = "20"
    assert "(sample 30 there and 40 now; size 60 there and 20 now)" in error_of(capsys, *argv)


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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--model_type bpe", "--model_type is for --kind sentencepiece: WordPiece has one model"),
        ("--sample 0", "--sample: 0 is too few"),
        ("--byte_fallback", "--byte_fallback is for --kind sentencepiece"),
        ("--kind sentencepice", "did you mean sentencepiece?"),
        ("--kind sentencepiece --model_type word", "there is no model of SentencePiece 'word'"),
        ("--normalize nfd", "there is no Unicode form 'nfd'"),
        ("--keep_accents --strip_accents", "not allowed with"),
        ("--size 3 --kind sentencepiece", "room for 7 tokens"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_one_line(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: str, message: str
) -> None:
    output = tmp_path / "t"
    assert message in error_of(capsys, "vocab", corpus, "--output", output, *flags.split())
    assert not output.exists()


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ([], "ete"),
        (["--keep_accents"], "été"),
        (["--cased", "--strip_accents"], "Ete"),
        (["--cased"], "Été"),
    ],
)
def test_case_and_accents_are_dropped_apart(tmp_path: Path, flags: list[str], kept: str) -> None:
    (tmp_path / "text.txt").write_text("Été " * 30)
    argv = ["vocab", str(tmp_path / "text.txt"), "--output", str(tmp_path / "t"), "--workers", "1"]
    assert cli.main([*argv, "--size", "50", *flags]) == 0
    assert kept in (tmp_path / "t" / "vocab.txt").read_text().split("\n")


def test_a_script_whose_vowels_are_dropped_as_accents_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("यह एक वाक्य है। " * 30)
    argv = ["vocab", str(tmp_path / "text.txt"), "--workers", "1", "--size", "60"]
    assert cli.main([*argv, "--output", str(tmp_path / "a")]) == 0
    assert "in Devanagari; learn it again with --keep_accents" in capsys.readouterr().err
    assert cli.main([*argv, "--output", str(tmp_path / "b"), "--keep_accents"]) == 0
    assert "accents" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags", [[], ["--sample", "9"], ["--kind", "sentencepiece"], ["--extend", "VOCAB"]]
)
def test_characters_that_are_no_utf_8_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    text, output = tmp_path / "text.txt", tmp_path / "t"
    text.write_bytes(b"a cab had a bad caf\xe9. \n" * 6)
    (tmp_path / "VOCAB").write_text("\n".join([*VOCAB, "c", "##a", "##b", ""]))
    flags = [str(tmp_path / flag) if flag == "VOCAB" else flag for flag in flags]
    size = [] if "--extend" in flags else ["--size", "30"]
    argv = ["vocab", str(text), "--output", str(output), "--workers", "1", *size, *flags]
    assert cli.main(argv) == 0
    assert "(6 characters of the text replaced, no UTF-8)\n" in capsys.readouterr().out
    assert cli.main([*argv, "--json"]) == 0  # it is there already
    assert json.loads(capsys.readouterr().out)["replaced_characters"] == 6
