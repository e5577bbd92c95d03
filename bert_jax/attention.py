"""Scaled dot-product attention behind one signature.

The gradient is written by hand. The sum over the keys of (probability x its gradient), which the
softmax's gradient needs, is taken over the head size instead, from the output and its gradient:
the same number (arXiv 2205.14135, appendix B.4) from smaller arrays, so that a CPU passes over the
probabilities once instead of three times (`docs/performance.md`).

Shape letters: B batch, L length (queries), M length (keys), H heads, D head size.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bert_jax.dropout import dropout
from bert_jax.layers import present_precision

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
    # Heads before length: every product is then one of plain matrices.
    query, key, value = (jnp.swapaxes(x, 1, 2) for x in (query, key, value))
    # The scale goes to the query, which is smaller than the scores.
    query *= jnp.asarray(1.0 / math.sqrt(query.shape[-1]), query.dtype)
    site = jnp.asarray(dropout_site, jnp.uint32)
    precision = present_precision()
    inputs = _Inputs(query, key, value, mask, dropout_seeds, site)
    mixed = _attend(inputs, dropout_rate, precision)
    # Where nobody asks for these, the compiler drops them; where somebody does, it takes them once.
    return jnp.swapaxes(mixed, 1, 2), _probabilities(query, key, mask, precision)


def _probabilities(
    query: jax.Array, key: jax.Array, mask: jax.Array, precision: str | None
) -> jax.Array:
    """[B, H, L, M] float32, of scaled queries [B, H, L, D] and keys [B, H, M, D]."""
    scores = _product(precision)("bhld,bhmd->bhlm", query, key)
    return jax.nn.softmax(jnp.where(mask, scores, MASKED_SCORE), axis=-1)


class _Inputs(NamedTuple):
    """What attention is of: a scaled query [B, H, L, D], a key and a value [B, H, M, D]."""

    query: jax.Array
    key: jax.Array
    value: jax.Array
    mask: jax.Array
    seeds: jax.Array | None
    site: jax.Array


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _attend(x: _Inputs, rate: float, precision: str | None) -> jax.Array:
    """[B, H, L, D]."""
    return _attend_forward(x, rate, precision)[0]


def _attend_forward(x: _Inputs, rate: float, precision: str | None) -> tuple[jax.Array, Any]:
    probabilities = _probabilities(x.query, x.key, x.mask, precision)
    dropped = dropout(probabilities, rate, x.seeds, x.site).astype(x.value.dtype)
    mixed = _product(precision)("bhlm,bhmd->bhld", dropped, x.value).astype(x.value.dtype)
    return mixed, (x, probabilities, dropped, mixed)


def _attend_backward(
    rate: float, precision: str | None, residuals: Any, gradient: jax.Array
) -> tuple[Any]:
    x, probabilities, dropped, mixed = residuals
    product = _product(precision)
    of_dropped = product("bhld,bhmd->bhlm", gradient, x.value)
    mean = jnp.sum(gradient.astype(jnp.float32) * mixed, axis=-1, keepdims=True)
    # Dropout multiplies by 0 or 1 / (1 - rate), forward and backward: `dropped` holds that factor.
    of_scores = dropped * of_dropped - probabilities * mean
    # A row that sees nothing has equal probabilities, and they depend on no score.
    of_scores = jnp.where(x.mask, of_scores, 0.0).astype(x.query.dtype)
    of_query = product("bhlm,bhmd->bhld", of_scores, x.key)
    # [.., D, M] and then turned round is faster on a CPU than [.., M, D].
    of_key = jnp.swapaxes(product("bhld,bhlm->bhdm", x.query, of_scores), 2, 3)
    of_value = jnp.swapaxes(product("bhld,bhlm->bhdm", gradient, dropped), 2, 3)
    nothing: Any = functools.partial(np.zeros, dtype=jax.dtypes.float0)
    of_inputs = _Inputs(
        of_query.astype(x.query.dtype),
        of_key.astype(x.key.dtype),
        of_value.astype(x.value.dtype),
        nothing(x.mask.shape),
        None if x.seeds is None else nothing(x.seeds.shape),
        nothing(x.site.shape),
    )
    return (of_inputs,)


_attend.defvjp(_attend_forward, _attend_backward)


def _product(precision: str | None) -> Any:
    """A product that is summed in float32, whatever the type of its operands."""
    return functools.partial(jnp.einsum, precision=precision, preferred_element_type=jnp.float32)
