"""Which words are added to a tokeniser, and what that does to the ids of text."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.tokenization.byte_level_tokenizer import ByteLevelTokenizer
from data_pipeline.tokenization.extend import LEAST_COUNT, Extended, checked_wordpiece, extended_by
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_vocabulary import train_sentencepiece
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import count_words

LETTERS = "abcd"
VOCAB = [*SPECIALS, *LETTERS, *("##" + c for c in LETTERS), "ab", "##cd", "abca", ".", "1", "##1"]
OLD = Tokenizer(VOCAB, Rules(cased=False))
WORDS = st.text(LETTERS, min_size=1, max_size=6)
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map(lambda words: " ".join(words) + ".")


def extended(text: str, most: int = 3, old: Tokenizer = OLD) -> Extended:
    return extended_by(count_words(text, old.rules), old, most)


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.id_to_token(i) for i in tokenizer.encode(text)]


def added(text: str, most: int = 3, old: Tokenizer = OLD) -> list[str]:
    return [new.word for new in extended(text, most, old).added]


def test_the_words_that_save_most_tokens_come_first_and_ties_are_by_word() -> None:
    text = "dd " * 9 + "ccc " * 5 + "bbb " * 5 + "a " * 99 + "dc " * 10
    # Of ten tokens either; nine; a word of one piece saves none.
    assert added(text, 9) == ["bbb", "ccc", "dc", "dd"]
    assert added(text, 2) == ["bbb", "ccc"]


def test_new_words_stand_at_the_end_and_know_their_old_pieces() -> None:
    found = extended("dcd dcd dcd dcd dcd")
    assert found.tokenizer.vocab == (*OLD.vocab, "dcd")
    assert found.tokenizer.encode("dcd") == [OLD.vocab_size]
    assert found.added[0].pieces == ("d", "##cd")
    assert found.added[0].saved == 5
    assert found.extension.pieces == {"dcd": tuple(OLD.encode("dcd"))}
    assert found.extension.parent == OLD.fingerprint


def test_rare_words_and_words_with_other_characters_than_letters_are_not_added() -> None:
    text = "dc " * (LEAST_COUNT - 1) + "d1 " * 50 + "dd " * LEAST_COUNT
    assert added(text) == ["dd"]


def test_a_word_of_an_unknown_character_is_not_added() -> None:
    found = extended("dxd " * 50 + "dd " * 5)
    assert [new.word for new in found.added] == ["dd"]
    assert found.unknown == 50


def test_letters_with_marks_are_words() -> None:
    old = Tokenizer([*SPECIALS, "क", "##ि", "##क"], Rules(cased=True))
    assert added("किक " * 5, old=old) == ["किक"]


def test_a_word_is_added_as_the_rules_of_the_tokeniser_spell_it() -> None:
    assert added("Dàd " * 5) == ["dad"]
    cased = Tokenizer([*VOCAB, "D"], Rules(cased=True))
    assert added("Dad " * 5, old=cased) == ["Dad"]


def test_a_word_that_would_make_another_unknown_is_not_added() -> None:
    # No word goes on with b, unless it is the b of ##ab.
    old = Tokenizer([*SPECIALS, "c", "##c", "##a", "##ab"], Rules(cased=False))
    text = "cca " * 9 + "ccab " * 3 + "cc " * 5
    assert pieces(old, "ccab") == ["c", "##c", "##ab"]
    assert added(text, 1, old) == ["cc"]
    assert pieces(extended(text, 1, old).tokenizer, "ccab") == ["cc", "##ab"]


def test_nothing_to_add_is_an_error() -> None:
    with pytest.raises(DataError, match="nothing to add: no word of letters that comes 5 times"):
        extended("a b ab . 1")
    with pytest.raises(DataError, match="nothing to add"):
        extended_by(Counter(), OLD, 1)
    with pytest.raises(DataError, match="must be at least 1; got 0"):
        extended("dd " * 9, 0)


def test_another_kind_of_tokeniser_is_refused() -> None:
    assert checked_wordpiece(OLD) is OLD
    with pytest.raises(DataError, match="only a WordPiece tokeniser can be extended") as caught:
        checked_wordpiece(ByteLevelTokenizer.__new__(ByteLevelTokenizer))
    assert "this one is byte-level BPE" in str(caught.value)
    for model_type, what in (("unigram", "SentencePiece unigram"), ("bpe", "SentencePiece BPE")):
        learned = train_sentencepiece(["ab ba aab bba"] * 9, 12, OLD.rules, model_type=model_type)
        with pytest.raises(DataError, match=f"this one is {what}, whose pieces have"):
            checked_wordpiece(learned.tokenizer)


def test_longer_words_that_begin_with_a_new_one_are_counted_by_what_becomes_of_them() -> None:
    # abca is a token of the old vocabulary: `abcad` is abca ##d, whatever else begins with ab.
    text = "abc " * 60 + "abcb " * 2 + "abcd " + "abcad " * 4 + "abccd " * 3
    found = extended(text, 1)
    assert [new.word for new in found.added] == ["abc"]
    assert pieces(OLD, "abcb") == ["ab", "##c", "##b"]
    assert pieces(found.tokenizer, "abcb") == ["abc", "##b"]
    assert pieces(OLD, "abcd") == ["ab", "##cd"]
    assert pieces(found.tokenizer, "abcd") == ["abc", "##d"]
    assert pieces(found.tokenizer, "abcad") == pieces(OLD, "abcad") == ["abca", "##d"]
    assert (found.changed.fewer, found.changed.as_many, found.changed.more) == (5, 1, 0)
    longest = [*SPECIALS, *LETTERS, *("##" + c for c in LETTERS), "##cdd"]
    found = extended("abc " * 60 + "abcdd " * 2, 1, Tokenizer([*longest, "ab"], OLD.rules))
    assert (found.changed.fewer, found.changed.as_many, found.changed.more) == (0, 0, 2)
    assert found.changed.times == 2


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(1, 4), TEXTS)
def test_only_words_that_begin_with_a_new_one_have_other_ids_and_what_is_saved_is_counted(
    corpus: list[str], most: int, other: str
) -> None:
    text = " ".join(corpus * LEAST_COUNT)
    try:
        found = extended(text, most)
    except DataError:
        return
    new = [word.word for word in found.added]
    assert len(new) <= most
    for word in other.removesuffix(".").split():
        old_ids, new_ids = OLD.encode(word), found.tokenizer.encode(word)
        if not word.startswith(tuple(new)):
            assert new_ids == old_ids
        if word in new:
            assert new_ids == [OLD.vocab_size + new.index(word)]
        assert OLD.unk_id not in new_ids
    assert found.tokens_before == len(OLD.encode(text))
    assert found.tokens_after == len(found.tokenizer.encode(text))
    words = text.replace(".", " ").split()
    assert found.words == len(words)
    assert found.pieces_before == found.tokens_before - text.count(".")
    assert found.pieces_after == found.tokens_after - text.count(".")
    changed = [
        len(found.tokenizer.encode(word)) - len(OLD.encode(word))
        for word in words
        if word not in new and found.tokenizer.encode(word) != OLD.encode(word)
    ]
    assert found.changed.fewer == sum(n < 0 for n in changed)
    assert found.changed.as_many == changed.count(0)
    assert found.changed.more == sum(n > 0 for n in changed)
