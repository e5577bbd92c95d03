"""One vector of those of a sequence's tokens (arXiv 1908.10084, section 3)."""

import jax
import jax.numpy as jnp

# The shortest length that a vector is divided by, so that one of zeros stays so.
_LEAST_NORM = 1e-12


def pool(states: jax.Array, attention_mask: jax.Array, pooling: str) -> jax.Array:
    """[B, E] float32 of states [B, L, E], padding left out; of a row of padding alone, finite.

    Args:
      states: of the tokens.
      attention_mask: [B, L], 0 of padding.
      pooling: `mean`, `cls` (the first) or `max` (of each number).
    """
    states = states.astype(jnp.float32)
    if pooling == "cls":
        return states[:, 0]
    real = attention_mask[:, :, None] > 0
    if pooling == "max":
        lowest = jnp.finfo(jnp.float32).min
        return jnp.max(jnp.where(real, states, lowest), axis=1)
    total = jnp.sum(jnp.where(real, states, 0.0), axis=1)
    return total / jnp.maximum(jnp.sum(real, axis=1), 1)


def divided_by_length(vectors: jax.Array) -> jax.Array:
    """Vectors [B, E] of length 1 (L2)."""
    norm = jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / jnp.maximum(norm, _LEAST_NORM)
