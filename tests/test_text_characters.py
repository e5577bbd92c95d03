"""Classes of characters."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.text.characters import (
    NO_TEXT,
    PUNCTUATION,
    SPACE,
    UNSPACED,
    classes_of,
    codes_of,
    text_of,
    without_controls,
)


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"])))
def test_a_text_is_its_code_points(text: str) -> None:
    assert text_of(codes_of(text)) == text
    assert codes_of(text).tolist() == [ord(character) for character in text]


@pytest.mark.parametrize(
    ("characters", "classes"),
    [
        ("aé1ßжक\u093f\U00010330", 0),
        (" \t\n.,-_$“—\u00a0\u2028。、\U0001f600", PUNCTUATION),
        ("漢字かなカナไทย\U00020000", UNSPACED),
        ("\x00\x01\x7f\x80", PUNCTUATION | NO_TEXT),
        ("\x0b\x0c\x1c\x85", PUNCTUATION | NO_TEXT | SPACE),
        ("\ud800\ue000\ufdd0\uffff\U0001fffe\U0010ffff\U000f0000", NO_TEXT),
        ("\ufffd", PUNCTUATION | NO_TEXT),
        ("\u200d\u00ad\ufeff", 0),
    ],
)
def test_each_character_is_in_its_classes(characters: str, classes: int) -> None:
    assert set(classes_of(codes_of(characters)).tolist()) == {classes}


def test_letters_and_marks_are_never_punctuation_and_controls_that_are_text_are_three() -> None:
    everything = "".join(map(chr, range(0x110000)))
    classes = classes_of(codes_of(everything))
    kinds = [unicodedata.category(character) for character in everything]
    assert not any(
        kind[0] in "LMN" and found & (PUNCTUATION | NO_TEXT)
        for kind, found in zip(kinds, classes.tolist(), strict=True)
    )
    controls = [
        character
        for character, kind, found in zip(everything, kinds, classes.tolist(), strict=True)
        if kind == "Cc" and not found & NO_TEXT
    ]
    assert controls == ["\t", "\n", "\r"]


def test_controls_are_removed_and_counted_and_everything_else_stays_as_it_is() -> None:
    odd = ["a\0b", "c \x07 d", "\x9f\x1b", "e\x7f \x80f"]
    assert without_controls(odd) == (["ab", "c d", "", "e f"], 6)
    for code in range(0x300):
        removed = unicodedata.category(chr(code)) == "Cc" and not chr(code).isspace()
        assert without_controls([f"a{chr(code)}b", "c  d"])[1] == removed
    assert without_controls(["c  d", "é ü \u200b 漢", ""]) == (["c  d", "é ü \u200b 漢", ""], 0)
