"""What every layer is made of, as plain functions of weights and arrays.

Some have a gradient written by hand: what XLA derives from the usual one is the same number, in a
form that its CPU backend computes up to twice as slowly (`docs/performance.md`).
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

# A module's weights: arrays by name, nested as in the checkpoint.
Weights = Mapping[str, Any]


def affine(weights: Weights, x: jax.Array, inputs: int = 1) -> jax.Array:
    """A dense layer in the type of `x`.

    Args:
      weights: `kernel` [*inputs, *outputs] and `bias` [*outputs].
      x: [..., *inputs].
      inputs: how many axes are summed over: the last of `x`, the first of the kernel.

    Returns:
      [..., *outputs].
    """
    kernel, bias = weights["kernel"].astype(x.dtype), weights["bias"].astype(x.dtype)
    rows, outputs = x.shape[: x.ndim - inputs], kernel.shape[inputs:]
    width = math.prod(kernel.shape[:inputs])
    y = matmul(x.reshape(-1, width), kernel.reshape(width, -1)) + bias.reshape(1, -1)
    return y.reshape(*rows, *outputs)


def matmul(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """[N, I] x [I, O] -> [N, O].

    The kernel's gradient is taken as x^T dy. JAX takes (dy^T x)^T, for which XLA copies the wider
    operand on a CPU and leaves its fast path.
    """
    return _matmul(x, kernel, present_precision())


def present_precision() -> str | None:
    """The precision of products here, for a gradient that is written by hand.

    Such a gradient is traced where `jax.default_matmul_precision` is no longer what it was around
    the function, so the function takes note of it.
    """
    return jax.default_matmul_precision.value


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _matmul(x: jax.Array, kernel: jax.Array, precision: str | None) -> jax.Array:
    return jnp.matmul(x, kernel, precision=precision)


def _matmul_forward(
    x: jax.Array, kernel: jax.Array, precision: str | None
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _matmul(x, kernel, precision), (x, kernel)


def _matmul_backward(
    precision: str | None, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = residuals
    product = functools.partial(jnp.matmul, precision=precision)
    if x.shape[1] <= kernel.shape[1]:
        of_kernel = product(x.T, gradient)
    else:
        # The narrower operand is the one that is cheap to transpose; without the barrier XLA would
        # turn the product round again.
        of_kernel = jax.lax.optimization_barrier(product(gradient.T, x)).T
    return product(gradient, kernel.T), of_kernel


_matmul.defvjp(_matmul_forward, _matmul_backward)


def layer_norm(weights: Weights, x: jax.Array, eps: float) -> jax.Array:
    """LayerNorm over the last axis, computed in float32, returned in the type of `x`."""
    return _layer_norm(weights["scale"], weights["bias"], x, eps)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _layer_norm(scale: jax.Array, bias: jax.Array, x: jax.Array, eps: float) -> jax.Array:
    return _layer_norm_forward(scale, bias, x, eps)[0]


def _layer_norm_forward(
    scale: jax.Array, bias: jax.Array, x: jax.Array, eps: float
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    wide = x.astype(jnp.float32)
    mean = jnp.mean(wide, axis=-1, keepdims=True)
    centred = wide - mean
    inverse = jax.lax.rsqrt(jnp.mean(jnp.square(centred), axis=-1, keepdims=True) + eps)
    normed = centred * inverse
    y = normed * leading_ones(scale, x.ndim) + leading_ones(bias, x.ndim)
    return y.astype(x.dtype), (scale, x, mean, inverse)


def _layer_norm_backward(
    eps: float, residuals: tuple[jax.Array, ...], gradient: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    del eps
    scale, x, mean, inverse = jax.lax.optimization_barrier(residuals)
    normed = (x.astype(jnp.float32) - mean) * inverse
    wide = gradient.astype(jnp.float32)
    of_normed = wide * leading_ones(scale, x.ndim)
    # What shifting and stretching the row would change is taken out.
    shift = jnp.mean(of_normed, axis=-1, keepdims=True)
    stretch = jnp.mean(of_normed * normed, axis=-1, keepdims=True)
    rows = tuple(range(x.ndim - 1))
    return (
        # The weights are float32, whatever the type of the states.
        jnp.sum(wide * normed, axis=rows),
        jnp.sum(wide, axis=rows),
        (inverse * (of_normed - shift - normed * stretch)).astype(x.dtype),
    )


_layer_norm.defvjp(_layer_norm_forward, _layer_norm_backward)


def activation(name: str, x: jax.Array) -> jax.Array:
    """GELU, exact (`gelu`: x Phi(x)) or by tanh (`gelu_new`), arXiv 1606.08415; `relu`; `tanh`."""
    return _ACTIVATIONS[name](x)


@jax.custom_vjp
def exact_gelu(x: jax.Array) -> jax.Array:
    """x Phi(x), by erf, computed in float32; its gradient keeps `x` and computes erf again."""
    wide = x.astype(jnp.float32)
    return (wide * _normal_cdf(wide)).astype(x.dtype)


def _exact_gelu_forward(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return exact_gelu(x), x


def _exact_gelu_backward(x: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
    # The barrier keeps the compiler from storing erf as well, which costs more than computing it.
    wide = jax.lax.optimization_barrier(x).astype(jnp.float32)
    density = jnp.exp(-0.5 * jnp.square(wide)) * (1.0 / math.sqrt(2.0 * math.pi))
    slope = _normal_cdf(wide) + wide * density
    return ((gradient.astype(jnp.float32) * slope).astype(x.dtype),)


exact_gelu.defvjp(_exact_gelu_forward, _exact_gelu_backward)


def _normal_cdf(x: jax.Array) -> jax.Array:
    return 0.5 * (1.0 + jax.lax.erf(x * (1.0 / math.sqrt(2.0))))


_ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "gelu": exact_gelu,
    "gelu_new": functools.partial(jax.nn.gelu, approximate=True),
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
}


def leading_ones(x: jax.Array, ndim: int) -> jax.Array:
    """`x` with axes of size 1 in front, up to `ndim`: ranks are never promoted silently."""
    return jax.lax.expand_dims(x, range(ndim - x.ndim))
