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
from bert_jax.pair_tasks import PairTask


def pretraining_sums(
    output: PretrainingOutput,
    batch: Mapping[str, jax.Array],
    pair_task: PairTask | None,
    vocab_chunk: int | None = None,
) -> dict[str, SumAndCount]:
    """Losses and accuracies of the masked LM and, where there is one, of the pair task.

    Args:
      output: of `BertForPreTraining`.
      batch: with `masked_lm_ids masked_lm_weights` [B, P] and `attention_mask` [B, L]; with a pair
        task `next_sentence_labels next_sentence_weights`, [B] or, packed, [B, M].
      pair_task: names the losses of the pairs; None where the model has no head for them.
      vocab_chunk: see `projected_cross_entropy`.

    Returns:
      `mlm_loss mlm_accuracy`, the pair task's (`nsp_loss nsp_accuracy`, say), and `padding`, the
      share of a row's places that hold no token; each a sum and a count.
    """
    mlm_loss, mlm_accuracy = projected_cross_entropy(
        output.predictions,
        batch["masked_lm_ids"],
        batch["masked_lm_weights"],
        chunk=vocab_chunk,
    )
    mask = batch["attention_mask"]
    sums = {
        "mlm_loss": mlm_loss,
        "mlm_accuracy": mlm_accuracy,
        "padding": (jnp.sum(mask == 0, dtype=jnp.float32), jnp.float32(mask.size)),
    }
    if pair_task is not None:
        if output.next_sentence_logits is None:
            raise ValueError(f"a model without a head for pairs has no {pair_task.title} loss")
        pairs = (
            output.next_sentence_logits,
            batch["next_sentence_labels"],
            batch["next_sentence_weights"],
        )
        sums[f"{pair_task.key}_loss"] = cross_entropy(*pairs)
        sums[f"{pair_task.key}_accuracy"] = correct_predictions(*pairs)
    return sums


def pretraining_counts(
    batch: Mapping[str, jax.Array], pair_task: PairTask | None
) -> dict[str, jax.Array]:
    """What each loss of `pretraining_sums` is divided by, from the batch alone.

    The training loss is the sum of the losses named here, each divided by its count.
    """
    counts = {"mlm_loss": jnp.sum(batch["masked_lm_weights"])}
    if pair_task is not None:
        counts[f"{pair_task.key}_loss"] = jnp.sum(batch["next_sentence_weights"])
    return counts
