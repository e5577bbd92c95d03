"""The rules that look at one document."""

import dataclasses
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.cleaning.rules import CleaningRules, Reason, clean
from data_pipeline.errors import DataError

LINES = st.lists(st.text(st.characters(exclude_characters="\n"), min_size=1), max_size=6)
STRICT = CleaningRules(
    min_words=2, scripts=("Latin",), max_control_share=0.1, max_repeated_line_share=0.2
)


@settings(deadline=None)
@given(LINES)
def test_by_default_every_document_stays_as_it_is(document: list[str]) -> None:
    assert clean(document, CleaningRules()) == (document, None)
    assert not CleaningRules().finds_duplicates


@pytest.mark.parametrize(
    ("document", "rules", "reason"),
    [
        (["one two"], CleaningRules(min_words=3), "too_short"),
        (["one two", "three"], CleaningRules(min_words=3), None),
        ([], CleaningRules(min_words=1), "too_short"),
        (["ein где"], CleaningRules(scripts=("Latin",), min_script_share=0.51), "wrong_script"),
        (["ein где"], CleaningRules(scripts=("Latin",), min_script_share=0.5), None),
        (["12 34"], CleaningRules(scripts=("Latin",)), "wrong_script"),
        (["a\x00b\ufffd"], CleaningRules(max_control_share=0.49), "control_characters"),
        (["a\x00b\ufffd"], CleaningRules(max_control_share=0.5), None),
        (["a\tb"], CleaningRules(max_control_share=0), None),
        (["ab", "ab", "abcdef"], CleaningRules(max_repeated_line_share=0.19), "repeated_lines"),
        (["ab", "ab", "abcdef"], CleaningRules(max_repeated_line_share=0.2), None),
        (["ab", "ab"], CleaningRules(max_repeated_line_share=1), None),
        ([], CleaningRules(max_repeated_line_share=0, max_control_share=0), None),
    ],
)
def test_a_document_is_dropped_for_the_rule_that_it_breaks(
    document: list[str], rules: CleaningRules, reason: Reason | None
) -> None:
    assert clean(document, rules)[1] == reason


def test_of_several_broken_rules_the_first_is_the_reason() -> None:
    document = ["\x01где"]
    assert clean(document, STRICT)[1] == "control_characters"
    assert clean(document, dataclasses.replace(STRICT, max_control_share=1))[1] == "too_short"
    without = dataclasses.replace(STRICT, max_control_share=1, min_words=0)
    assert clean(document, without)[1] == "wrong_script"


def test_what_is_no_text_is_removed_and_parts_no_word_that_was_one() -> None:
    rules = CleaningRules(max_control_share=1)
    document = [
        "na\x00ive\ufffd",
        "page\x0cbreak",
        "\x1f\x02",
        "priv\ue000ate\U0010fffe end",
        "ok\t",
    ]
    assert clean(document, rules) == (["naive", "page break", "private end", "ok\t"], None)


@settings(deadline=None)
@given(LINES)
def test_a_cleaned_document_is_clean(document: list[str]) -> None:
    cleaned, _ = clean(document, CleaningRules(max_control_share=1))
    assert clean(cleaned, CleaningRules(max_control_share=0)) == (cleaned, None)


@settings(deadline=None)
@given(LINES)
def test_a_document_is_never_changed_in_place(document: list[str]) -> None:
    before = list(document)
    clean(document, STRICT)
    assert document == before


@pytest.mark.parametrize("character", ["x", "é", "漢", "\x00", " "])
def test_a_megabyte_of_one_character_is_looked_at_in_time(character: str) -> None:
    begun = time.process_time()
    clean([character * 1_000_000], STRICT)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_words": -1}, r"min_words must be between 0 and 1,000,000,000; got -1"),
        ({"min_words": 2.5}, "min_words must be a whole number"),
        ({"min_words": True}, "min_words must be a whole number"),
        ({"scripts": ("Latim",)}, "did you mean Latin"),
        ({"scripts": ("Latin",), "min_script_share": 0.0}, "min_script_share must be above 0"),
        ({"scripts": ("Latin",), "min_script_share": 1.1}, "at most 1; got 1.1"),
        ({"min_script_share": 0.5}, "min_script_share is used with scripts alone"),
        ({"max_control_share": -0.1}, "max_control_share must be at least 0"),
        ({"max_control_share": float("nan")}, "max_control_share must be at least 0"),
        ({"max_repeated_line_share": "a"}, "max_repeated_line_share must be at least 0"),
        ({"exact_duplicates": 1}, "exact_duplicates must be True or False"),
        ({"near_duplicates": 0.3}, "from 0.5 to 1"),
        ({"near_duplicates": True}, "from 0.5 to 1"),
        ({"near_duplicates": 0.8, "shingle_words": 0}, "shingle_words must be between 1 and 100"),
        ({"shingle_words": 3}, "shingle_words is used with near_duplicates alone"),
    ],
)
def test_rules_that_make_no_sense_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        CleaningRules(**fields)
