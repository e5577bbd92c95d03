import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bert_jax.attention import MASKED_SCORE, attention_mask, dot_product_attention
from bert_jax.dropout import dropout, row_seeds


def random_heads(length=6, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, length, 3, 4)).astype(np.float32) for _ in range(3)]


def test_probabilities_sum_to_one_over_the_keys_that_may_be_seen():
    query, key, value = random_heads()
    padding = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    _, probabilities = dot_product_attention(query, key, value, attention_mask(padding))
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-6)
    assert (probabilities[1, :, :, 3:] == 0).all()
    assert (probabilities[1, :, :, :3] > 0).all()


def test_it_equals_jax_nn_dot_product_attention():
    query, key, value = random_heads()
    mask = attention_mask(np.array([[1] * 6, [1] * 4 + [0] * 2]))
    found, _ = dot_product_attention(query, key, value, mask)
    expected = jax.nn.dot_product_attention(query, key, value, mask=mask)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_token_sees_only_its_own_segment():
    segments = np.array([[1, 1, 2, 2, 2, 0]])
    mask = np.asarray(attention_mask(np.array([[1, 1, 1, 1, 1, 0]]), segments))[0, 0]
    expected = np.zeros((6, 6), bool)
    expected[:2, :2] = expected[2:5, 2:5] = True
    np.testing.assert_array_equal(mask, expected)


def test_a_row_of_padding_alone_gives_numbers():
    query, key, value = random_heads()
    found, _ = dot_product_attention(query, key, value, attention_mask(np.zeros((2, 6))))
    assert np.isfinite(found).all()


def test_dropout_falls_on_the_probabilities_and_leaves_those_returned_whole():
    query, key, value = random_heads(length=64)
    mask = attention_mask(np.ones((2, 64)))
    seeds = row_seeds(jax.random.key(0), jnp.arange(2))
    plain = dot_product_attention(query, key, value, mask)
    dropped = dot_product_attention(
        query, key, value, mask, dropout_rate=0.5, dropout_seeds=seeds, dropout_site=1
    )
    np.testing.assert_array_equal(plain[1], dropped[1])
    assert np.abs(plain[0] - dropped[0]).max() > 0.01


def plain_attention(query, key, value, mask, *, dropout_rate, dropout_seeds, dropout_site):
    """The formula, with whatever gradient JAX derives."""
    scores = jnp.einsum("blhd,bmhd->bhlm", query, key) / 2.0
    probabilities = jax.nn.softmax(jnp.where(mask, scores, MASKED_SCORE), axis=-1)
    dropped = dropout(probabilities, dropout_rate, dropout_seeds, dropout_site)
    return jnp.einsum("bhlm,bmhd->blhd", dropped, value), probabilities


def gradients(function, heads, seeds, rate=0.3, weight_of_probabilities=0.0):
    # The second row is padding alone; its places see nothing, and their scores get no gradient.
    mask = attention_mask(np.array([[1] * 4 + [0] * 2, [0] * 6]))

    def loss(heads):
        mixed, probabilities = function(
            *heads, mask, dropout_rate=rate, dropout_seeds=seeds, dropout_site=2
        )
        mixed, probabilities = mixed.astype(jnp.float32), probabilities**2
        return jnp.sum(mixed**3) + weight_of_probabilities * jnp.sum(probabilities)

    return jax.grad(loss)([jnp.asarray(x) for x in heads])


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("weight_of_probabilities", [0.0, 1.0])
def test_gradients_equal_those_that_jax_derives(dropped, weight_of_probabilities):
    seeds = row_seeds(jax.random.key(0), jnp.arange(2)) if dropped else None
    found, expected = (
        gradients(f, random_heads(), seeds, weight_of_probabilities=weight_of_probabilities)
        for f in (dot_product_attention, plain_attention)
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert (np.asarray(found[0])[1] == 0).all()


def test_half_precision_has_nearly_the_gradients_of_float32():
    seeds = row_seeds(jax.random.key(0), jnp.arange(2))
    exact = gradients(dot_product_attention, random_heads(), seeds)
    rough = gradients(
        dot_product_attention, [x.astype(jnp.bfloat16) for x in random_heads()], seeds
    )
    for half, full in zip(rough, exact, strict=True):
        assert half.dtype == jnp.bfloat16
        error = np.linalg.norm(np.asarray(half, np.float32) - np.asarray(full))
        assert error < 0.03 * np.linalg.norm(np.asarray(full))
