"""Any model: which Linen module a config and a head make, and which weights it has."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.head_config import HeadConfig
from bert_jax.heads import BertForPreTraining
from bert_jax.sharding import unbox
from bert_jax.task_heads import BertForTask


def make_model(
    config: BertConfig, head: HeadConfig, compute: ComputeConfig | None = None
) -> BertForPreTraining | BertForTask:
    """The model of a head."""
    compute = compute or ComputeConfig()
    if head.task == "pretraining":
        return BertForPreTraining(config, compute)
    return BertForTask(config, head, compute)


def make_init(config: BertConfig, head: HeadConfig) -> Callable[[jax.Array], Any]:
    """Key -> parameters with their logical axes; no shape depends on the batch."""

    def init_params(key: jax.Array) -> Any:
        ids = jnp.zeros((1, 1, 1) if head.task == "multiple_choice" else (1, 1), jnp.int32)
        more = (ids,) if head.task == "pretraining" else ()
        return make_model(config, head).init(key, ids, ids, ids, *more)["params"]

    return init_params


def abstract_params(config: BertConfig, head: HeadConfig) -> Any:
    """Shapes and types of a model's parameters; nothing is computed."""
    return unbox(jax.eval_shape(make_init(config, head), jax.random.key(0)))
