"""What `vocab`, `prepare` and `inspect` make and print, and what they say of a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bert_jax import cli
from bert_jax.commands.inspect import kind_of
from data_pipeline.preparation import prepare as preparation
from data_pipeline.store.writer import EncodedPart, new_store
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

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
    inspected = capsys.readouterr().out
    assert inspected.startswith(shown.partition("warning: ")[0])
    assert "tokens a sentence" in inspected
    assert inspected.endswith(f"as a page: {store / 'inspect.html'}\n")
    assert (store / "inspect.html").read_text().startswith("<!doctype html>")

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
        f"--output {tmp_path} holds another tokeniser, of 9 word pieces, {case}; "
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


def test_sentencepiece_is_learned_on_request_and_prepares_a_store(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["vocab", str(corpus), "--output", str(tmp_path / "t"), "--kind", "sentencepiece"]
    argv += ["--size", "90", "--sample", "500", "--cased", "--normalize", "nfkc", "--workers", "1"]
    assert cli.main([*argv, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["model"], made["cased"], made["warnings"]) == ("sentencepiece", True, [])
    assert made["taken"] == 500 < made["seen"] == 900
    assert cli.main(argv) == 0  # again in its place
    shown = capsys.readouterr().out
    assert f"{made['vocab_size']} pieces of SentencePiece, cased" in shown
    assert "(learned from 500 of 900 sentences)" in shown
    config = json.loads((tmp_path / "t" / "tokenizer_config.json").read_text())
    assert config["unicode_normalization"] == "nfkc"

    argv = ["prepare", str(corpus), "--tokenizer", str(tmp_path / "t"), "--workers", "1"]
    assert cli.main([*argv, "--output", str(tmp_path / "s"), "--eval_share", "0.1"]) == 0
    assert "pieces of SentencePiece, cased" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--model_type bpe", "--model_type is for --kind sentencepiece: WordPiece has one model"),
        ("--sample 9", "--sample is for --kind sentencepiece: WordPiece counts all words"),
        ("--byte_fallback", "--byte_fallback is for --kind sentencepiece"),
        ("--kind sentencepice", "did you mean sentencepiece?"),
        ("--kind sentencepiece --sample 0", "--sample: 0 is too few"),
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


@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece"])
def test_a_tokenizer_without_a_unicode_form_can_be_given_one_that_the_store_records(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    argv = ["vocab", str(corpus), "--output", str(tmp_path / "t"), "--workers", "1", "--kind", kind]
    assert cli.main([*argv, "--size", "90"]) == 0
    argv = ["prepare", str(corpus), "--workers", "1", "--eval_share", "0.1", "--normalize", "nfc"]
    argv += ["--output", str(tmp_path / "s"), "--tokenizer", str(tmp_path / "t")]
    assert cli.main(argv) == 0
    made = load_tokenizer(tmp_path / "s" / "tokenizer")
    assert made.rules.unicode_form == "nfc"
    assert made.vocab == load_tokenizer(tmp_path / "t").vocab
    assert made.fingerprint != load_tokenizer(tmp_path / "t").fingerprint
    capsys.readouterr()
    argv = ["prepare", corpus, "--tokenizer", tmp_path / "s" / "tokenizer", "--normalize", "nfkc"]
    message = error_of(capsys, *argv, "--output", tmp_path / "other")
    assert message == "--normalize nfkc: the tokeniser was made for nfc; leave the flag out"


# --- inspect --------------------------------------------------------------------------------------


def test_a_store_is_verified_when_asked(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inspect", str(store), "--verify"]) == 0
    assert capsys.readouterr().out.endswith("all checksums agree\n")
    assert cli.main(["inspect", str(store), "--verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    assert cli.main(["inspect", str(store)]) == 0
    assert "checksums" not in capsys.readouterr().out


def test_the_page_goes_where_it_is_told_to(store: Path, tmp_path: Path, capsys) -> None:
    page = tmp_path / "page.html"
    assert cli.main(["inspect", str(store), "--html", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["html"] == str(page)
    assert page.is_file()
    assert not (store / "inspect.html").exists()
    message = error_of(capsys, "inspect", store, "--html", tmp_path / "no" / "page.html")
    assert message.startswith(f"--html {tmp_path / 'no' / 'page.html'} cannot be written: No such")


def test_a_store_that_cannot_be_written_is_inspected_all_the_same(store: Path, capsys) -> None:
    (store / "inspect.html").mkdir()
    assert cli.main(["inspect", str(store), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["html"] is None
    assert err.count("\n") == 1
    assert err.startswith(f"{store / 'inspect.html'} cannot be written (")
    assert err.endswith("--html FILE names another place\n")
    assert list(store.glob("inspect.html.*")) == []


def test_the_length_of_a_run_decides_whether_there_is_text_enough(corpus: Path, tmp_path, capsys):
    tokenizer, store = tmp_path / "tokenizer", tmp_path / "store"
    argv = ["vocab", str(corpus), "--output", str(tokenizer), "--size", "120", "--workers", "1"]
    assert cli.main(argv) == 0
    argv = ["prepare", str(corpus), "--tokenizer", str(tokenizer), "--output", str(store)]
    assert cli.main([*argv, "--eval-share", "0.1", "--workers", "1"]) == 0
    capsys.readouterr()
    for steps, warned in (("10", False), ("100_000", True)):
        argv = ["inspect", str(store), "--steps", steps, "--batch-size", "8", "--json"]
        assert cli.main(argv) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["planned"] == {"steps": int(steps), "batch_size": 8}
        assert ("few_examples" in [f["name"] for f in facts["findings"]]) is warned


def test_a_token_outside_the_vocabulary_is_found_by_verifying(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = store / "train" / "tokens.npy"
    file.write_bytes(file.read_bytes()[:-2] + b"\xff\xff")
    assert cli.main(["inspect", str(store)]) == 0  # warned of, and all else is shown
    assert "train holds 1 token that no text gives" in capsys.readouterr().out
    message = error_of(capsys, "inspect", store, "--verify")
    assert "train/tokens.npy has changed since it was written" in message
    assert message.endswith("prepare it again")


def test_only_a_store_can_be_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    message = error_of(capsys, "inspect", tmp_path, "--verify")
    assert message == f"--verify compares the checksums of a token store; {tmp_path} is none"
    message = error_of(capsys, "inspect", tmp_path, "--html", "page.html")
    assert message == f"--html is for a token store; {tmp_path} is none"
