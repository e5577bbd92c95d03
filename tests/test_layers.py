import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bert_jax.layers import affine, exact_gelu, layer_norm, matmul


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 7), (7, 3)])
def test_a_product_and_its_gradients_equal_those_that_jax_derives(inputs, outputs):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(5, inputs)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(inputs, outputs)), jnp.float32)

    def gradients(product):
        return jax.grad(lambda *a: jnp.sum(product(*a) ** 3), argnums=(0, 1))(x, kernel)

    for ours, theirs in zip(gradients(matmul), gradients(jnp.matmul), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_a_dense_layer_sums_over_as_many_axes_as_it_is_told():
    rng = np.random.default_rng(0)
    shapes = ((2, 5, 3, 4), (3, 4, 6, 2), (6, 2))
    x, kernel, bias = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in shapes)
    found = affine({"kernel": kernel, "bias": bias}, x, inputs=2)
    expected = np.tensordot(x, kernel, 2) + np.asarray(bias)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_exact_gelu_and_its_gradient_equal_those_of_jax():
    x = jnp.linspace(-6, 6, 1001)

    def reference(x):
        return jax.nn.gelu(x, approximate=False)

    np.testing.assert_allclose(exact_gelu(x), reference(x), atol=1e-6)
    ours, theirs = (jax.grad(lambda x, f=f: jnp.sum(f(x)))(x) for f in (exact_gelu, reference))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_dense_layer_computes_in_the_type_of_its_input():
    weights = {"kernel": jnp.ones((3, 2)), "bias": jnp.zeros(2)}
    assert affine(weights, jnp.ones((4, 3), jnp.bfloat16)).dtype == jnp.bfloat16


def reference_layer_norm(weights, x):
    centred = x - x.mean(-1, keepdims=True)
    normed = centred / jnp.sqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-12)
    return normed * weights["scale"][None] + weights["bias"][None]


def layer_norm_arguments(dtype=jnp.float32):
    rng = np.random.default_rng(0)
    scale, bias = (jnp.asarray(rng.normal(size=16), jnp.float32) for _ in range(2))
    return {"scale": scale, "bias": bias}, jnp.asarray(3 + rng.normal(size=(20, 16)), dtype)


def gradients_of_layer_norm(function, weights, x):
    # A cube, so that no gradient is the same everywhere.
    return jax.grad(lambda w, x: jnp.sum(function(w, x).astype(jnp.float32) ** 3), (0, 1))(
        weights, x
    )


def test_layer_norm_and_its_gradients_equal_those_that_jax_derives():
    def ours(weights, x):
        return layer_norm(weights, x, 1e-12)

    arguments = layer_norm_arguments()
    np.testing.assert_allclose(ours(*arguments), reference_layer_norm(*arguments), atol=1e-5)
    found = gradients_of_layer_norm(ours, *arguments)
    expected = gradients_of_layer_norm(reference_layer_norm, *arguments)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected
    )


def test_layer_norm_of_half_precision_keeps_the_types_and_computes_in_float32():
    weights, x = layer_norm_arguments(jnp.bfloat16)

    def ours(weights, x):
        return layer_norm(weights, x, 1e-12)

    assert ours(weights, x).dtype == jnp.bfloat16
    of_weights, of_x = gradients_of_layer_norm(ours, weights, x)
    assert of_x.dtype == jnp.bfloat16
    assert {w.dtype for w in of_weights.values()} == {jnp.dtype(jnp.float32)}
    exact = reference_layer_norm(weights, x.astype(jnp.float32))
    np.testing.assert_allclose(ours(weights, x).astype(jnp.float32), exact, rtol=2**-8)


def test_gelu_of_half_precision_is_that_of_float32_rounded():
    x = jnp.linspace(-6, 6, 4001).astype(jnp.bfloat16)
    wide = x.astype(jnp.float32)
    assert exact_gelu(x).dtype == jnp.bfloat16
    np.testing.assert_array_equal(exact_gelu(x), exact_gelu(wide).astype(jnp.bfloat16))
    half, full = (
        jax.grad(lambda x: jnp.sum(exact_gelu(x).astype(jnp.float32)))(v) for v in (x, wide)
    )
    np.testing.assert_array_equal(half, full.astype(jnp.bfloat16))
