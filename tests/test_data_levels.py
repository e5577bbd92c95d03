"""The levels of a run's data."""

import numpy as np
import pytest

from bert_jax.recipes.data_levels import data_levels
from data_pipeline.objective import PretrainingObjective

TEXT = np.repeat([0, 1, 2, 3], [4, 3, 2, 1])
SHARES = np.array([0.4, 0.3, 0.2, 0.1])
ENTROPY = -(SHARES * np.log(SHARES)).sum()


def test_levels_are_those_of_the_text_the_masks_and_the_labels():
    baselines = {"mlm": {}, "nsp": {"majority_share": 0.6}}
    levels = data_levels([TEXT], [1.0], 5, PretrainingObjective(), baselines)
    assert levels.start == pytest.approx(np.log(5))
    assert levels.unigram == pytest.approx(ENTROPY)
    assert levels.no_context < levels.unigram
    assert levels.pairs == pytest.approx(-(0.6 * np.log(0.6) + 0.4 * np.log(0.4)))


def test_what_is_always_hidden_leaves_the_frequencies_and_no_pairs_have_no_level():
    hidden = PretrainingObjective(mask_share=1.0, random_share=0.0, pairs="none")
    levels = data_levels([TEXT, TEXT], [2.0, 1.0], 5, hidden, {"mlm": {}})
    assert levels.no_context == pytest.approx(levels.unigram) == pytest.approx(ENTROPY)
    assert levels.pairs is None
