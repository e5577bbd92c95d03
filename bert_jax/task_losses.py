"""Losses of the tasks that a pretrained encoder is fine-tuned for: `(sum, count)`, in float32.

Shape letters: B batch, L length, K labels, C choices.
"""

import jax
import jax.numpy as jnp
import optax

from bert_jax.cross_entropy import SumAndCount, cross_entropy

# A label that is none: of padding, of the pieces of a word after the first. As in PyTorch.
IGNORED = -100


def classification_loss(
    logits: jax.Array, labels: jax.Array, problem_type: str = "single_label_classification"
) -> SumAndCount:
    """Of sequences, or of the choices of a question.

    Args:
      logits: [B, K] float32.
      labels: [B] int, or [B, K] with 0 and 1 of several labels, or [B, K] (or [B]) numbers.
      problem_type: of `bert_jax.head_config.PROBLEM_TYPES`. Of several labels the binary
        cross-entropy of each; of regression the squared error of each number.
    """
    if problem_type == "single_label_classification":
        return _cross_entropy(logits, labels)
    labels = labels.reshape(logits.shape).astype(jnp.float32)
    if problem_type == "regression":
        each = jnp.square(logits - labels)
    else:
        each = optax.sigmoid_binary_cross_entropy(logits, labels)
    return jnp.sum(each), jnp.float32(each.size)


def token_classification_loss(logits: jax.Array, labels: jax.Array) -> SumAndCount:
    """Of tokens: [B, L, K] and [B, L] int, `IGNORED` where nothing is asked."""
    return _cross_entropy(logits, labels)


def question_answering_loss(
    logits: jax.Array, start_positions: jax.Array, end_positions: jax.Array
) -> SumAndCount:
    """Half of the cross-entropies of start and end over the row's positions.

    Args:
      logits: [B, L, 2].
      start_positions: [B] int; outside the row where the answer is not in it, which counts nothing.
      end_positions: [B] int, likewise.
    """
    length = logits.shape[1]
    labels = jnp.stack([start_positions, end_positions])
    labels = jnp.where((labels >= 0) & (labels < length), labels, IGNORED)
    (start, starts), (end, ends) = (
        _cross_entropy(logits[:, :, side], labels[side]) for side in (0, 1)
    )
    # Each is a mean of its own, as in PyTorch: their counts may differ.
    count = jnp.maximum(starts, 1.0)
    return 0.5 * (start + end * count / jnp.maximum(ends, 1.0)), count


def _cross_entropy(logits: jax.Array, labels: jax.Array) -> SumAndCount:
    is_asked = labels != IGNORED
    return cross_entropy(logits, jnp.where(is_asked, labels, 0), is_asked.astype(jnp.float32))
