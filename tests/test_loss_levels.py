"""Where a loss starts and where it gets stuck."""

import math

import numpy as np
import pytest

from data_pipeline.errors import DataError
from data_pipeline.loss_levels import binary_entropy, start_loss, stuck_level


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
