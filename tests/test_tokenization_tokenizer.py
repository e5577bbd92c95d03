import json
import pickle
import string
from pathlib import Path

import numpy as np
import pytest
from exactness import hold
from hypothesis import given
from hypothesis import strategies as st

import data_pipeline.tokenization.text_tokenizer as tokenizer_module
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyzαβгд中文éß0123456789"
VOCAB = [
    *reversed(SPECIALS),  # never where one would expect them
    *sorted({*LETTERS, *string.punctuation}),
    *(f"##{c}" for c in sorted(LETTERS)),
    *("the", "##ing", "walk", "un", "##able", "straße", "naive"),
]
CASED_VOCAB = [*VOCAB, "Walk", *string.ascii_uppercase]


def uncased() -> Tokenizer:
    return Tokenizer(VOCAB, Rules(cased=False))


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.id_to_token(i) for i in tokenizer.encode(text)]


def write(folder: Path, vocab: list[str], name: str = "vocab.txt") -> Path:
    path = folder / name
    path.write_text("".join(t + "\n" for t in vocab), "utf-8")
    return path


def test_the_pieces_that_go_on_with_a_word_are_known() -> None:
    tokenizer = uncased()
    continues = tokenizer.continues_word
    assert continues.shape == (tokenizer.vocab_size,)
    ids = tokenizer.encode("walking, unable")
    assert tokens(tokenizer, "walking, unable") == ["walk", "##ing", ",", "un", "##able"]
    assert continues[ids].tolist() == [False, True, False, False, True]
    assert not continues[[tokenizer.pad_id, tokenizer.cls_id, tokenizer.unk_id]].any()
    with pytest.raises(ValueError, match="read-only"):
        continues[0] = True


def test_words_are_split_into_their_longest_known_pieces() -> None:
    assert tokens(uncased(), "The walking, UNABLE!") == "the walk ##ing , un ##able !".split()


def test_ids_of_special_tokens_are_looked_up() -> None:
    tokenizer = uncased()
    ids = [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id]
    assert [*ids, tokenizer.mask_id] == [4, 3, 2, 1, 0]
    assert tokenizer.token_to_id("walk") == VOCAB.index("walk")
    assert tokenizer.token_to_id("absent") is None


@pytest.mark.parametrize("i", [-1, len(VOCAB)])
def test_an_id_outside_the_vocabulary_is_an_error(i: int) -> None:
    with pytest.raises(IndexError, match=str(i)):
        uncased().id_to_token(i)


def test_a_special_token_in_text_is_text() -> None:
    assert tokens(uncased(), "a [SEP] b[MASK]") == "a [ s ##e ##p ] b [ m ##a ##s ##k ]".split()


def test_masks_are_special_only_where_they_are_asked_for() -> None:
    tokenizer = uncased()
    ids = tokenizer.encode_with_masks("the [MASK] walk[MASK], [SEP]")
    assert [tokenizer.id_to_token(i) for i in ids] == [
        *("the", "[MASK]", "walk", "[MASK]", ",", "[", "s", "##e", "##p", "]")
    ]
    assert tokenizer.encode_with_masks("[MASK]") == [tokenizer.mask_id]
    assert tokenizer.encode_with_masks("") == []


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]))), cased=st.booleans())
def test_the_cached_path_gives_what_the_library_gives(texts: list[str], cased: bool) -> None:
    tokenizer = Tokenizer(CASED_VOCAB if cased else VOCAB, Rules(cased))
    plain = [tokenizer._pipeline.encode(text).ids for text in texts]
    assert tokenizer.encode_batch(texts) == plain
    assert tokenizer.encode_batch(texts) == plain  # now from the cache
    assert [tokenizer.encode(text) for text in texts] == plain


# Characters where scripts, marks, cases and spaces are most likely to go wrong, side by side.
_ODD = "aB İıΣσςßẞéÉe\u0301\u0338<,.'’-–中文ｗ"
_ODD += "\u00a0\u2003\u2028\u200b\u200d\u00ad\t\n\x0b\x0c\x85\x1c\0\ufffd#[]"


