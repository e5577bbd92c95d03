"""One vector of those of a sequence's tokens (arXiv 1908.10084, section 3)."""

import jax
import jax.numpy as jnp

# The shortest length that a vector is divided by, so that one of zeros stays so.
_LEAST_NORM = 1e-12


def pool(
    states: jax.Array, attention_mask: jax.Array, pooling: str, skipped: int | jax.Array = 0
) -> jax.Array:
    """[B, E] float32 of states [B, L, E], padding left out; of a row of padding alone, finite.

    Args:
      states: of the tokens.
      attention_mask: [B, L], 0 at padding, which is at the end.
      pooling: one of `bert_jax.head_config.POOLINGS`, or N of them with `+` between: [B, N * E].
      skipped: tokens at the beginning that are left out as well.
    """
    states = states.astype(jnp.float32)
    real = (attention_mask > 0) & (jnp.arange(states.shape[1])[None] >= skipped)
    found = [_pool_by(mode, states, real) for mode in pooling.split("+")]
    return found[0] if len(found) == 1 else jnp.concatenate(found, axis=-1)


def _pool_by(mode: str, states: jax.Array, real: jax.Array) -> jax.Array:
    """The sums are those of sentence-transformers (its module Pooling)."""
    length = states.shape[1]
    if mode in ("cls", "lasttoken"):
        first, last = jnp.argmax(real, axis=1), length - 1 - jnp.argmax(real[:, ::-1], axis=1)
        chosen = first if mode == "cls" else last
        return jnp.take_along_axis(states, chosen[:, None, None], axis=1)[:, 0]
    if mode == "max":
        lowest = jnp.finfo(jnp.float32).min
        return jnp.max(jnp.where(real[:, :, None], states, lowest), axis=1)
    weights = real.astype(jnp.float32)
    if mode == "weightedmean":
        weights *= jnp.arange(1, length + 1)[None]
        states = states * weights[:, :, None]
    total = jnp.sum(jnp.where(real[:, :, None], states, 0.0), axis=1)
    divisor = jnp.maximum(jnp.sum(weights, axis=1, keepdims=True), 1)
    return total / (jnp.sqrt(divisor) if mode == "mean_sqrt_len_tokens" else divisor)


def divided_by_length(vectors: jax.Array) -> jax.Array:
    """Vectors [B, E] of length 1 (L2)."""
    norm = jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / jnp.maximum(norm, _LEAST_NORM)
