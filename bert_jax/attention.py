"""Scaled dot-product attention behind one signature.

Shape letters: B batch, L length (queries), M length (keys), H heads, D head size.
"""

import jax
import jax.numpy as jnp

from bert_jax.dropout import dropout

# What a masked score becomes: far below any real one, and finite, so that a row with nothing to
# attend to (padding alone) stays free of NaN. The original adds -10000.
MASKED_SCORE = -1e9


def attention_mask(padding_mask: jax.Array, segment_ids: jax.Array | None = None) -> jax.Array:
    """Which keys each query may see.

    Args:
      padding_mask: [B, M], 1 for tokens and 0 for padding.
      segment_ids: [B, M] which sequence of a packed row a token belongs to, or None.

    Returns:
      Boolean [B, 1, 1, M], or [B, 1, L, M] with segments.
    """
    mask = (padding_mask > 0)[:, None, None, :]
    if segment_ids is not None:
        mask = mask & (segment_ids[:, None, :, None] == segment_ids[:, None, None, :])
    return mask


def dot_product_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array,
    *,
    dropout_rate: float = 0.0,
    dropout_seeds: jax.Array | None = None,
    dropout_site: int | jax.Array = 0,
) -> tuple[jax.Array, jax.Array]:
    """softmax(Q K^T / sqrt(D)) V, with dropout on the probabilities (paper, appendix A.2).

    Args:
      query: [B, L, H, D].
      key: [B, M, H, D].
      value: [B, M, H, D].
      mask: boolean, broadcastable to [B, H, L, M]; see `attention_mask`.
      dropout_rate: of the probabilities.
      dropout_seeds: [B, 2] or None (`bert_jax.dropout`).
      dropout_site: which place of the model this is.

    Returns:
      The mixed values [B, L, H, D], and the probabilities before dropout [B, H, L, M], in float32.
    """
    scores = jnp.einsum(
        "blhd,bmhd->bhlm", query, key, preferred_element_type=jnp.float32
    ) / jnp.sqrt(jnp.float32(query.shape[-1]))
    probabilities = jax.nn.softmax(jnp.where(mask, scores, MASKED_SCORE), axis=-1)
    dropped = dropout(probabilities, dropout_rate, dropout_seeds, dropout_site)
    mixed = jnp.einsum("bhlm,bmhd->blhd", dropped.astype(value.dtype), value)
    return mixed, probabilities
