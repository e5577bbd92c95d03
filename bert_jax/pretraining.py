"""The pretraining task, as the functions that a trainer needs of any task."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.cross_entropy import SumAndCount
from bert_jax.heads import BertForPreTraining
from bert_jax.losses import pretraining_counts, pretraining_sums
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.train_step import CountsFunction, SumsFunction


def make_init(config: BertConfig) -> Callable[[jax.Array], Any]:
    """Key -> parameters with their logical axes; no shape depends on the batch."""

    def init_params(key: jax.Array) -> Any:
        ids = jnp.zeros((1, 1), jnp.int32)
        return BertForPreTraining(config).init(key, ids, ids, ids, ids)["params"]

    return init_params


def make_sums(config: BertConfig, compute: ComputeConfig) -> SumsFunction:
    """(params, batch, dropout seeds or None) -> sums and counts of all losses and accuracies.

    A batch holds `input_ids token_type_ids attention_mask masked_lm_positions masked_lm_ids
    masked_lm_weights`; with a pair task also `next_sentence_labels next_sentence_weights`; packed,
    also `position_ids segment_ids` and with a pair task `cls_positions`.
    """
    model = BertForPreTraining(config, compute)
    pair_task = PAIR_TASKS.get(config.pair_task)

    def sums(
        params: Any, batch: Mapping[str, jax.Array], dropout_seeds: jax.Array | None
    ) -> dict[str, SumAndCount]:
        # Around the loss too: its product with the vocabulary is the model's largest.
        with jax.default_matmul_precision(compute.matmul_precision):
            output: Any = model.apply(
                {"params": params},
                batch["input_ids"],
                batch["token_type_ids"],
                batch["attention_mask"],
                batch["masked_lm_positions"],
                position_ids=batch.get("position_ids"),
                segment_ids=batch.get("segment_ids"),
                cls_positions=batch.get("cls_positions"),
                dropout_seeds=dropout_seeds,
            )
            return pretraining_sums(output, batch, pair_task, compute.vocab_chunk)

    return sums


def make_counts(config: BertConfig) -> CountsFunction:
    """Batch -> what each loss of the model is divided by."""
    return functools.partial(pretraining_counts, pair_task=PAIR_TASKS.get(config.pair_task))
