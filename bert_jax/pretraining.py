"""The pretraining task: a row of the trainer's table, as two functions."""

from collections.abc import Mapping

import jax
from typing import Any

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.heads import BertForPreTraining
from bert_jax.losses import SumAndCount, pretraining_counts, pretraining_sums

counts = pretraining_counts


def make_sums(config: BertConfig, compute: ComputeConfig) -> Any:
    """(params, batch, dropout seeds) -> sums and counts of both losses and accuracies."""
    model = BertForPreTraining(config, compute)

    def sums(
        params: Any, batch: Mapping[str, jax.Array], dropout_seeds: jax.Array | None
    ) -> dict[str, SumAndCount]:
        output = model.apply(
            {"params": params},
            batch["input_ids"],
            batch["token_type_ids"],
            batch["attention_mask"],
            batch["masked_lm_positions"],
            dropout_seeds=dropout_seeds,
        )
        return pretraining_sums(output, batch)

    return sums
