"""What `bert-jax vocab --extend` makes and prints, and what it says of a mistake."""

import json
import os
from pathlib import Path

import pytest
from data_commands import VOCAB, error_of
from test_tokenization_byte_level_tokenizer import learn, write

from bert_jax import cli
from bert_jax.commands.vocab_extend import show
from data_pipeline.preparation import word_counts
from data_pipeline.tokenization.extension import extension_of, read_extension, write_extension
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_vocabulary import train_sentencepiece
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

OLD = Tokenizer([*VOCAB, "##a", "##b"], Rules(cased=False))


@pytest.fixture
def argv(tmp_path: Path) -> list[str]:
    OLD.save(tmp_path / "old")
    (tmp_path / "text.txt").write_text("Abba baa, abba abba ab. " * 5)
    os.utime(tmp_path / "text.txt", (0, 0))
    flags = ["--extend", str(tmp_path / "old"), "--output", str(tmp_path / "new" / "t")]
    return ["vocab", str(tmp_path / "text.txt"), *flags, "--workers", "1"]


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_counts, "units_of", lambda *_: pytest.fail("the text was read"))


def test_the_new_tokeniser_its_record_and_what_it_saves(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*argv, "--add", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    new = load_tokenizer(tmp_path / "new" / "t")
    assert new.vocab == (*OLD.vocab, "abba", "baa")
    extension = read_extension(tmp_path / "new" / "t")
    assert extension is not None
    assert extension.parent == found["extends"] == OLD.fingerprint
    assert found["fingerprint"] == new.fingerprint
    assert (found["old_size"], found["vocab_size"], found["added"]) == (9, 11, 2)
    assert found["words"] == 25
    text = (tmp_path / "text.txt").read_text()
    assert found["tokens_before"] == len(OLD.encode(text))
    assert found["tokens_after"] == len(new.encode(text))
    assert found["examples"] == [
        {"word": "abba", "count": 15, "pieces": ["a", "##b", "##b", "##a"]},
        {"word": "baa", "count": 5, "pieces": ["b", "##a", "##a"]},
    ]


def test_the_same_command_again_chooses_nothing_unless_it_was_stopped(
    argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = Path(argv[5])
    assert cli.main([*argv, "--json"]) == 0
    first = capsys.readouterr().out
    (output / "vocab.txt").unlink()
    (output / "tokenizer.json").unlink()
    assert cli.main([*argv, "--json"]) == 0  # after a stop before the end of writing
    assert capsys.readouterr().out == first

    monkeypatch.setattr(word_counts, "units_of", lambda *_: pytest.fail("the text was read"))
    assert cli.main([*argv, "--json"]) == 0
    out, err = capsys.readouterr()
    assert out == first
    assert err == f"{output}: is there already, of the same text and settings\n"
    message = error_of(capsys, *argv, "--add", "1")
    assert message.startswith(f"--output {output} holds another tokeniser, of 12 word pieces")
    assert " there and 1 now); remove it" in message
    (output / "extended.json").unlink()
    assert "holds another tokeniser" in error_of(capsys, *argv)


def test_a_stopped_extension_says_nothing_of_a_vocabulary_learned_in_its_place(
    argv: list[str],
) -> None:
    output = Path(argv[5])
    write_extension(output, extension_of(OLD, Tokenizer([*OLD.vocab, "ab"], OLD.rules)))
    assert cli.main([*argv[:2], "--output", argv[5], "--workers", "1", "--size", "20"]) == 0
    assert read_extension(output) is None


def test_an_extended_tokeniser_is_extended_again(argv: list[str], tmp_path: Path) -> None:
    assert cli.main([*argv, "--add", "1"]) == 0
    again = [*argv, "--extend", argv[5], "--output", str(tmp_path / "again"), "--add", "1"]
    assert cli.main(again) == 0
    extension = read_extension(tmp_path / "again")
    assert extension is not None
    assert extension.parent == load_tokenizer(argv[5]).fingerprint
    assert load_tokenizer(tmp_path / "again").vocab == (*OLD.vocab, "abba", "baa")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--size 9", "not with --extend: --size: the new size is the old one and the words added"),
        ("--kind wordpiece", "not with --extend: --kind: the kind is that of the tokeniser"),
        ("--cased", "old says itself whether it is cased"),
        ("--keep_accents", "--strip_accents and --keep_accents: the rules are those of the token"),
        ("--strip_accents", "--strip_accents and --keep_accents: the rules are those of the token"),
        ("--normalize none", "--normalize: the rules are those of the tokeniser"),
        ("--model_type bpe", "--model_type: only WordPiece can be extended"),
        ("--byte_fallback", "--byte_fallback: only WordPiece can be extended"),
        ("--sample 9", "--sample: all words of the text are counted"),
        ("--add 0", "--add: 0 is too few"),
        ("--extend none", "none: no such tokeniser"),
        ("--extend", "--extend: expected one argument"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_one_line(
    argv: list[str], capsys: pytest.CaptureFixture[str], flags: str, message: str
) -> None:
    assert message in error_of(capsys, *argv, *flags.split())
    assert not Path(argv[5]).parent.exists()


def test_words_are_added_to_a_tokeniser_alone(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(capsys, *argv[:2], "--output", argv[5], "--add", "3")
    assert message == "--add says how many words --extend TOKENISER adds; name the tokeniser"


@pytest.mark.usefixtures("no_work")
def test_a_tokeniser_of_another_kind_is_refused(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_sentencepiece(["ab ba aab bba"] * 9, 12, OLD.rules).tokenizer.save(tmp_path / "sp")
    message = error_of(capsys, *argv, "--extend", str(tmp_path / "sp"))
    assert message.startswith(f"--extend {tmp_path / 'sp'}: only a WordPiece tokeniser can be ext")
    write(tmp_path / "bytes", learn())
    message = error_of(capsys, *argv, "--extend", str(tmp_path / "bytes"))
    assert "this one is byte-level BPE" in message
    assert "SentencePiece" not in message
    assert message.endswith("or start from a model with WordPiece")
    assert not Path(argv[5]).parent.exists()


@pytest.mark.usefixtures("no_work")
def test_a_tokeniser_is_not_written_over_the_one_that_it_extends(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = error_of(capsys, *argv, "--output", str(tmp_path / "old"))
    assert message.endswith("of 9 word pieces, uncased; remove it or name a new folder")


def test_a_text_without_such_words_leaves_nothing_behind(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("a b c d1 " * 9)
    assert cli.main(argv) == 2
    assert "error: there is nothing to add" in capsys.readouterr().err
    assert not Path(argv[5]).parent.exists()


@pytest.mark.parametrize(("cased", "flags"), [(False, []), (True, ["--cased"])])
def test_a_bare_vocabulary_is_uncased_unless_it_is_said(
    argv: list[str], tmp_path: Path, cased: bool, flags: list[str]
) -> None:
    path = tmp_path / "bare.txt"
    path.write_text("\n".join([*OLD.vocab, *"AB"[: 2 * cased]]))
    assert cli.main([*argv, "--extend", str(path), *flags]) == 0
    new = load_tokenizer(argv[5])
    assert new.cased == cased
    assert (new.token_to_id("Abba") is not None) == cased


def test_what_a_person_reads_fits_into_80_columns(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("ab abb aba Abba baa x " * 5 + "ab" * 40 + " " + "ab" * 40)
    assert cli.main([*argv, "--add", "9"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{argv[5]}: a tokeniser of 14 word pieces, uncased\n5 of them new, ")
    assert "fewer than the 9 asked for: the text has no more" in " ".join(out.split())
    assert "  abba      5  a ##b ##b ##a\n" in out
    assert "[UNK] stays what it is: 5 words with characters that the vocabulary lacks" in out
    facts = json.loads((Path(argv[5]) / "learned.json").read_text())["facts"]
    facts["examples"].append({"word": "ab" * 40, "count": 5, "pieces": ["a", "##b"] * 40})
    lines = show(facts, 9, "a/long/path/" * 3 + "tokeniser", 80)
    assert max(map(len, lines)) == 80
