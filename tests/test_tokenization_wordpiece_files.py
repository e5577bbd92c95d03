"""What of a WordPiece tokeniser's folder decides its ids, and that its files agree."""

import json
from pathlib import Path

import pytest
from test_tokenization_tokenizer import VOCAB, uncased, write

from data_pipeline.errors import DataError
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.wordpiece_files import read_facts


@pytest.mark.parametrize("removed", ["", "vocab.txt", "tokenizer.json"])
def test_either_file_says_the_same_with_the_configuration(removed: str, tmp_path: Path) -> None:
    uncased().save(tmp_path)
    if removed:
        (tmp_path / removed).unlink()
    facts, length = read_facts(tmp_path, None)
    assert (list(facts.vocab), facts.rules, length) == (VOCAB, Rules(cased=False), 512)
    assert {token.content for token in facts.added} <= {token for token in VOCAB if "[" in token}


def test_a_bare_vocabulary_takes_the_case_it_is_given(tmp_path: Path) -> None:
    write(tmp_path, VOCAB)
    for cased in (True, False):
        facts, _ = read_facts(tmp_path, cased)
        assert (facts.rules, list(facts.added)) == (Rules(cased), [])
    with pytest.raises(DataError, match="does not say whether it is cased"):
        read_facts(tmp_path, None)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("do_lower_case", False, "disagree about do_lower_case"),
        ("strip_accents", False, "disagree about strip_accents: false and true"),
        ("tokenize_chinese_chars", False, "disagree about tokenize_chinese_chars: false and true"),
        ("unicode_normalization", "nfkc", "disagree about unicode_normalization"),
        ("model_max_length", 0, "model_max_length must be a number above 0"),
    ],
)
def test_files_that_contradict_each_other_are_refused(
    field: str, value: object, said: str, tmp_path: Path
) -> None:
    uncased().save(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(DataError, match=said):
        read_facts(tmp_path, None)


@pytest.mark.parametrize("said", [{}, {"strip_accents": None}, {"strip_accents": True}])
def test_what_a_configuration_leaves_open_contradicts_nothing(
    said: dict[str, object], tmp_path: Path
) -> None:
    uncased().save(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(said))
    assert read_facts(tmp_path, None)[0].rules == Rules(cased=False)


def test_two_vocabularies_that_differ_are_refused(tmp_path: Path) -> None:
    uncased().save(tmp_path)
    write(tmp_path, [*VOCAB[:-1], "other"])
    with pytest.raises(DataError, match="hold different vocabularies"):
        read_facts(tmp_path, None)
