"""What is said of a difference: by flags, by names, and never more than a line."""

from typing import Any

import pytest
from corpora import word_list
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.preparation.differing import (
    differences,
    flat,
    forms_of,
    listed,
    other_inputs,
)
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.lists(st.integers())
# Names of settings and of the tables' entries are different, as in a manifest.
TABLES = st.dictionaries(st.sampled_from(["min_words", "scripts"]), VALUES)
SETTINGS = st.fixed_dictionaries(
    {}, optional={"language": VALUES, "eval_share": VALUES, "seed": VALUES, "cleaning": TABLES}
)


@given(SETTINGS)
def test_the_same_settings_do_not_differ(settings: dict[str, Any]) -> None:
    assert differences(settings, dict(reversed(settings.items()))) == []


@given(SETTINGS, SETTINGS)
def test_each_entry_that_differs_is_named_once_in_order(
    there: dict[str, Any], now: dict[str, Any]
) -> None:
    old, new = flat(there), flat(now)
    named = [line.split()[0].removeprefix("--") for line in differences(there, now)]
    assert named == sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ({"eval_share": 0.1}, {"eval_share": 0.2}, "--eval_share 0.1 there and 0.2 now"),
        ({"sentence_rules": 1}, {"sentence_rules": 2}, "sentence_rules 1 there and 2 now"),
        ({}, {"language": "de"}, "--language none there and de now"),
        (
            {"cleaning": {"exact_duplicates": True}},
            {"cleaning": {"exact_duplicates": False}},
            "--exact_duplicates on there and off now",
        ),
        (
            {"cleaning": {"scripts": ["Latin", "Han"]}},
            {"cleaning": {"scripts": []}},
            "--scripts Latin,Han there and none now",
        ),
        (
            {"tokenizer": "a" * 64},
            {"tokenizer": "b" * 64},
            "--tokenizer aaaaaaaaaaaa… there and bbbbbbbbbbbb… now",
        ),
    ],
)
def test_values_are_as_they_are_typed(was: dict[str, Any], now: dict[str, Any], said: str) -> None:
    assert differences(was, now) == [said]


def test_tokenisers_that_differ_in_their_unicode_form_alone_are_told_apart_by_it() -> None:
    words = [*SPECIALS, *word_list(20)]
    plain = Tokenizer(words, Rules(cased=False))
    composed = Tokenizer(words, Rules(cased=False, unicode_form="nfc"))
    forms = forms_of(plain)
    assert sorted(forms.values()) == ["nfc", "nfkc", "none"]
    assert forms == forms_of(composed)
    [said] = differences(
        {"tokenizer": plain.fingerprint}, {"tokenizer": composed.fingerprint}, lambda: forms
    )
    assert said == "--normalize none there and nfc now"
    other = Tokenizer(words[:-1], Rules(cased=False)).fingerprint
    [said] = differences({"tokenizer": other}, {"tokenizer": plain.fingerprint}, lambda: forms)
    assert said == f"--tokenizer {other[:12]}… there and {plain.fingerprint[:12]}… now"


def test_forms_are_only_made_where_tokenisers_differ() -> None:
    same = {"tokenizer": "x", "language": "en"}
    differences(same, {**same, "language": "de"}, lambda: pytest.fail("they were made"))


@pytest.mark.parametrize(
    ("there", "now", "said"),
    [
        ([("a", ["a/1"])], [("b", ["a/1"])], "inputs a there and b now"),
        ([("a", ["1"]), ("b", [])], [("b", []), ("a", ["1"])], "inputs a, b there and b, a now"),
        ([("a", ["1", "2"])], [("a", ["2", "3"])], "1 there alone and 3 now alone"),
        ([("a", ["1", "2"])], [("a", ["1"])], "2 there alone"),
        ([("a", ["1"])], [("a", ["1", "2", "3", "4", "5"])], "2, 3, 4 and 1 more now alone"),
        ([("a", ["1", "2"])], [("a", ["2", "1"])], "files in another order"),
    ],
)
def test_other_inputs_are_told_by_name_and_else_by_their_files(
    there: list[tuple[str, list[Any]]], now: list[tuple[str, list[Any]]], said: str
) -> None:
    assert other_inputs(there, now) == said


@given(st.lists(st.text("abcdefg", min_size=1, max_size=2)))
def test_a_list_shows_three_different_names_and_counts_the_rest(names: list[str]) -> None:
    distinct = list(dict.fromkeys(names))
    shown, _, more = listed(names).partition(" and ")
    assert shown == ", ".join(distinct[:3])
    assert more == (f"{len(distinct) - 3} more" if len(distinct) > 3 else "")
