import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.text.sentences import (
    LONGEST,
    LONGEST_PARAGRAPH,
    LONGEST_UNSPACED,
    split_sentences,
)


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


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("ru", ["А. С. Пушкин родился в 1799 г. в Москве.", "Это вопрос?", "Да!"]),
        ("uk", ["Це речення.", "Чи це питання?", "Так!"]),
        ("ar", ["هذه جملة.", "هل هذا سؤال؟", "نعم!", "انتهى؛ تم."]),
        ("ur", ["یہ ایک جملہ ہے۔", "کیا یہ سوال ہے؟", "ہاں۔"]),
        ("hi", ["यह एक वाक्य है।", "दूसरा वाक्य यहाँ है॥", "क्या यह प्रश्न है?", "हाँ।"]),
        ("bn", ["এটি একটি বাক্য।", "এটি কি প্রশ্ন?", "হ্যাঁ।"]),
        ("el", ["Αυτό είναι μια πρόταση.", "Είναι ερώτηση;", "Ναι!", "Τι κάνεις\u037e", "Καλά."]),
        ("ko", ["이것은 문장입니다.", "질문입니까?", "네!"]),
        ("he", ["זהו משפט.", "האם זו שאלה?", "כן!"]),
        ("km", ["ភាសាខ្មែរជាភាសាកំណើត។", "វាជាភាសា។", "តើអ្វី?", "ចប់៕"]),
        ("my", ["မြန်မာဘာသာစကား။", "ဒုတိယဝါက်။"]),
        ("am", ["ይህ አረፍተ ነገር ነው።", "ሁለተኛ ነው፧", "አዎ።"]),
        ("hy", ["Սա նախադասություն է։", "Երկրորդ։"]),
        ("bo", ["བོད་སྐད་ནི།", "བོད་ཀྱི་སྐད།"]),
    ],
)
def test_the_marks_of_other_scripts_end_sentences(language: str, sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences), language) == sentences


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("zh", ["这是第一句。", "这是第二句！", "“你好吗？”", "“好。”", "他走了……完了。"]),
        ("ja", ["これは文です。", "「元気ですか？」", "『はい！』", "次｡", "完"]),
        ("ja", ["彼は「行く！」", "『はい。』", "と言った。"]),
        ("ur", ["جملہ۔", "دوسرا۔"]),
        ("hi", ["वाक्य है।", "दूसरा है।"]),
        ("km", ["ភាសា (ខ្មែរ។)", "ភាសា។»", "ចប់៕"]),
    ],
)
def test_sentences_end_without_spaces_and_keep_the_quotes_that_close_them(
    language: str, sentences: list[str]
) -> None:
    assert split_sentences("".join(sentences), language) == sentences


THAI = "ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอน หรือวรรณยุกต์เช่นเดียวกับภาษาจีน และออกเสียงแยกคำต่อคำ "


@pytest.mark.parametrize(
    ("text", "longest", "shortest"),
    [
        (THAI * 20, LONGEST_UNSPACED, 60),
        (THAI.replace(" ", "") * 20, LONGEST_UNSPACED, 60),
        ("ພາສາລາວເປັນພາສາ " * 50, LONGEST_UNSPACED, 60),
        ("一二三四五，六七八九" * 50, LONGEST_UNSPACED, 60),
        ("word " * 3000, LONGEST, 800),
        ("слово " * 3000, LONGEST, 800),
        ("x" * 5000, LONGEST, 800),
    ],
)
def test_a_long_text_without_marks_is_cut_into_parts_of_like_length(
    text: str, longest: int, shortest: int
) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(shortest <= len(sentence) <= longest for sentence in sentences)


def test_a_long_text_is_cut_at_spaces_else_at_commas_else_between_letters() -> None:
    words = {word for sentence in split_sentences(THAI * 20) for word in sentence.split()}
    assert words == {*THAI.split()}
    assert all(s.endswith("，") for s in split_sentences("一二三四五六七八，" * 40))
    for sentence in split_sentences(THAI.replace(" ", "") * 20):
        assert not unicodedata.category(sentence[0]).startswith("M")
        assert sentence[-1] not in "เแโใไ"


def test_short_texts_without_marks_and_long_english_sentences_stay_whole() -> None:
    assert split_sentences(THAI, "th") == [THAI.strip()]
    english = "and so it went on, " * 80
    assert split_sentences(english) == [english.strip()]


def test_a_huge_paragraph_is_split_in_little_time_into_the_same_sentences() -> None:
    sentence = "The quick brown fox jumps over the lazy dog, again and again."
    count = 3 * LONGEST_PARAGRAPH // len(sentence)
    found = split_sentences(" ".join([sentence] * count))
    # Where it was cut, a sentence may be two.
    assert " ".join(found) == " ".join([sentence] * count)
    assert 0 < found.count(sentence) >= count - 3
    assert len(split_sentences("a" * (LONGEST_PARAGRAPH + 1))) > 1


def test_nothing_but_white_space_holds_no_sentence() -> None:
    assert split_sentences("") == []
    assert split_sentences(" \t\n\n ") == []


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.text(st.sampled_from("aภา។।。」)』？?\u037e; ་།\u0f0d.")),
        st.text(st.sampled_from("ภาเ\u0e49字，"), min_size=LONGEST_UNSPACED, max_size=1000),
    )
)
def test_every_character_that_is_no_white_space_is_kept(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence == sentence.strip() != "" for sentence in sentences)


def test_a_language_that_is_not_known_is_an_error() -> None:
    with pytest.raises(DataError, match="English"):
        split_sentences("text", "English")


def test_a_language_without_rules_of_its_own_has_those_of_its_relative() -> None:
    assert split_sentences("Das is z. B. so. Dann kam Hr. Meier.", "bar") == [
        *("Das is z. B. so.", "Dann kam Hr. Meier.")
    ]
