"""How alike vectors are, by each measure."""

import numpy as np
import pytest

from bert_jax.inference.similarities import MEASURES
from bert_jax.sentence_config import SIMILARITIES

FIRSTS = np.array([[3, 4], [0, 0], [1, -1]], np.float32)
SECONDS = np.array([[6, 8], [3, 4], [-2, 3]], np.float32)


def test_there_is_every_measure_that_a_model_may_ask_for():
    assert tuple(MEASURES) == SIMILARITIES


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cosine", [1, 0, -5 / np.sqrt(2 * 13)]),
        ("dot", [50, 0, -5]),
        ("euclidean", [-5, -5, -5]),
        ("manhattan", [-7, -7, -7]),
    ],
)
def test_a_measure_is_of_each_pair_and_more_is_more_alike(name, wanted):
    np.testing.assert_allclose(MEASURES[name](FIRSTS, SECONDS), wanted, rtol=1e-6)
