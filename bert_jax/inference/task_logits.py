"""Scores of a fine-tuned head, for every input in its order."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.head_config import HeadConfig
from bert_jax.inference.batching import Row, computed
from bert_jax.task_heads import BertForTask


class TaskLogits:
    """A model with the head of a task, compiled for each shape that it is given.

    Args:
      config: the shape of the model.
      head: any but that of pretraining, and not none.
      params: weights of `BertForTask`.
      pad_id: of the tokeniser.
      compute: how to compute.
    """

    def __init__(
        self,
        config: BertConfig,
        head: HeadConfig,
        params: Any,
        pad_id: int,
        compute: ComputeConfig | None = None,
    ) -> None:
        self.config, self.head, self.params, self.pad_id = config, head, params, pad_id
        model = BertForTask(config, head, compute or ComputeConfig())

        def logits(params: Any, batch: dict[str, jax.Array]) -> jax.Array:
            inputs = [batch[n] for n in ("input_ids", "token_type_ids", "attention_mask")]
            if head.task == "multiple_choice":
                # Each choice is scored by itself; whose it is, only the softmax asks.
                inputs = [x[:, None] for x in inputs]
            output: Any = model.apply({"params": params}, *inputs)
            found: jax.Array = output.logits
            return found

        self._logits = jax.jit(logits)

    def of(self, rows: Sequence[Row]) -> list[np.ndarray]:
        """Of each row [K], or [L, K] where every token has scores, padding left out."""
        found: list[Any] = [None] * len(rows)
        for chosen, logits in computed(
            rows,
            self.config.max_length,
            self.pad_id,
            lambda _, batch: self._logits(self.params, batch),
        ):
            for i, of_row in zip(chosen, logits, strict=False):
                found[i] = of_row[: len(rows[i].ids)] if of_row.ndim == 2 else of_row
        return found


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, of finite numbers."""
    powers: np.ndarray = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
