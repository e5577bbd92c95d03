import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masked_rows import IDS, chosen_of, masked_of, random_rows
from statistics_bounds import assert_independent, assert_share, assert_uniform

from data_pipeline.errors import DataError
from data_pipeline.masking.masking import Masked
from data_pipeline.tokenization.special_ids import SpecialIds

MASK, VOCAB = IDS.mask, IDS.vocab_size
MASKINGS = ("piece", "whole_word", "span")


def rows_of(lengths: np.ndarray, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows [CLS] ... [SEP] and padding with ids 10, 11, ...; and which may be chosen."""
    columns = np.arange(max_length)
    inside = columns < lengths[:, None]
    ids = np.where(inside, columns + 10, 0).astype(np.int32)
    candidates = inside & (columns > 0) & (columns != lengths[:, None] - 1)
    return ids, candidates


@pytest.fixture(scope="module")
def many() -> tuple[np.ndarray, Masked]:
    """100,000 full rows of 128 with 19 predictions each."""
    n = 100_000
    ids, candidates = rows_of(np.full(n, 128), 128)
    return ids, masked_of(ids, candidates, np.full(n, 19), np.arange(n))


def test_exactly_the_wanted_number_is_predicted(many) -> None:
    _, masked = many
    assert (masked.weights.sum(axis=1) == 19).all()
    assert (np.diff(masked.positions[:, :19]) > 0).all()  # ascending, so never the same one twice


def test_the_choice_is_uniform_over_the_candidates(many) -> None:
    _, masked = many
    counts = np.bincount(masked.positions[:, :19].ravel(), minlength=128)
    assert counts[0] == counts[127] == 0
    # Draws without replacement vary less than a multinomial does, by the share not drawn.
    expected = 19 * len(masked.positions) / 126
    assert_uniform(np.round(expected + (counts[1:127] - expected) / np.sqrt(1 - 19 / 126)))


def test_two_places_are_chosen_together_as_often_as_by_chance(many) -> None:
    _, masked = many
    for one, other in ((1, 2), (5, 6), (60, 64), (1, 126)):
        both = (masked.positions == one).any(axis=1) & (masked.positions == other).any(axis=1)
        assert_share(both.sum(), len(both), 19 * 18 / (126 * 125))


def test_eighty_ten_ten(many) -> None:
    ids, masked = many
    rows = np.arange(len(ids))[:, None]
    shown = masked.input_ids[rows, masked.positions[:, :19]]
    original = masked.ids[:, :19]
    n = shown.size
    # A random token is the original, or [MASK], once in VOCAB times.
    assert_share((shown == MASK).sum(), n, 0.8 + 0.1 / VOCAB)
    assert_share((shown == original).sum(), n, 0.1 + 0.1 / VOCAB)


def test_random_tokens_are_uniform_over_the_whole_vocabulary() -> None:
    n, vocab_size = 100_000, 50
    ids, candidates = rows_of(np.full(n, 32), 32)
    ids += 1000  # so that a token kept is not taken for a random one
    masked = masked_of(
        ids, candidates, np.full(n, 20), special=SpecialIds(0, 1, 2, MASK, vocab_size)
    )
    shown = masked.input_ids[np.arange(n)[:, None], masked.positions]
    counts = np.bincount(shown[shown < vocab_size], minlength=vocab_size)
    assert_uniform(np.delete(counts, MASK))
    assert counts[0] > 0  # special tokens too, as in the original


def test_what_replaces_a_token_does_not_depend_on_its_place_or_its_neighbour(many) -> None:
    ids, masked = many
    shown = masked.input_ids[np.arange(len(ids))[:, None], masked.positions[:, :19]]
    kind = np.where(shown == MASK, 0, np.where(shown == masked.ids[:, :19], 1, 2))
    by_place = np.zeros((3, 126))
    np.add.at(by_place, (kind, masked.positions[:, :19] - 1), 1)
    assert_independent(by_place)
    by_neighbour = np.zeros((3, 3))
    np.add.at(by_neighbour, (kind[:, :-1], kind[:, 1:]), 1)
    assert_independent(by_neighbour)


def test_labels_are_the_tokens_that_stood_there(many) -> None:
    ids, masked = many
    rows = np.arange(len(ids))[:, None]
    assert (ids[rows, masked.positions[:, :19]] == masked.ids[:, :19]).all()


@settings(deadline=None)
@given(st.data())
def test_only_chosen_candidates_change_and_unused_slots_are_zero(data: st.DataObject) -> None:
    max_length = data.draw(st.integers(5, 70))
    max_predictions = data.draw(st.integers(1, max_length - 3))
    lengths = np.array(data.draw(st.lists(st.integers(3, max_length), min_size=1, max_size=8)))
    counts = np.array(
        [data.draw(st.integers(0, min(length - 2, max_predictions))) for length in lengths]
    )
    seed = data.draw(st.integers(0, 2**63 - 1))
    masking = data.draw(st.sampled_from(MASKINGS))
    index = np.arange(len(lengths)) + data.draw(st.integers(0, 2**40))
    ids, candidates = rows_of(lengths, max_length)
    before = ids.copy()
    masked = masked_of(ids, candidates, counts, index, max_predictions, seed, masking=masking)

    assert (ids == before).all()
    assert masked.positions.shape == (len(lengths), max_predictions)
    for row, count in enumerate(counts):
        used = masked.positions[row, :count]
        assert candidates[row, used].all()
        assert (np.diff(used) > 0).all()
        assert masked.weights[row].tolist() == [1] * count + [0] * (max_predictions - count)
        assert masked.ids[row, :count].tolist() == ids[row, used].tolist()
        assert not masked.positions[row, count:].any()
        assert not masked.ids[row, count:].any()
        changed = np.flatnonzero(masked.input_ids[row] != ids[row])
        assert set(changed) <= set(used)


@pytest.mark.parametrize("masking", MASKINGS)
def test_a_row_is_masked_alike_whatever_is_beside_it_and_behind_it(masking: str) -> None:
    ids, candidates, _ = random_rows(np.random.default_rng(0), 6, 70)
    ids, candidates = np.pad(ids, ((0, 0), (0, 58))), np.pad(candidates, ((0, 0), (0, 58)))
    ids[1:5, 40:], candidates[1:5, 40:] = 0, False
    counts, index = np.array([10, 6, 1, 0, 6, 10]), np.array([7, 10**12, 3, 8, 9, 0])
    fields = {"masking": masking, "max_length": 128}
    together = masked_of(ids, candidates, counts, index, **fields)
    assert (together.weights.sum(axis=1) > counts - 3).all()
    for row in range(6):
        for columns in (128, 127, 100, 70, 40 if 0 < row < 5 else 70):
            one = (slice(row, row + 1), slice(columns))
            alone = masked_of(
                ids[one],
                candidates[one],
                counts[[row]],
                index[[row]],
                masking=masking,
                max_length=128,
            )
            assert (together.input_ids[one] == alone.input_ids).all()
            for all_rows, single in zip(together[1:], alone[1:], strict=True):
                assert (all_rows[[row]] == single).all()


@pytest.mark.parametrize("masking", MASKINGS)
def test_rows_may_have_fewer_columns_than_there_are_slots(masking: str) -> None:
    ids, candidates = rows_of(np.array([9, 4]), 9)
    ids[ids > 0] -= 5
    masked = masked_of(
        ids, candidates, np.array([7, 2]), max_predictions=20, max_length=64, masking=masking
    )
    assert masked.positions.shape == (2, 20)
    assert (chosen_of(masked) == candidates).all()


@pytest.mark.parametrize(
    ("masking", "expected"),
    [
        ("piece", "1d6453056a829c99"),
        ("whole_word", "4623239086d65a7d"),
        ("span", "ba9145bd1f8eb237"),
    ],
)
def test_a_seed_means_the_same_masks_for_good(masking: str, expected: str) -> None:
    # Runs are repeated by seed: say so in the changelog if this has to change.
    ids, candidates, _ = random_rows(np.random.default_rng(5), 16, 128)
    masked = masked_of(ids, candidates, np.full(16, 19), masking=masking, seed=42)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in masked))
    assert digest.hexdigest()[:16] == expected


@pytest.fixture(scope="module")
def words() -> tuple[np.ndarray, np.ndarray]:
    """1,500 rows of 64 with words of one piece or two, and which may be chosen."""
    return random_rows(np.random.default_rng(1), 1500, 64, longest=2)[:2]


@pytest.mark.parametrize("masking", MASKINGS)
@pytest.mark.parametrize(
    ("mask_share", "random_share"),
    [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.8, 0.2), (0.5, 0.25), (0.15, 0.35), (1e-9, 1.0)],
)
def test_shares_are_those_asked_for(
    words, masking: str, mask_share: float, random_share: float
) -> None:
    ids, candidates = words
    masked = masked_of(
        ids,
        candidates,
        np.full(len(ids), 10),
        masking=masking,
        mask_share=mask_share,
        random_share=random_share,
        # One draw a word: its first token says which.
        **({"span_end_prob": 1.0} if masking == "span" else {}),
    )
    chosen = chosen_of(masked)
    first = chosen & (ids < 500) if masking == "span" else chosen
    shown, originals = masked.input_ids[first], ids[first]
    random_id = 1 / VOCAB
    assert_share((shown == MASK).sum(), shown.size, mask_share + random_share * random_id)
    kept = 1 - mask_share - random_share
    assert_share((shown == originals).sum(), shown.size, max(0, kept) + random_share * random_id)


@pytest.mark.parametrize("masking", ["whole_word", "span"])
def test_words_need_a_tokeniser_that_knows_them(masking: str) -> None:
    ids, candidates = rows_of(np.array([9]), 9)
    special = SpecialIds(pad=0, cls=1, sep=2, mask=3, vocab_size=100)
    with pytest.raises(DataError, match=f"masking='{masking}' needs to know which ids go on"):
        masked_of(
            ids, candidates, np.array([1]), special=special, max_predictions=2, masking=masking
        )


def test_other_examples_and_other_seeds_get_other_masks() -> None:
    ids, candidates = rows_of(np.full(2, 128), 128)
    counts = np.full(2, 19)
    first = masked_of(ids, candidates, counts, np.array([0, 1]))
    assert (first.positions[0] != first.positions[1]).any()
    again = masked_of(ids, candidates, counts, np.array([0, 1]), seed=1)
    assert (first.positions != again.positions).any()
