"""Words put together from pieces, and hashes of sequences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.doctor.words import PieceTable, SplitWord, sequence_hashes, words_of
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.files import SPECIALS, Rules
from data_pipeline.tokenization.tokenizer import Tokenizer

PIECES = ["un", "##happ", "##y", "The", "cat", ".", "##", "é", "7"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer([*SPECIALS, *PIECES], Rules(cased=True))


def split_of_tokens(tokenizer: Tokenizer, *sentences: str) -> Split:
    ids = [[tokenizer.token_to_id(piece) for piece in s.split()] for s in sentences]
    offsets = np.concatenate(([0], np.cumsum([len(some) for some in ids])))
    tokens = np.array([i for some in ids for i in some], np.uint16)
    return Split(tokens, offsets, np.array([0, len(ids)]))


def words(tokenizer: Tokenizer, *sentences: str):
    table = PieceTable.of(tokenizer, range(5))
    return words_of(split_of_tokens(tokenizer, *sentences), tokenizer, table)


def test_a_word_is_a_token_and_the_continuing_pieces_after_it(tokenizer: Tokenizer) -> None:
    found = words(tokenizer, "The cat .", "un ##happ ##y cat .", "un ##y")
    assert found.count == 5
    assert found.fertility == (1 + 1 + 3 + 1 + 2) / 5
    assert found.split_share == 2 / 5
    assert found.case_share == 1
    assert found.capital_share == 1 / 5
    assert found.ended_share == pytest.approx(2 / 3)
    assert found.worst == (
        SplitWord("unhappy", ("un", "##happ", "##y"), 1),
        SplitWord("uny", ("un", "##y"), 1),
    )


def test_the_words_that_cost_most_come_first(tokenizer: Tokenizer) -> None:
    found = words(tokenizer, *["un ##y"] * 3, "un ##happ ##y")
    assert [(w.word, w.count) for w in found.worst] == [("uny", 3), ("unhappy", 1)]


def test_a_sentence_ends_a_word_and_marks_and_specials_are_none(tokenizer: Tokenizer) -> None:
    assert words(tokenizer, "cat", "##y").count == 2
    assert words(tokenizer, ". ## [UNK] .").count == 0
    found = words(tokenizer, "é 7")
    assert (found.count, found.case_share, found.capital_share) == (2, 0.5, 0)


@pytest.mark.parametrize(
    ("pieces", "sentence", "count", "fertility"),
    [
        (["中", "文", "##s", "cat"], "中 文 中 cat ##s 中 ##s", 6, 7 / 6),
        (["▁", "中文", "字", "▁cat", "s", "。"], "▁ 中文 字 。 ▁cat s", 4, 4 / 4),
        (["ภา", "##ษา", "##ไทย"], "ภา ##ษา ##ไทย", 7, 3 / 7),
    ],
)
def test_each_character_of_a_script_without_spaces_is_a_word(
    pieces: list[str], sentence: str, count: int, fertility: float
) -> None:
    found = words(Tokenizer([*SPECIALS, *pieces], Rules(True)), sentence)
    assert (found.count, found.fertility) == (count, pytest.approx(fertility))
    assert not any("中" in word.word or "ภ" in word.word for word in found.worst)


def test_ids_beyond_the_vocabulary_do_no_harm(tokenizer: Tokenizer) -> None:
    split = Split(np.array([60_000, 9], np.uint16), np.array([0, 2]), np.array([0, 1]))
    assert words_of(split, tokenizer, PieceTable.of(tokenizer, range(5))).count == 2


def test_a_vocabulary_may_mark_where_words_begin_instead() -> None:
    class Marked:
        vocab = ("<unk>", "▁the", "▁cat", "s", "▁")
        vocab_size = 5

        def id_to_token(self, i: int) -> str:
            return self.vocab[i]

        readable_token = id_to_token

        def decode(self, ids: list[int]) -> str:
            return "".join(self.vocab[i] for i in ids).replace("▁", " ").strip()

    table = PieceTable.of(Marked(), [0])
    assert table.continues.tolist() == [False, False, False, True, False]
    split = Split(np.array([1, 2, 3], np.uint16), np.array([0, 3]), np.array([0, 1]))
    found = words_of(split, Marked(), table)
    assert (found.count, [w.word for w in found.worst]) == (2, ["cats"])


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=60))
def test_two_sequences_have_one_hash_if_and_only_if_they_are_equal(
    sequences: list[list[int]],
) -> None:
    values = np.array([v for sequence in sequences for v in sequence], np.uint16)
    offsets = np.concatenate(([0], np.cumsum([len(s) for s in sequences]))).astype(np.int64)
    hashes = sequence_hashes(values, offsets)
    assert len(hashes) == len(sequences)
    seen: dict[int, tuple[int, ...]] = {}
    for sequence, value in zip(map(tuple, sequences), hashes.tolist(), strict=True):
        assert seen.setdefault(value, sequence) == sequence
    assert len(seen) == len(set(map(tuple, sequences)))
