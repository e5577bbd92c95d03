import jax
import jax.numpy as jnp
import pytest
from models import random_batch, random_params, small_config

from bert_jax import pretraining
from bert_jax.config import ComputeConfig
from bert_jax.dropout import row_seeds


@pytest.mark.parametrize("chunk", [0, 256])
def test_every_product_of_a_step_has_the_precision_that_was_asked_for(chunk):
    """Also those of gradients written by hand; a CPU computes the same with any."""
    config = small_config()
    params, batch = random_params(config), random_batch()
    compute = ComputeConfig(matmul_precision="highest", vocab_chunk=chunk)
    sums = pretraining.make_sums(config, compute)
    seeds = row_seeds(jax.random.key(0), jnp.arange(8))

    def loss(params):
        return sum(total for total, _ in sums(params, batch, seeds).values())

    text = str(jax.make_jaxpr(jax.grad(loss))(params))
    products = text.count("dot_general[")
    assert products > 30
    assert text.count("precision=(Precision.HIGHEST, Precision.HIGHEST)") == products
