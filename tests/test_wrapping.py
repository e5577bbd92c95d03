"""Paragraphs in columns of a terminal."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bert_jax.wrapping import wrap

WORDS = st.lists(st.text("ab漢é\u0301-", min_size=1, max_size=30), min_size=1, max_size=20)


@given(WORDS, st.integers(8, 40))
def test_no_line_is_wider_than_asked_and_no_character_is_lost(words, width):
    lines = wrap(" ".join(words), width, " ", "  ", break_words=True)
    assert max(map(cell_len, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(words)


def test_lines_after_the_first_are_further_in_and_flags_stay_whole():
    lines = wrap("warning: take --near_duplicates 0.6 of it", 30)
    assert lines == ["warning: take", "  --near_duplicates 0.6 of it"]
    assert wrap("a  b", 9) == ["a  b"]
    assert wrap("  a bcd", 4) == ["  a", " bcd"]
    assert wrap("", 9) == []


def test_a_word_that_is_not_cut_begins_as_far_left_as_it_must():
    assert wrap("name  0123456789", 12, hanging=" " * 6) == ["name", "  0123456789"]
    assert wrap("name  0123456789abc", 12, hanging=" " * 6) == ["name", "0123456789abc"]


def test_chinese_characters_take_two_columns():
    assert wrap("漢字漢字", 6, "", "", break_words=True) == ["漢字漢", "字"]
