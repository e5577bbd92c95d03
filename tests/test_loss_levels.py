"""Where a loss starts and where it gets stuck."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.loss_levels import (
    binary_entropy,
    entropy,
    no_context_loss,
    start_loss,
    stuck_level,
)


def test_an_untrained_model_loses_the_logarithm_of_the_vocabulary_and_of_two_for_pairs() -> None:
    assert start_loss(30522, has_pairs=False) == pytest.approx(10.3262, abs=1e-4)
    assert start_loss(30522, has_pairs=True) == pytest.approx(10.3262 + 0.6931, abs=1e-4)
    with pytest.raises(DataError, match="at least one token; got 0"):
        start_loss(0, has_pairs=True)


def test_a_model_with_weights_of_the_usual_size_starts_a_little_above() -> None:
    hidden, vocab = 128, 5000
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(64, hidden))
    outputs /= np.sqrt((outputs**2).mean(axis=1, keepdims=True))  # after LayerNorm
    scores = outputs @ rng.normal(0, 0.02, (hidden, vocab)).astype(np.float64)
    loss = np.log(np.exp(scores).sum(axis=1)).mean() - scores.mean()
    above = loss - start_loss(vocab, has_pairs=False)
    assert above == pytest.approx(hidden * 0.0002, rel=0.1)


def test_a_stuck_model_loses_the_entropies_of_tokens_and_labels() -> None:
    assert stuck_level(7.0) == 7.0
    assert stuck_level(7.0, binary_entropy(0.5)) == pytest.approx(7.0 + math.log(2))


def test_a_label_that_is_always_the_same_has_no_entropy() -> None:
    assert binary_entropy(0.0) == binary_entropy(1.0) == 0.0
    assert binary_entropy(0.25) == binary_entropy(0.75) < binary_entropy(0.5)


def loss_of_every_pair(shares, mask, random):
    """The conditional entropy of label given what is shown, pair by pair."""
    keep, total = 1 - mask - random, len(shares)
    joint = np.array([[random * p / total for _ in shares] for p in shares])
    joint += np.diag(keep * np.array(shares))
    of_shown = joint.sum(axis=0)
    seen = [
        -joint[y, x] * np.log(joint[y, x] / of_shown[x])
        for y in range(total)
        for x in range(total)
        if joint[y, x] > 0
    ]
    return mask * entropy(np.array(shares)) + sum(seen)


@given(
    counts=st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any),
    mask=st.floats(0, 1),
    random=st.floats(0, 1),
)
def test_without_context_a_model_loses_what_is_left_unsaid_by_its_own_position(
    counts, mask, random
):
    random *= 1 - mask
    shares = np.array(counts) / sum(counts)
    wanted = loss_of_every_pair(shares, mask, random)
    assert no_context_loss(shares, mask, random) == pytest.approx(wanted, abs=1e-9)


def test_without_context_and_with_every_token_hidden_only_frequencies_are_known():
    shares = np.array([0.5, 0.3, 0.2, 0.0])
    assert no_context_loss(shares, 1.0, 0.0) == pytest.approx(entropy(shares))
    assert no_context_loss(shares, 0.0, 0.0) == pytest.approx(0.0)


def test_the_rule_of_thumb_holds_for_a_large_vocabulary():
    shares = 1 / np.arange(1, 30_001)
    shares /= shares.sum()
    assert no_context_loss(shares) == pytest.approx(0.9 * entropy(shares) + 0.14, abs=0.1)
