"""What became [UNK], and why."""

from pathlib import Path

import pytest
from corpora import Text, make_store, tokenizer_of, write

from data_pipeline.doctor.unknowns import unknown_contexts, unknown_words
from data_pipeline.tokenization.files import SPECIALS, Rules
from data_pipeline.tokenization.tokenizer import Tokenizer

LETTERS = [c for letter in "abcdefghijklmnopqrstuvwxyz" for c in (letter, f"##{letter}")]


@pytest.fixture(scope="module")
def lower() -> Tokenizer:
    """Keeps capitals and accents, and knows neither."""
    return Tokenizer([*SPECIALS, *LETTERS, ".", ","], Rules(cased=True))


def source(path: Path, text: str) -> list[dict]:
    path.write_text(text, encoding="utf-8")
    return [{"kind": "text", "input": str(path)}]


def test_words_and_characters_come_with_their_numbers(tmp_path: Path, lower: Tokenizer) -> None:
    sources = source(tmp_path / "a.txt", "smørrebrød og øl, og øl.\n\nnaïve øl\n")
    found = unknown_words(sources, lower)
    assert found is not None
    assert found.words == (("øl", 3), ("naïve", 1), ("smørrebrød", 1))
    assert found.characters == (("ø", 4), ("ï", 1))
    assert (found.count, found.inputs) == (5, (str(tmp_path / "a.txt"),))


def test_it_says_whether_case_or_accents_are_to_blame(tmp_path: Path, lower: Tokenizer) -> None:
    found = unknown_words(source(tmp_path / "a.txt", "The Cat sat. Naïve été.\n"), lower)
    assert found is not None
    assert found.lower_case_share == 2 / 4
    assert found.accents_share == 1 / 4


def test_text_that_is_gone_or_of_another_kind_blames_nothing(
    tmp_path: Path, lower: Tokenizer
) -> None:
    gone = {"kind": "text", "input": str(tmp_path / "gone.txt")}
    assert unknown_words([gone, {"kind": "documentation"}], lower) is None
    assert unknown_words(source(tmp_path / "a.txt", "all known.\n"), lower) is None


def test_only_the_beginning_of_a_text_is_read(tmp_path: Path, lower: Tokenizer) -> None:
    long = "known words.\n\n" * 200_000
    assert unknown_words(source(tmp_path / "a.txt", long + "Ø\n"), lower, max_bytes=1000) is None


def test_unknown_words_are_shown_with_what_stands_around_them(tmp_path: Path) -> None:
    documents = Text().documents(30)
    tokenizer = tokenizer_of(write(tmp_path / "known.txt", documents))
    documents[3][1] = "bana 漢 bana."
    store = make_store(tmp_path, documents, tokenizer)
    assert unknown_contexts(store.eval, tokenizer) == ()
    contexts = unknown_contexts(store.train, tokenizer)
    assert len(contexts) == 1
    assert contexts[0].startswith("bana [UNK] bana")
