import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import data_pipeline.documents.text as text_module
from data_pipeline.errors import DataError
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_vocabulary import (
    sentencepiece_from,
    train_sentencepiece,
)
from data_pipeline.tokenization.text_tokenizer import SPECIALS

WORDS = "the a walk walks walking walked talk talking talked unable able table".split()


def sentences(count: int = 200) -> list[str]:
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=8)) + "." for _ in range(count)]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    lines = iter(sentences(600))
    path.write_text("\n\n".join(f"{a} {b} {c}" for a, b, c in zip(*[lines] * 3, strict=True)))
    return path


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_special_tokens_come_first_and_common_words_are_pieces(model_type: str) -> None:
    tokenizer = train_sentencepiece(sentences(), 60, Rules(True), model_type=model_type).tokenizer
    assert tokenizer.vocab[:5] == SPECIALS
    assert tokenizer.vocab_size <= 60
    assert "▁the" in tokenizer.vocab
    assert tokenizer.rules == Rules(True, tokenize_chinese_chars=False)


def test_the_order_and_copies_of_the_sentences_do_not_matter() -> None:
    shuffled = sentences() * 2
    random.Random(1).shuffle(shuffled)
    first = train_sentencepiece(sentences(), 60, Rules(False))
    second = train_sentencepiece(shuffled, 60, Rules(False))
    assert first.tokenizer.fingerprint == second.tokenizer.fingerprint
    assert (second.taken, second.seen) == (first.taken, 2 * first.seen)


def test_hash_seeds_and_processes_do_not_matter(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_module, "UNIT_BYTES", 4000)
    found = [sentencepiece_from([corpus], 60, Rules(False), workers=n) for n in (1, 2)]
    assert 500 < found[0].seen == found[1].seen <= 600
    script = (
        "import sys; from data_pipeline.tokenization.sentencepiece_vocabulary import *\n"
        "found = sentencepiece_from(sys.argv[1:], 60, Rules(False), workers=1)\n"
        "print(found.tokenizer.fingerprint)"
    )
    argv = [sys.executable, "-c", script, str(corpus)]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True)
    fingerprints = {one.tokenizer.fingerprint for one in found} | {shown.stdout.strip()}
    assert len(fingerprints) == 1


def test_a_smaller_sample_is_stated_and_learned_from() -> None:
    found = train_sentencepiece([*sentences(), "zyx"], 60, Rules(True), sample=30)
    assert (found.taken, found.seen) == (30, 201)
    assert found.tokenizer.fingerprint != (
        train_sentencepiece(sentences(), 60, Rules(True)).tokenizer.fingerprint
    )


def test_rules_are_applied_before_learning() -> None:
    texts = [f"{'Talk' if i % 2 else 'talk'} na{'i' + chr(0x308)}ve ｗalk" for i in range(50)]
    vocab = "".join(train_sentencepiece(texts, 60, Rules(False)).tokenizer.vocab[5:])
    assert "T" not in vocab
    assert "\u0308" not in vocab
    assert "ｗ" in vocab
    rules = Rules(True, unicode_form="nfkc")
    vocab = "".join(train_sentencepiece(texts, 60, rules).tokenizer.vocab[5:])
    assert "T" in vocab
    assert "ï" in vocab
    assert "ｗ" not in vocab


@pytest.mark.parametrize("more", [{}, {"model_type": "bpe"}, {"byte_fallback": True}])
def test_the_size_that_is_said_to_be_needed_is_enough(more: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        train_sentencepiece(sentences(), 10, Rules(True), **more)
    needed = re.search(r"a size of (\d+) at least", str(caught.value))
    assert needed is not None
    learned = train_sentencepiece(sentences(), int(needed[1]), Rules(True), **more)
    assert learned.tokenizer.vocab_size == int(needed[1])


def test_few_words_give_fewer_pieces_than_asked_for() -> None:
    assert train_sentencepiece(["ab ab"] * 3, 500, Rules(True)).tokenizer.vocab_size < 20


def test_bytes_are_pieces_on_request() -> None:
    for cased in (False, True):  # "<0x0A>" is no capital of an uncased one
        rules = Rules(cased)
        found = train_sentencepiece(sentences(), 330, rules, byte_fallback=True).tokenizer
    assert found.token_to_id("<0x00>") == 5
    assert found.decode(found.encode("walk ☃")) == "walk ☃"


@pytest.mark.parametrize(
    ("size", "more", "message"),
    [
        (6, {}, "room for 7 tokens at least"),
        (10, {}, r"a vocabulary of 10 is too small for this text: .* take (\d+) places; .* \1 at"),
        (200, {"byte_fallback": True}, "the 256 bytes and the special pieces take 2"),
        (60, {"sample": 0}, "sample must be at least 1 sentence; got 0"),
        (60, {"model_type": "word"}, "model_type must be unigram or bpe; got 'word'"),
    ],
)
def test_what_cannot_be_learned_is_an_error_that_says_what_to_do(
    size: int, more: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        train_sentencepiece(sentences(), size, Rules(True), **more)


def test_no_text_is_an_error() -> None:
    with pytest.raises(DataError, match="no sentences"):
        train_sentencepiece(["", " \0"], 60, Rules(True))
