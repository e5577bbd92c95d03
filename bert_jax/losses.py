"""Losses of each task: a model's output and a batch in, `(sum, count)` by name out.

A mean is taken once, over all hosts, devices and micro-batches together, so none of these can
change a result beyond rounding. The original divides by `sum(w) + 1e-5`; ours divides by the count.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from bert_jax.cross_entropy import (
    SumAndCount,
    correct_predictions,
    cross_entropy,
    projected_cross_entropy,
)
from bert_jax.heads import PretrainingOutput


def pretraining_sums(
    output: PretrainingOutput,
    batch: Mapping[str, jax.Array],
    vocab_chunk: int | None = None,
) -> dict[str, SumAndCount]:
    """Losses and accuracies of both pretraining tasks.

    Args:
      output: of `BertForPreTraining`.
      batch: with `masked_lm_ids masked_lm_weights` [B, P] and
        `next_sentence_labels next_sentence_weights` [B].
      vocab_chunk: see `projected_cross_entropy`.

    Returns:
      `mlm_loss nsp_loss mlm_accuracy nsp_accuracy`, each a sum and a count.
    """
    nsp = (
        output.next_sentence_logits,
        batch["next_sentence_labels"],
        batch["next_sentence_weights"],
    )
    mlm_loss, mlm_accuracy = projected_cross_entropy(
        output.predictions,
        batch["masked_lm_ids"],
        batch["masked_lm_weights"],
        chunk=vocab_chunk,
    )
    return {
        "mlm_loss": mlm_loss,
        "nsp_loss": cross_entropy(*nsp),
        "mlm_accuracy": mlm_accuracy,
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
