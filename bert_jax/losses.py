"""Losses: arrays in, `(sum, count)` out.

A mean is taken once, over all hosts, devices and micro-batches together, so none of these can
change a result beyond rounding. The original divides by `sum(w) + 1e-5`; ours divides by the count.

Shape letters: B batch, P predictions, V vocabulary, K classes.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from bert_jax.heads import PretrainingOutput

# A weighted sum and the sum of its weights.
SumAndCount = tuple[jax.Array, jax.Array]


def cross_entropy(logits: jax.Array, labels: jax.Array, weights: jax.Array) -> SumAndCount:
    """Weighted negative log-likelihood, in nats.

    The label's logit is picked by a comparison rather than a gather: its gradient is then one
    elementwise pass with the softmax, not a scatter into an array as large as the logits.

    Args:
      logits: [..., K] float32.
      labels: [...] int32.
      weights: [...] float32.
    """
    picked = _label_logit(logits, labels)
    nll = jax.nn.logsumexp(logits, axis=-1) - picked
    return jnp.sum(weights * nll), jnp.sum(weights)


def correct_predictions(logits: jax.Array, labels: jax.Array, weights: jax.Array) -> SumAndCount:
    """Weighted number of rows whose label has the highest logit (a tie with another counts).

    Args:
      logits: [..., K] float32.
      labels: [...] int32.
      weights: [...] float32.
    """
    logits = jax.lax.stop_gradient(logits)
    correct = _label_logit(logits, labels) >= jnp.max(logits, axis=-1)
    return jnp.sum(weights * correct), jnp.sum(weights)


def _label_logit(logits: jax.Array, labels: jax.Array) -> jax.Array:
    is_label = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1) == labels[..., None]
    return jnp.sum(jnp.where(is_label, logits, 0.0), axis=-1)


def pretraining_sums(
    output: PretrainingOutput, batch: Mapping[str, jax.Array]
) -> dict[str, SumAndCount]:
    """Losses and accuracies of both pretraining tasks.

    Args:
      output: of `BertForPreTraining`.
      batch: with `masked_lm_ids masked_lm_weights` [B, P] and
        `next_sentence_labels next_sentence_weights` [B].

    Returns:
      `mlm_loss nsp_loss mlm_accuracy nsp_accuracy`, each a sum and a count.
    """
    mlm = (output.prediction_logits, batch["masked_lm_ids"], batch["masked_lm_weights"])
    nsp = (
        output.next_sentence_logits,
        batch["next_sentence_labels"],
        batch["next_sentence_weights"],
    )
    return {
        "mlm_loss": cross_entropy(*mlm),
        "nsp_loss": cross_entropy(*nsp),
        "mlm_accuracy": correct_predictions(*mlm),
        "nsp_accuracy": correct_predictions(*nsp),
    }


def pretraining_counts(batch: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """What each loss of `pretraining_sums` is divided by, from the batch alone.

    The training loss is the sum of the losses named here, each divided by its count.
    """
    return {
        "mlm_loss": jnp.sum(batch["masked_lm_weights"]),
        "nsp_loss": jnp.sum(batch["next_sentence_weights"]),
    }
