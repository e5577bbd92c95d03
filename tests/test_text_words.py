"""Words of any script: their number, and the form that copies share."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.text.words import count_words, count_words_of, folded

ASCII = st.text(st.characters(max_codepoint=127))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("  \n ", 0),
        ("one", 1),
        ("one two-three\nfour", 3),
        ("été à Ø", 3),
        ("東京は大きい", 6),
        ("東京 Tower", 3),
        ("ภาษา", 4),
        ("हिन्दी भाषा", 2),
    ],
)
def test_words_are_counted_in_every_script(text: str, words: int) -> None:
    assert count_words(text) == words


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from(list("ab1.é東京の・ภา\u0300☃ "))), max_size=6))
def test_words_of_many_lines_are_those_of_each(texts: list[str]) -> None:
    lines = [line for text in texts if (line := " ".join(text.split()))]
    assert count_words_of(lines).tolist() == [count_words(line) for line in lines]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Hello, World!", "hello\nworld"),
        ("“Ça — va?”", "ça va"),
        ("cafe\u0301", "CAFÉ"),
        ("ＡＢＣ １２", "abc 12"),
        ("straße", "STRASSE"),
        ("one_two\u00a0three…", "one two three"),
        ("東京、大きい。", "東京大きい"),
        ("नमस्ते।", "नमस्ते"),
    ],
)
def test_case_spaces_punctuation_and_ways_to_write_a_character_are_folded(
    text: str, same: str
) -> None:
    assert folded(text) == folded(same)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("one two", "onetwo"),
        ("one two", "two one"),
        ("resume", "résumé"),
        ("कि", "की"),
        ("version 1", "version 2"),
        ("!", "?"),
        ("", "!"),
    ],
)
def test_other_words_stay_other_words(text: str, other: str) -> None:
    assert folded(text) != folded(other)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_folding_again_changes_nothing(text: str) -> None:
    once = folded(text)
    assert folded(once.decode()) == once


@settings(deadline=None)
@given(ASCII)
def test_the_quick_way_for_plain_text_is_the_way_for_any(text: str) -> None:
    if any(character.isalnum() for character in text):
        assert folded(text + " é") == folded(text) + b" \xc3\xa9"
