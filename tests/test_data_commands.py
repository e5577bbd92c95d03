"""`vocab`, `prepare` and `inspect`, one after another."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from data_commands import write_corpus

from bert_jax import cli


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus.txt")


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


def test_sentencepiece_is_learned_on_request_and_prepares_a_store(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["vocab", str(corpus), "--output", str(tmp_path / "t"), "--kind", "sentencepiece"]
    argv += ["--size", "90", "--sample", "500", "--cased", "--normalize", "nfkc", "--workers", "1"]
    assert cli.main([*argv, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["model"], made["cased"], made["warnings"]) == ("sentencepiece", True, [])
    assert made["taken"] == 500 < made["seen"] == 900
    assert cli.main(argv) == 0  # it is there
    shown = capsys.readouterr().out
    assert f"{made['vocab_size']} pieces of SentencePiece, cased" in shown
    assert "(learned from 500 different ones of 900 sentences)" in shown
    config = json.loads((tmp_path / "t" / "tokenizer_config.json").read_text())
    assert config["unicode_normalization"] == "nfkc"

    argv = ["prepare", str(corpus), "--tokenizer", str(tmp_path / "t"), "--workers", "1"]
    assert cli.main([*argv, "--output", str(tmp_path / "s"), "--eval_share", "0.1"]) == 0
    assert "pieces of SentencePiece, cased" in capsys.readouterr().out
