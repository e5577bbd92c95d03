"""One vector of several, padding left out."""

import numpy as np
import pytest

from bert_jax.pooling import divided_by_length, pool

STATES = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("pooling", "of"),
    [("cls", lambda x: x[0]), ("mean", lambda x: x.mean(0)), ("max", lambda x: x.max(0))],
)
def test_a_vector_is_of_the_tokens_that_are_there(pooling, of):
    found = np.asarray(pool(STATES, MASK, pooling))
    for row, length in ((0, 4), (1, 2)):
        np.testing.assert_allclose(found[row], of(STATES[row, :length]), rtol=1e-6)
    assert np.isfinite(found).all()


def test_a_vector_is_made_as_long_as_1_and_one_of_zeros_stays_so():
    found = np.asarray(divided_by_length(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]], rtol=1e-6)
