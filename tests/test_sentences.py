import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.sentences import split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith went to Washington.", "He met Mrs. Jones."],
        ["J. R. R. Tolkien wrote it.", "So did C. S. Lewis."],
        ["The value is 3.14.", "It rose by 0.5 percent."],
        ['"Stop!" he cried.', '"Who goes there?"', "Nobody answered."],
        ["Well... I am not sure.", "Wait… what?"],
        ["The U.S. economy grew.", "Its G.D.P. fell."],
        ["It was 5 p.m. when he left.", "She stayed."],
        ["Use numpy.array for that.", "It returns an array."],
        ["Version 2.0.1 is out.", "Get it at example.com today."],
        ["St. Louis vs. Chicago was great, i.e. close.", "Fans cheered."],
        ["Is it?", "Yes!", "No?!", "Maybe."],
        ["She said, 'Go.'", "Then she left."],
    ],
)
def test_hard_cases_are_split_as_a_reader_would(sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences)) == sentences


def test_another_language_has_its_own_abbreviations() -> None:
    text = "Das ist z. B. so. Dann kam Hr. Meier."
    assert split_sentences(text, "de") == ["Das ist z. B. so.", "Dann kam Hr. Meier."]


def test_nothing_but_white_space_holds_no_sentence() -> None:
    assert split_sentences("") == []
    assert split_sentences(" \t\n\n ") == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_character_that_is_no_white_space_is_kept(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in sentences)


def test_a_language_that_is_no_code_is_an_error() -> None:
    with pytest.raises(DataError, match="English"):
        split_sentences("text", "English")
