"""What a larger vocabulary has more, the record of it, and the first values of new rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_pipeline.errors import DataError
from data_pipeline.tokenization.extension import (
    Extension,
    extended_rows,
    extension_of,
    read_extension,
    write_extension,
)
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

RULES = Rules(cased=False)
OLD = Tokenizer([*SPECIALS, "a", "b", "##a", "##b"], RULES)
NEW = Tokenizer([*OLD.vocab, "ab", "baa"], RULES)
EXTENSION = Extension(OLD.fingerprint, 9, {"ab": (5, 8), "baa": (6, 7, 7)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_extension(tmp_path / "new" / "t", EXTENSION)
    NEW.save(tmp_path / "new" / "t")
    return tmp_path / "new" / "t"


def test_an_extension_is_what_the_old_tokeniser_makes_of_the_new_words() -> None:
    assert extension_of(OLD, NEW) == EXTENSION
    assert EXTENSION.size == NEW.vocab_size


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (OLD, "vocabulary of 9 must begin with all 9 tokens of the old one"),
        (Tokenizer([*SPECIALS, "b", "a", "##a", "##b", "ab"], RULES), "in their order"),
        (Tokenizer(NEW.vocab, Rules(cased=True)), "the rules for case"),
        (Tokenizer([*OLD.vocab, "abx"], RULES), "'abx' is no word that the old vocabulary spells"),
        (Tokenizer([*OLD.vocab, "##ab"], RULES), "'##ab' is no word"),
        (Tokenizer([*OLD.vocab, "[NEW]"], RULES), r"'\[NEW\]' is no word"),
        (object(), "only a WordPiece vocabulary"),
    ],
)
def test_what_does_not_extend_a_vocabulary_is_refused(new: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        extension_of(OLD, new)


@pytest.mark.parametrize("shape", [(9, 4), (9,), (9, 2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_old_rows_stay_and_new_ones_are_the_mean_of_their_pieces(
    shape: tuple[int, ...], dtype: Any
) -> None:
    table = np.random.default_rng(0).normal(size=shape).astype(dtype)
    rows = extended_rows(table, EXTENSION)
    assert rows.dtype == dtype
    assert rows.shape == (11, *shape[1:])
    assert rows[:9].tobytes() == table.tobytes()
    wide = table.astype(np.float64)
    np.testing.assert_array_equal(rows[9], ((wide[5] + wide[8]) / 2).astype(dtype))
    np.testing.assert_array_equal(rows[10], ((wide[6] + wide[7] + wide[7]) / 3).astype(dtype))


def test_sums_are_not_made_in_float32() -> None:
    table = np.zeros((9, 1), np.float32)
    table[[6, 7]] = [[2.0**30], [-(2.0**29) + 32]]
    assert extended_rows(table, EXTENSION)[10, 0] == np.float32(64 / 3)


@pytest.mark.parametrize("shape", [(10, 4), (8,), ()])
def test_a_table_of_another_number_of_rows_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="must have 9 rows"):
        extended_rows(np.zeros(shape, np.float32), EXTENSION)


def test_a_folder_says_what_it_extends(folder: Path) -> None:
    assert read_extension(folder) == EXTENSION
    assert json.loads((folder / "extended.json").read_text())["from"] == OLD.fingerprint


def test_a_folder_that_extends_nothing_says_nothing(tmp_path: Path) -> None:
    OLD.save(tmp_path)
    assert read_extension(tmp_path) is None
    assert read_extension(tmp_path / "absent") is None


def test_a_folder_that_was_begun_with_its_record_is_completed(tmp_path: Path) -> None:
    write_extension(tmp_path, EXTENSION)
    NEW.save(tmp_path)
    assert read_extension(tmp_path) == EXTENSION


def test_of_two_extensions_the_last_is_on_record_and_both_are_found_from_the_first(
    folder: Path, tmp_path: Path
) -> None:
    last = Tokenizer([*NEW.vocab, "aba"], RULES)
    write_extension(tmp_path / "last", extension_of(NEW, last))
    last.save(tmp_path / "last")
    found = read_extension(tmp_path / "last")
    assert found == Extension(NEW.fingerprint, 11, {"aba": (9, 7)})
    both = extension_of(OLD, last)
    assert both == Extension(OLD.fingerprint, 9, {**EXTENSION.pieces, "aba": (5, 8, 7)})
    # One after the other: the mean of a mean.
    table = np.arange(9, dtype=np.float32)
    rows = extended_rows(extended_rows(table, EXTENSION), found)
    np.testing.assert_array_equal(rows[-1], np.float32((6.5 + 7) / 2))
    np.testing.assert_array_equal(extended_rows(table, both)[-1], np.float32(20 / 3))


PIECES = {"ab": [5, 8], "baa": [6, 7, 7]}
RIGHT = {"from": OLD.fingerprint, "old_size": 9, "pieces": PIECES}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must hold a JSON object"),
        ({}, "must hold from, old_size, pieces"),
        ({**RIGHT, "more": 1}, "and nothing else"),
        ({**RIGHT, "from": 3}, "from must be a tokeniser's fingerprint; got 3"),
        ({**RIGHT, "from": "0" * 64}, "not those of the tokeniser that `from` names"),
        ({**RIGHT, "old_size": "9"}, "old_size must be above 0 and below the 11 tokens"),
        ({**RIGHT, "old_size": True}, "old_size must be"),
        ({**RIGHT, "old_size": 11}, "old_size must be"),
        ({**RIGHT, "old_size": 0}, "old_size must be"),
        ({**RIGHT, "old_size": 10}, "pieces must hold the 1 tokens from id 10 on"),
        ({**RIGHT, "old_size": 10, "pieces": {"baa": [9, 7]}}, "not those of the tokeniser"),
        (
            {**RIGHT, "old_size": 4, "pieces": {t: [0] for t in NEW.vocab[4:]}},
            r"old tokens: the vocabulary of 4 lacks \[MASK\]",
        ),
        ({**RIGHT, "pieces": [[5, 8]]}, "pieces must hold the 2 tokens"),
        ({**RIGHT, "pieces": {"ab": [5, 8]}}, "pieces must hold the 2 tokens"),
        ({**RIGHT, "pieces": {"baa": [6, 7, 7], "ab": [5, 8]}}, "in their order"),
        ({**RIGHT, "pieces": {**PIECES, "ab": []}}, "'ab' must be a list of ids from 0 to 8"),
        ({**RIGHT, "pieces": {**PIECES, "ab": 5}}, "'ab' must be a list"),
        ({**RIGHT, "pieces": {**PIECES, "ab": [5, 9]}}, r"must be a list .*; got \[5, 9\]"),
        ({**RIGHT, "pieces": {**PIECES, "ab": [5, -1]}}, "must be a list"),
        ({**RIGHT, "pieces": {**PIECES, "ab": [5, 8.0]}}, "must be a list"),
        ({**RIGHT, "pieces": {**PIECES, "ab": [5, True]}}, "must be a list"),
        ({**RIGHT, "pieces": {**PIECES, "ab": ["5", 8]}}, "must be a list"),
        ({**RIGHT, "pieces": {**PIECES, "ab": [10**400]}}, "must be a list"),
        ({**RIGHT, "pieces": {**PIECES, "ab": [5, 7]}}, r"old tokeniser makes \[5, 8\] of it"),
    ],
)
def test_a_record_that_is_not_of_its_tokeniser_is_an_error(
    folder: Path, facts: Any, message: str
) -> None:
    text = facts if isinstance(facts, str) else json.dumps(facts)
    (folder / "extended.json").write_text(text)
    with pytest.raises(DataError, match=message) as error:
        read_extension(folder)
    assert str(error.value).startswith(str(folder / "extended.json"))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(folder)) + 250
