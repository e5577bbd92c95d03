"""Ids of whole texts with the places of their words, by every kind of tokeniser."""

import pytest
import test_tokenization_added_tokens as added
import test_tokenization_byte_level_tokenizer as byte_level
import test_tokenization_sentencepiece_tokenizer as pieces
import test_tokenization_tokenizer as wordpiece
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.tokenization.located import located
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_tokenizer import SentencePieceTokenizer
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

# Marks, joiners, a soft hyphen, and characters that the Unicode form makes several of.
ODD = "a \u200c\u00adनमस्तेำ\u0301¼¨ﷺ\u3000.▁"
texts = st.one_of(pieces.texts, byte_level.texts, added.texts, st.text(st.sampled_from(ODD)))
NAMES = (
    *("wordpiece", "cased", "wordpiece nfkc", "wordpiece added"),
    *("roberta", "prefix", "added", "added, prefix", "roberta nfkc", "prefix nfkc"),
    *("sentencepiece", "bytes", "nfkc", "across words"),
)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TextTokenizer]:
    folder = tmp_path_factory.mktemp("tokenizers")
    made: dict[str, TextTokenizer] = {
        name: load_tokenizer(byte_level.write(folder / name, peer))
        for name, peer in byte_level.PEERS.items()
    }
    nfkc = Rules(True, False, tokenize_chinese_chars=False, unicode_form="nfkc")
    made |= {f"{name} nfkc": made[name].with_rules(nfkc) for name in ("roberta", "prefix")}
    with_added = added.folder_of(folder / "wordpiece")
    added.PEER.save(str(with_added / "tokenizer.json"))
    unspaced = Rules(False, False, unicode_form="nfkc", split_long_runs=True)
    return {
        **made,
        "wordpiece": wordpiece.uncased(),
        "cased": Tokenizer(wordpiece.CASED_VOCAB, Rules(True)),
        "wordpiece nfkc": wordpiece.uncased().with_rules(unspaced),
        "wordpiece added": load_tokenizer(with_added),
        "sentencepiece": pieces.TOKENIZERS["unigram"],
        "bytes": pieces.TOKENIZERS["bytes"],
        "nfkc": pieces.TOKENIZERS["nfkc"],
        "across words": SentencePieceTokenizer(
            pieces.made_elsewhere(split_by_whitespace=False), Rules(True)
        ),
    }


def words_of(tokenizer: TextTokenizer, text: str) -> list[str]:
    return [text[begin:end] for begin, end in tokenizer.encode_located(text).spans]


@pytest.mark.parametrize("name", NAMES)
@given(text=texts)
def test_ids_are_those_of_the_text_and_words_are_in_order(
    tokenizers: dict[str, TextTokenizer], name: str, text: str
) -> None:
    found = tokenizers[name].encode_located(text)
    assert found.ids == tokenizers[name].encode(text)
    assert len(found.owners) == len(found.ids)
    assert sorted(set(found.owners.tolist())) == [*range(len(found.spans))]
    assert found.owners.tolist() == sorted(found.owners.tolist())
    assert all(0 <= begin < end <= len(text) for begin, end in found.spans)
    assert sorted(found.spans) == found.spans
    ends = [end for _, end in found.spans]
    assert sorted(ends) == ends


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("walking,  the walk!", ["walking", ",", "the", "walk", "!"]),
        ("राजधानी दिल्ली है", ["राजधानी", "दिल्ली", "है"]),
        ("ภาษาไทย เป็น", ["ภาษาไทย", "เป็น"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("walk\u00ading the", ["walk\u00ading", "the"]),
        ("cafe\u0301 the\u0301.", ["cafe\u0301", "the\u0301", "."]),
        ("中文", ["中", "文"]),
        ("\u200b \t", []),
    ],
)
def test_words_of_wordpiece_are_whole_in_every_script(text: str, words: list[str]) -> None:
    assert words_of(wordpiece.uncased(), text) == words


def test_a_token_that_was_added_is_a_word(tokenizers: dict[str, TextTokenizer]) -> None:
    assert words_of(tokenizers["wordpiece added"], "the  [NEW]Covids") == [
        *("the", "[NEW]", "Covid", "s")
    ]
    assert words_of(tokenizers["added, prefix"], "a 3.14x") == ["a", " ", "3.14", "x"]


@pytest.mark.parametrize("name", ["roberta", "prefix"])
def test_words_of_a_byte_level_tokenizer_have_no_space_before_them(
    tokenizers: dict[str, TextTokenizer], name: str
) -> None:
    assert words_of(tokenizers[name], "(walk), it's  café") == [
        *("(", "walk", "),", "it", "'s", " ", "café")
    ]
    found = tokenizers[name].encode_located("鐵 ů")
    assert found.spans == [(0, 1), (2, 3)], "though each is several bytes"
    assert len(found.ids) > 2


def test_words_of_sentencepiece_stand_between_spaces(tokenizers: dict[str, TextTokenizer]) -> None:
    for name in ("sentencepiece", "bytes", "nfkc"):
        text = " (walk),\tthe\u00adn  ω้x"
        assert words_of(tokenizers[name], text) == ["(walk),", "the\u00adn", "ω้x"]
    # This one is four words, by our Unicode form and by that of a model of elsewhere.
    assert words_of(tokenizers["nfkc"], "the ﷺ ½") == ["the", *("ﷺ",) * 4, "½"]
    assert words_of(tokenizers["across words"], "the ﷺ ½") == ["the", *("ﷺ",) * 4, "½"]


def test_a_piece_across_words_is_one_word(tokenizers: dict[str, TextTokenizer]) -> None:
    tokenizer = tokenizers["across words"]
    words = words_of(tokenizer, "a  dog sat on the mat")
    assert words[0] == "a"
    assert any(" " in word for word in words)
    assert " ".join(words) == "a dog sat on the mat"


def test_marks_that_were_dropped_belong_to_their_word_and_to_no_other() -> None:
    text = "e\u0301\u0302 \u0301"
    assert located(text, [7, 8], [(0, 1), (4, 5)], [0, 1]).spans == [(0, 3), (4, 5)]
    assert located(text, [7, 8], [(0, 1), (2, 3)], [0, 1]).spans == [(0, 2), (2, 3)]
