import jax
import numpy as np
import pytest
from models import random_params, small_config

from bert_jax.config import BertConfig
from bert_jax.parameters import count_parameters, parameters_sha256

# Encoder with pooler, and with both heads, for the vocabulary of 30,522 tokens. The paper and the
# original's README give 4.4, 11.2 (11.3), 28.8 (29.1), 41.4 (41.7), 110 and 340 million; the exact
# numbers follow from the shapes in google-research/bert `modeling.py`.
GOLDEN = {
    "tiny": (4_385_920, 4_433_468),
    "mini": (11_170_560, 11_267_900),
    "small": (28_763_648, 29_058_876),
    "medium": (41_373_184, 41_668_412),
    "base": (109_482_240, 110_106_428),
    "large": (335_141_888, 336_226_108),
}


@pytest.mark.parametrize("size", GOLDEN)
def test_parameter_counts_are_those_of_the_released_models(size):
    config = BertConfig.of_size(size)
    assert (count_parameters(config, heads=False), count_parameters(config)) == GOLDEN[size]


@pytest.mark.parametrize("size", GOLDEN)
def test_the_golden_counts_follow_from_the_formula_of_the_paper(size):
    c = BertConfig.of_size(size)
    h, f = c.hidden_size, c.intermediate_size
    embeddings = (c.vocab_size + 512 + 2) * h + 2 * h
    layer = 4 * (h * h + h) + (h * f + f) + (f * h + h) + 4 * h
    encoder = embeddings + c.num_hidden_layers * layer + h * h + h
    heads = (h * h + h) + 2 * h + c.vocab_size + (2 * h + 2)
    assert GOLDEN[size] == (encoder, encoder + heads)


def test_the_fingerprint_changes_with_one_bit_of_one_weight():
    params = random_params(small_config())
    before = parameters_sha256(params)
    assert parameters_sha256(jax.tree.map(np.copy, params)) == before
    bias = params["cls"]["predictions"]["bias"]
    bias[3] = np.nextafter(bias[3], np.float32(np.inf))
    assert parameters_sha256(params) != before