@given(
    text=st.text(st.sampled_from(_ODD)),
    cased=st.booleans(),
    accents=st.sampled_from([None, True, False]),
)
def test_the_cached_path_is_equal_on_marks_spaces_and_odd_cases(
    text: str, cased: bool, accents: bool | None
) -> None:
    vocab = [*dict.fromkeys([*CASED_VOCAB, *(c for c in _ODD if not c.isspace())])]
    if not cased:
        vocab = [t for t in vocab if t == t.lower() or t in SPECIALS]
    tokenizer = Tokenizer(vocab, Rules(cased, accents))
    assert tokenizer.encode(text) == tokenizer._pipeline.encode(text).ids


def test_a_full_cache_changes_no_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_module, "_CACHE_SIZE", 3)
    tokenizer = uncased()
    texts = ["the walking walk", "unable the", "naive walk", "the naive"]
    for text in texts:
        assert tokenizer.encode(text) == tokenizer._pipeline.encode(text).ids
        assert len(tokenizer._cache) <= 6


def test_flat_ids_are_the_batch_in_a_row() -> None:
    tokenizer = uncased()
    texts = ["the walking", "", " \u200b ", "unable"]
    flat, lengths = tokenizer.encode_flat(texts)
    assert flat.dtype == np.uint16
    assert lengths.tolist() == [3, 0, 0, 2]
    assert flat.tolist() == [i for ids in tokenizer.encode_batch(texts) for i in ids]
    empty, none = tokenizer.encode_flat([])
    assert len(empty) == len(none) == 0


def test_a_large_vocabulary_needs_wider_ids() -> None:
    vocab = [*VOCAB, *(f"w{i}" for i in range(1 << 16))]
    tokenizer = Tokenizer(vocab, Rules(cased=False))
    assert tokenizer.dtype == np.uint32
    assert tokenizer.encode("w65535") == [len(vocab) - 1]


def test_decoding_gives_readable_text_back() -> None:
    tokenizer = uncased()
    assert tokenizer.decode(tokenizer.encode("The walking, unable!")) == "the walking, unable!"
    assert tokenizer.decode(np.array([tokenizer.mask_id])) == "[MASK]"


def test_ids_equal_the_original_tokenizer_on_ten_thousand_questions(shared_data: Path) -> None:
    tokenizer = load_tokenizer(shared_data / "vocab" / "bert_uncased.txt", cased=False)
    articles = json.loads((shared_data / "squad" / "dev-v1.1.json").read_text("utf-8"))["data"]
    questions = [
        question["question"]
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    folder = shared_data / "references" / "tokenizer"
    expected = json.loads((folder / "squad_dev_questions.ids.json").read_text("utf-8"))
    assert len(questions) == 10_570
    found = tokenizer.encode_batch(questions)
    assert len(found) == len(expected)
    hold("tokenizer_questions", sum(a != b for a, b in zip(found, expected, strict=True)))


def test_the_fingerprint_changes_with_all_that_changes_ids_and_nothing_else() -> None:
    base = uncased().fingerprint
    assert Tokenizer(VOCAB, Rules(False, strip_accents=True), 64).fingerprint == base
    others = [
        Tokenizer(VOCAB, Rules(True)),
        Tokenizer(VOCAB, Rules(False, strip_accents=False)),
        Tokenizer(VOCAB, Rules(False, tokenize_chinese_chars=False)),
        Tokenizer([*VOCAB, "more"], Rules(False)),
        Tokenizer([*VOCAB[:-2], VOCAB[-1], VOCAB[-2]], Rules(False)),
    ]
    assert len({base, *(t.fingerprint for t in others)}) == len(others) + 1


def test_a_tokenizer_can_be_sent_to_another_process() -> None:
    copy = pickle.loads(pickle.dumps(uncased()))
    assert copy.fingerprint == uncased().fingerprint
    assert copy.encode("the walking") == uncased().encode("the walking")
