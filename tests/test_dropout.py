import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bert_jax.dropout import dropout, row_seeds


def seeds_of(rows, key=0):
    return row_seeds(jax.random.key(key), jnp.arange(rows, dtype=jnp.uint32))


def kept(rows=64, width=4096, rate=0.1, site=0, key=0):
    return np.asarray(dropout(jnp.ones((rows, width)), rate, seeds_of(rows, key), site)) > 0


def test_without_seeds_or_rate_nothing_is_dropped():
    x = jnp.arange(12.0).reshape(3, 4)
    assert (dropout(x, 0.5, None, 0) == x).all()
    assert (dropout(x, 0.0, seeds_of(3), 0) == x).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_zeros_is_the_rate_and_the_mean_is_kept(rate):
    x = np.asarray(dropout(jnp.ones((256, 4096)), rate, seeds_of(256), 3))
    # Six standard deviations of a binomial share.
    bound = 6 * np.sqrt(rate * (1 - rate) / x.size)
    assert abs((x == 0).mean() - rate) < bound
    assert np.allclose(x[x > 0], 1 / (1 - rate))


def test_masks_of_rows_places_and_keys_are_independent():
    first = kept()
    others = [kept(site=1), kept(site=2), kept(key=1), np.roll(first, 1, 0), np.roll(first, 1, 1)]
    bound = 6 * np.sqrt(0.09 * 0.09 / first.size)
    for other in others:
        covariance = (first * other).mean() - first.mean() * other.mean()
        assert abs(covariance) < bound


def test_every_row_and_every_column_is_dropped_at_the_rate():
    mask = ~kept(rows=512, width=512)
    for axis in (0, 1):
        shares = mask.mean(axis=axis)
        assert abs(shares - 0.1).max() < 6 * np.sqrt(0.09 / 512)
        # Neither are they all alike: the spread is that of a binomial.
        assert 0.8 < shares.std() / np.sqrt(0.09 / 512) < 1.2


def test_a_row_keeps_its_mask_whatever_batch_it_is_in():
    x = jnp.ones((8, 64))
    seeds = seeds_of(8)
    whole = dropout(x, 0.3, seeds, 5)
    assert (dropout(x[3:5], 0.3, seeds[3:5], 5) == whole[3:5]).all()


def test_the_gradient_is_zero_exactly_where_the_output_was_dropped():
    x, seeds = jnp.full((4, 32), 2.0), seeds_of(4)
    value, pull = jax.vjp(lambda x: dropout(x, 0.5, seeds, 1), x)
    (gradient,) = pull(jnp.ones_like(x))
    assert (np.asarray(gradient) * 2.0 == np.asarray(value)).all()


def test_bfloat16_stays_bfloat16():
    assert dropout(jnp.ones((2, 8), jnp.bfloat16), 0.5, seeds_of(2), 0).dtype == jnp.bfloat16
