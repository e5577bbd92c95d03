import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from masked_rows import IDS, rows_of_words

from data_pipeline.masking.words import Words, find_words, places_of, what_fits


def found(ids: np.ndarray, candidates: np.ndarray) -> Words:
    assert IDS.continues_word is not None
    return find_words(ids, candidates, IDS.continues_word)


def test_a_word_is_a_piece_with_those_that_continue_it_and_never_goes_over_a_separator() -> None:
    # [CLS] a ##a b [SEP] ##c ##c d [SEP] [PAD]: B begins inside of a word.
    ids = np.array([[1, 10, 510, 11, 2, 512, 513, 14, 2, 0]], np.int32)
    words = found(ids, np.isin(ids, (0, 1, 2), invert=True))
    assert words.starts.tolist() == [1, 3, 5, 7]
    assert words.lengths.tolist() == [2, 1, 2, 1]
    assert np.flatnonzero(words.begins).tolist() == [1, 3, 5, 7]
    assert words.offsets.tolist() == [0, 4]


def test_a_row_of_continuing_pieces_alone_is_one_word_a_part() -> None:
    ids, candidates, _ = rows_of_words([[[-4], [-3]], [[], []], [[-1], []]], 12)
    words = found(ids, candidates)
    assert words.lengths.tolist() == [4, 3, 1]
    assert words.offsets.tolist() == [0, 2, 2, 3]


def test_a_row_without_special_tokens_does_not_go_on_with_the_row_before_it() -> None:
    ids = np.array([[10, 11], [511, 12]], np.int32)
    words = found(ids, np.ones((2, 2), bool))
    assert words.starts.tolist() == [0, 1, 2, 3]
    assert words.lengths.tolist() == [1, 1, 1, 1]


@given(st.lists(st.lists(st.lists(st.integers(1, 5), max_size=4), max_size=3), min_size=1))
def test_words_are_found_as_they_were_put_down(rows: list[list[list[int]]]) -> None:
    ids, candidates, numbers = rows_of_words(rows, 1 + max(sum(map(sum, r)) + len(r) for r in rows))
    words = found(ids, candidates)
    lengths = [[length for part in row for length in part] for row in rows]
    assert words.lengths.tolist() == [length for row in lengths for length in row]
    assert words.offsets.tolist() == np.cumsum([0, *map(len, lengths)]).tolist()
    flat = numbers.ravel()
    for start, length in zip(words.starts, words.lengths, strict=True):
        assert (flat[start : start + length] == flat[start]).all()
    assert (places_of(words.starts, words.lengths) == np.flatnonzero(candidates)).all()


@given(
    st.lists(st.lists(st.integers(1, 6), min_size=5, max_size=5), min_size=1, max_size=4),
    st.data(),
)
def test_words_that_do_not_fit_are_skipped_and_what_follows_is_tried(
    lengths: list[list[int]], data: st.DataObject
) -> None:
    room = np.array([data.draw(st.integers(0, 20)) for _ in lengths])
    fits = what_fits(np.array(lengths), room)
    for row, most, got in zip(lengths, room, fits, strict=True):
        wanted, left = [], int(most)
        for length in row:
            wanted.append(length if length <= left else 0)
            left -= wanted[-1]
        assert got.tolist() == wanted
