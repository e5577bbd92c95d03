from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masked_rows import IDS, chosen_of, drawn_counts, masked_of, random_rows, rows_of_words
from statistics_bounds import assert_uniform

from data_pipeline.counter_random import Stream, random_bits, random_order, stream_key
from data_pipeline.tokenization.special_ids import SpecialIds
from data_pipeline.tokenization.tokenizer import load_tokenizer


def taken_one_by_one(words: list[list[int]], most: int) -> list[int]:
    """The original's rule: what of the words, in this order, is predicted."""
    taken: list[int] = []
    for word in words:
        if len(taken) == most:
            break
        if len(taken) + len(word) <= most:
            taken += word
    return sorted(taken)


def words_in_order(numbers: np.ndarray, seed: int, index: int, max_length: int) -> list[list[int]]:
    """The places of a row's words, in the random order that its first tokens have."""
    number = numbers.max() + 1
    places = [np.flatnonzero(numbers == word).tolist() for word in range(number)]
    begins = np.isin(np.arange(len(numbers)), [word[0] for word in places])
    key = random_bits(stream_key(seed, Stream.MASK_POSITIONS), np.array([index]))
    order = random_order(key, begins[None], len(begins), max_length)[0, :number]
    return [places[numbers[place]] for place in order]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 7), max_size=12),
            st.lists(st.integers(1, 7), max_size=12),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 20),
    st.integers(0, 2**63 - 1),
    st.data(),
)
def test_the_choice_is_the_originals_given_the_same_order(
    rows: list[tuple[list[int], list[int], bool]],
    max_predictions: int,
    seed: int,
    data: st.DataObject,
) -> None:
    # Some second parts begin inside of a word; rows may hold nothing, or one word alone.
    parts = [[a, [-b[0], *b[1:]] if cut and b else b] for a, b, cut in rows]
    longest = max(5, max(sum(map(abs, a + b)) for a, b in parts) + 3)
    ids, candidates, numbers = rows_of_words(parts, longest)
    counts, max_predictions = drawn_counts(candidates, max_predictions, data)
    masked = masked_of(
        ids,
        candidates,
        counts,
        max_predictions=max_predictions,
        masking="whole_word",
        seed=seed,
        max_length=longest + 60,
    )
    for row, chosen in enumerate(chosen_of(masked)):
        words = words_in_order(numbers[row], seed, row, longest + 60)
        assert np.flatnonzero(chosen).tolist() == taken_one_by_one(words, int(counts[row]))


def test_the_rows_of_a_batch_are_each_the_originals_where_few_words_are_enough_or_not() -> None:
    # Words of two pieces and an odd count: the last single one has to be looked for everywhere.
    rows = [[[2] * 30, [2] * 28 + [1]] for _ in range(40)] + [[[1] * 60, [1] * 60]] * 40
    ids, candidates, numbers = rows_of_words(rows, 128)
    counts = np.full(80, 19)
    masked = masked_of(ids, candidates, counts, masking="whole_word")
    assert (masked.weights.sum(axis=1) == 19).all()
    for row, chosen in enumerate(chosen_of(masked)):
        words = words_in_order(numbers[row], 0, row, 128)
        assert np.flatnonzero(chosen).tolist() == taken_one_by_one(words, 19)


def test_words_are_never_cut() -> None:
    ids, candidates, numbers = random_rows(np.random.default_rng(0), 500, 128)
    chosen = chosen_of(masked_of(ids, candidates, np.full(500, 19), masking="whole_word"))
    assert chosen.sum() > 0.99 * 19 * 500
    same_word = candidates[:, 1:] & (numbers[:, 1:] == numbers[:, :-1])
    assert same_word.sum() > 10_000
    assert (chosen[:, 1:] == chosen[:, :-1])[same_word].all()


def test_a_word_longer_than_the_count_is_left_and_others_are_taken() -> None:
    ids, candidates, numbers = rows_of_words([[[9, 1], [8]], [[9], [9]]], 32)
    chosen = chosen_of(masked_of(ids, candidates, np.array([3, 3]), masking="whole_word"))
    assert np.flatnonzero(chosen[0]).tolist() == np.flatnonzero(numbers[0] == 1).tolist()
    assert not chosen[1].any()


def test_words_of_one_length_are_chosen_uniformly() -> None:
    n = 20_000
    ids, candidates, _ = rows_of_words([[[2] * 14, [2] * 15]], 62)
    ids, candidates = np.repeat(ids, n, axis=0), np.repeat(candidates, n, axis=0)
    chosen = chosen_of(masked_of(ids, candidates, np.full(n, 9), masking="whole_word"))
    assert (chosen.sum(axis=1) == 8).all()
    counts = chosen.sum(axis=0)[candidates[0]][::2]
    expected = n * 4 / 29
    # Draws without replacement vary less than a multinomial does, by the share not drawn.
    assert_uniform(np.round(expected + (counts - expected) / np.sqrt(1 - 4 / 29)))


def test_each_piece_of_a_word_has_a_draw_of_its_own() -> None:
    n = 2000
    ids, candidates, _ = rows_of_words([[[4] * 6, [4] * 6]] * n, 64)
    masked = masked_of(ids, candidates, np.full(n, 8), masking="whole_word", mask_share=0.5)
    is_mask = (np.take_along_axis(masked.input_ids, masked.positions, 1) == IDS.mask)[:, :4]
    # All four pieces alike: half of a half of a half, twice.
    assert 0.08 < (is_mask.all(axis=1) | ~is_mask.any(axis=1)).mean() < 0.2


def test_without_continuing_pieces_words_are_chosen_as_pieces_are() -> None:
    ids, candidates, _ = random_rows(np.random.default_rng(1), 50, 128)
    special = SpecialIds(0, 1, 2, 3, IDS.vocab_size, np.zeros(IDS.vocab_size, np.bool_))
    counts = np.full(50, 19)
    pieces = masked_of(ids, candidates, counts, special=special)
    words = masked_of(ids, candidates, counts, special=special, masking="whole_word")
    for one, other in zip(pieces, words, strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("name", ["bert_uncased", "bert_cased"])
def test_words_of_a_published_vocabulary_stay_whole(shared_data: Path, name: str) -> None:
    tokenizer = load_tokenizer(shared_data / "vocab" / f"{name}.txt", cased=name == "bert_cased")
    special = SpecialIds.of(tokenizer)
    text = (
        "Unquestionably, photosynthesising cyanobacteria reoxygenated the Palaeoproterozoic seas."
    )
    tokens = tokenizer.encode(text)
    parts = [tokens, tokens[1:]]  # the second begins inside of a word
    row = [special.cls, *parts[0], special.sep, *parts[1], special.sep]
    ids = np.array([row] * 200, np.int32)
    candidates = ~np.isin(ids, (special.cls, special.sep))
    masked = masked_of(ids, candidates, np.full(200, 10), special=special, masking="whole_word")
    chosen = chosen_of(masked)
    goes_on = np.array([tokenizer.id_to_token(i).startswith("##") for i in row])
    goes_on[1:] &= candidates[0, :-1]
    assert goes_on.sum() > 10
    pairs = np.flatnonzero(goes_on)
    assert (chosen[:, pairs] == chosen[:, pairs - 1]).all()
    assert chosen[:, candidates[0]].any(axis=0).mean() > 0.5
