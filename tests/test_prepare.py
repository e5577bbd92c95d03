"""What `bert-jax prepare` asks for and records."""

import json
from pathlib import Path

import pytest
from data_commands import error_of, write_corpus

from bert_jax import cli
from data_pipeline.tokenization.tokenizer import load_tokenizer


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus.txt")


def test_a_bare_vocabulary_needs_to_be_said_cased_or_uncased(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n")
    argv = ["prepare", str(corpus), "--tokenizer", str(vocab), "--output", str(tmp_path / "s")]
    assert "--cased or --uncased" in error_of(capsys, *argv)
    assert cli.main([*argv, "--uncased", "--eval-share=0.1", "--workers=1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokenizer"]["cased"] is False


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
