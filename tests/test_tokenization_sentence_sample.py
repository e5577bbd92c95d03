from collections.abc import Callable
from pathlib import Path

import pytest

import data_pipeline.documents.text as text_module
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import vocabulary_from
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentence_sample import HashSample, Learned, hash_of, sample_of
from data_pipeline.tokenization.sentencepiece_vocabulary import sentencepiece_from
from data_pipeline.tokenization.vocabulary import wordpiece_from

LEARNERS = pytest.mark.parametrize("learn", [wordpiece_from, sentencepiece_from])
Learn = Callable[..., Learned]


def paragraph(i: int) -> str:
    return f"The cat {i} sat on mat {7 * i}. Dogs {i % 9} bark at {3 * i}! Why {i}?"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(map(paragraph, range(100))))
    return path


def sentences_in(path: Path, rules: Rules) -> list[str]:
    sample = HashSample(1000)
    sample_of([path], sample, rules, lines="paragraph", workers=1)
    return sample.sentences()


def test_the_sample_is_the_sentences_of_the_smallest_hashes() -> None:
    texts = [f"sentence {i}" for i in range(5000)]
    expected = sorted(texts, key=hash_of)[:100]
    for order in (texts, texts[::-1], texts * 3):
        sample = HashSample(100)
        sample.add((hash_of(text), text) for text in order)
        assert sample.sentences() == expected
        assert sample.seen == len(order)
    all_of_them = HashSample(9000)
    all_of_them.add((hash_of(text), text) for text in texts)
    assert len(all_of_them.sentences()) == 5000


def test_no_more_is_kept_than_a_little_above_the_sample() -> None:
    sample = HashSample(100)
    for i in range(20_000):
        sample.add([(hash_of(str(i)), str(i))])
        assert len(sample._kept) <= 1000 + 125


@pytest.mark.parametrize(("learn", "workers"), [(wordpiece_from, 2), (sentencepiece_from, 1)])
def test_order_of_the_files_units_and_processes_do_not_matter(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learn: Learn, workers: int
) -> None:
    paragraphs = corpus.read_text().split("\n\n")
    (tmp_path / "a.txt").write_text("\n\n".join(paragraphs[60:]))
    (tmp_path / "b.txt").write_text("\n\n".join(paragraphs[:60]))
    parts = [tmp_path / "a.txt", tmp_path / "b.txt"]
    whole = learn([corpus], 90, Rules(False), sample=120, workers=1)
    monkeypatch.setattr(text_module, "UNIT_BYTES", 1000)
    several = learn(parts, 90, Rules(False), sample=120, workers=workers)
    assert (whole.taken, whole.seen) == (several.taken, several.seen) == (120, 300)
    assert whole.tokenizer.fingerprint == several.tokenizer.fingerprint


def test_a_sample_of_every_sentence_gives_the_word_pieces_of_all_words(corpus: Path) -> None:
    found = [
        wordpiece_from([corpus], 90, Rules(False), sample=n, workers=1).tokenizer
        for n in (300, 9000, 40)
    ]
    everything = vocabulary_from([corpus], 90, workers=1)
    assert found[0].vocab == found[1].vocab == everything.vocab != found[2].vocab


@LEARNERS
def test_control_characters_change_nothing_of_what_is_learned(tmp_path: Path, learn: Learn) -> None:
    clean, full = tmp_path / "clean.txt", tmp_path / "full.txt"
    texts = [paragraph(i) for i in range(100)]
    clean.write_text("\n\n".join(texts))
    dirty = [
        # In a word, alone between words, after the end of a sentence, and in a line of their own.
        f"\0\x07\n{text}\x9f".replace("cat", "c\x07at").replace("! ", "!\x01 \x7f ")
        for text in texts
    ]
    full.write_text("\n\n".join([*dirty, "\x00 \x08"]))
    assert sentences_in(full, Rules(False)) == sentences_in(clean, Rules(False))
    found = [learn([path], 90, Rules(False), sample=99, workers=1) for path in (clean, full)]
    assert found[0].tokenizer.fingerprint == found[1].tokenizer.fingerprint
    assert (found[0].taken, found[0].seen) == (found[1].taken, found[1].seen) == (99, 300)


def test_control_characters_change_nothing_of_the_word_pieces_of_all_words(tmp_path: Path) -> None:
    clean, full = tmp_path / "clean.txt", tmp_path / "full.txt"
    texts = [paragraph(i) for i in range(100)]
    clean.write_text("\n\n".join(texts))
    full.write_text("\n\n".join(f"\x07{text} \0".replace("a", "a\x85\x9f") for text in texts))
    clean.write_text(clean.read_text().replace("a", "a "))  # U+0085 is white space
    found = [vocabulary_from([path], 90, workers=1) for path in (clean, full)]
    assert found[0].vocab == found[1].vocab


def test_the_unicode_form_comes_before_the_sentences(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("It is done． It is ﬁne． Yes．")
    assert "ﬁ" in "".join(sentences_in(path, Rules(True)))
    found = sentences_in(path, Rules(True, unicode_form="nfkc"))
    assert sorted(found) == ["It is done.", "It is fine.", "Yes."]


@LEARNERS
def test_a_sample_of_nothing_no_sentences_and_a_made_up_language_are_errors(
    tmp_path: Path, learn: Learn
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\x01 \x02\n")
    with pytest.raises(DataError, match="sample must be at least 1 sentence; got 0"):
        learn([path], 90, Rules(True), sample=0)
    with pytest.raises(DataError, match="language 'xx' is not known"):
        learn([path], 90, Rules(True), sample=5, lines="sentence", language="xx")
    with pytest.raises(DataError, match=r"there are no (words|sentences) to learn"):
        learn([path], 90, Rules(True), sample=5, lines="paragraph", workers=1)
