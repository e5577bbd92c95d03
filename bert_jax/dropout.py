"""Dropout as a pure function of (seed, step, row, layer, place).

Each row of the global batch gets a pair of 32-bit seeds, and the bit for one element is a hash of
those seeds and of the element's own index. So a mask does not depend on the mesh, on the number of
hosts or on micro-batches; a resumed run drops the same units; and the hash, a dozen integer
operations, fuses into the multiplication it belongs to (threefry for every element costs 12-25 %
of a large step). The backward pass computes the mask again instead of keeping it in memory.

The mixing constants are those of `lowbias32` and `triple32` (C. Wellons, hash-prospector), whose
avalanche bias is below that of MurmurHash3's finaliser.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np


def row_seeds(key: jax.Array, rows: jax.Array) -> jax.Array:
    """Seeds of the rows of a batch.

    Args:
      key: a key of this step.
      rows: [B] index of each row in the global batch.

    Returns:
      [B, 2] uint32.

    A packed row has one pair of seeds for all its sequences, and an element's index is that in the
    row: so a sequence drops other units than in a row of its own, and two sequences of a row never
    drop the same ones together.
    """
    first, second = jax.random.bits(key, (2,), jnp.uint32)
    rows = rows.astype(jnp.uint32)
    return jnp.stack([_mix(rows ^ first), _mix(_mix(rows + second) ^ first)], axis=1)


def dropout(x: jax.Array, rate: float, seeds: jax.Array | None, site: int | jax.Array) -> jax.Array:
    """Zero each element with probability `rate`, and divide the others by `1 - rate`.

    Args:
      x: [B, ...]; at most 2**32 elements a row.
      rate: probability of zero; exact to 2**-32.
      seeds: [B, 2] of `row_seeds`, or None for no dropout.
      site: which of the model's places this is; two places never share a mask.

    Returns:
      An array like `x`.
    """
    if seeds is None or rate == 0.0:
        return x
    return _dropout(x, seeds, jnp.asarray(site, jnp.uint32), rate)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _dropout(x: jax.Array, seeds: jax.Array, site: jax.Array, rate: float) -> jax.Array:
    scale = jnp.asarray(1.0 / (1.0 - rate), x.dtype)
    return jnp.where(_keep(x.shape, seeds, site, rate), x * scale, jnp.zeros((), x.dtype))


def _dropout_forward(
    x: jax.Array, seeds: jax.Array, site: jax.Array, rate: float
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _dropout(x, seeds, site, rate), (seeds, site)


def _dropout_backward(
    rate: float, residuals: tuple[jax.Array, jax.Array], cotangent: jax.Array
) -> tuple[jax.Array, np.ndarray, np.ndarray]:
    seeds, site = residuals
    return (
        _dropout(cotangent, seeds, site, rate),
        np.zeros(seeds.shape, jax.dtypes.float0),
        np.zeros(site.shape, jax.dtypes.float0),
    )


_dropout.defvjp(_dropout_forward, _dropout_backward)


def _keep(shape: tuple[int, ...], seeds: jax.Array, site: jax.Array, rate: float) -> jax.Array:
    """Which elements are kept: bool of `shape`."""
    index = jnp.zeros((1,) * len(shape), jnp.uint32)
    for axis in range(1, len(shape)):
        stride = jnp.uint32(math.prod(shape[axis + 1 :]))
        within = tuple(n if a == axis else 1 for a, n in enumerate(shape))
        index = index + jax.lax.broadcasted_iota(jnp.uint32, within, axis) * stride
    column = (slice(None), *[None] * (len(shape) - 1))
    one = _mix(seeds[:, 0] + site * jnp.uint32(0x9E3779B9))[column]
    two = _mix(seeds[:, 1] ^ (site * jnp.uint32(0x85EBCA6B)))[column]
    bits = _mix_with(index + one, two)
    return bits >= jnp.uint32(min(round(rate * 2**32), 2**32 - 1))


def _mix(x: jax.Array) -> jax.Array:
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _mix_with(x: jax.Array, second: jax.Array) -> jax.Array:
    """`_mix` with a second seed between its rounds: rows differ in more than a shift of indices."""
    x = (x ^ (x >> 17)) * jnp.uint32(0xED5AD4BB)
    x = (x ^ (x >> 11) ^ second) * jnp.uint32(0xAC4C1B51)
    x = (x ^ (x >> 15)) * jnp.uint32(0x31848BAB)
    return x ^ (x >> 14)
