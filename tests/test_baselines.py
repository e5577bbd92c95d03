import numpy as np
import pytest
from scipy import stats

from data_pipeline import baselines
from data_pipeline.baselines import (
    commonest,
    majority,
    mixture_unigram_loss,
    token_shares,
    unigram_entropy,
    unigram_loss,
    wilson_interval,
)
from data_pipeline.errors import DataError


def test_the_entropy_of_equally_common_tokens_is_the_logarithm_of_their_number() -> None:
    assert unigram_entropy(np.array([[3, 9], [5, 1]])) == pytest.approx(np.log(4))


def test_the_entropy_is_the_mean_loss_of_answering_with_the_frequencies() -> None:
    tokens = np.array([7] * 6 + [2] * 3 + [900])
    share = {7: 0.6, 2: 0.3, 900: 0.1}
    losses = [-np.log(share[token]) for token in tokens.tolist()]
    assert unigram_entropy(tokens) == pytest.approx(np.mean(losses))


def test_the_frequencies_of_another_text_have_the_loss_of_its_counts_plus_one() -> None:
    text = np.array([0, 0, 0, 1, 3], np.uint16)
    loss = unigram_loss(np.array([[0, 1], [2, 0]]), text, vocab_size=4)
    assert loss == pytest.approx(-np.log(np.array([4, 2, 1, 4]) / 9).mean())


def test_a_long_text_is_counted_in_pieces_that_lie_evenly_over_it(monkeypatch) -> None:
    monkeypatch.setattr(baselines, "_COUNTED", 100)
    monkeypatch.setattr(baselines, "_PIECE", 10)
    text = np.repeat([0, 1], 5000)
    assert unigram_loss(np.array([0]), text, 2) == pytest.approx(np.log(2))
    assert unigram_loss(np.array([0]), text[:95], 2) == pytest.approx(np.log(97 / 96))


def test_texts_in_a_mixture_count_by_their_shares_and_not_by_their_sizes() -> None:
    asked, small, large = np.array([0, 1, 1]), np.array([0, 1]), np.zeros(998, np.int64)
    loss = mixture_unigram_loss(asked, [small, large], [0.75, 0.25], 2)
    # Of 1,000 tokens 625 are 0 and 375 are 1, and each is counted once more.
    assert loss == pytest.approx(-np.log(np.array([626, 376, 376]) / 1002).mean())
    alone = mixture_unigram_loss(asked, [large], [1.0], 2)
    assert alone == pytest.approx(unigram_loss(asked, large, 2))


def test_a_weight_counts_as_much_as_so_many_tokens_that_count_alike() -> None:
    ids, weights, as_many = np.array([4, 2, 2, 0]), np.array([3.0, 1, 2, 1]), [3, 1, 2, 1]
    repeated = ids.repeat(as_many)
    assert unigram_entropy(ids, weights) == pytest.approx(unigram_entropy(repeated))
    assert commonest(ids, weights) == commonest(repeated) == (2, 3 / 7)
    assert majority(ids, np.array([3.5, 1, 2, 1])) == (4, 3.5 / 7.5)
    text = [np.array([0, 1, 2, 3, 4, 4, 4])]
    loss = mixture_unigram_loss(ids, text, [1.0], 5, weights)
    assert loss == pytest.approx(unigram_loss(repeated, text[0], 5))


def test_shares_of_mixed_texts_follow_their_weights_and_not_their_lengths() -> None:
    texts = [np.array([0, 0, 1, 3]), np.full(1000, 2)]
    assert token_shares(texts, [3, 1], 5).tolist() == [0.375, 0.1875, 0.25, 0.1875, 0.0]
    assert token_shares(texts[:1], [1.0], 4).sum() == 1
    with pytest.raises(DataError, match="without a token"):
        token_shares([np.array([], np.int64)], [1.0], 4)


def test_one_token_alone_has_no_entropy() -> None:
    assert unigram_entropy(np.full(9, 5)) == 0.0


def test_the_commonest_token_comes_with_its_share() -> None:
    assert commonest(np.array([[4, 4], [2, 7]])) == (4, 0.5)
    assert commonest(np.array([8, 3])) == (3, 0.5)


def test_the_majority_label_comes_with_its_share() -> None:
    assert majority(np.array([1, 0, 1, 1])) == (1, 0.75)
    assert majority(np.zeros(3, np.int32)) == (0, 1.0)


def test_the_interval_is_wilsons() -> None:
    successes, n = 60, 100
    z = stats.norm.ppf(0.975)
    low, high = wilson_interval(successes, n)
    # Its ends p solve |successes / n - p| = z * sqrt(p (1 - p) / n).
    for p in (low, high):
        assert abs(successes / n - p) == pytest.approx(z * np.sqrt(p * (1 - p) / n))
    assert low < 0.6 < high


def test_a_higher_confidence_gives_a_wider_interval() -> None:
    assert wilson_interval(5, 20, 0.99)[0] < wilson_interval(5, 20, 0.9)[0]


def test_the_interval_stays_within_0_and_1() -> None:
    assert wilson_interval(0, 10)[0] == 0
    assert wilson_interval(10, 10)[1] == 1


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_an_interval_of_impossible_counts_is_an_error(successes: int, n: int) -> None:
    with pytest.raises(DataError, match=str(n)):
        wilson_interval(successes, n)


def test_an_impossible_confidence_is_an_error() -> None:
    with pytest.raises(DataError, match="confidence"):
        wilson_interval(1, 2, 95)


def test_a_baseline_of_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match="empty"):
        unigram_entropy(np.zeros((0, 20), np.int32))
