"""How likely it is that a text follows another: the head for pairs of a pretrained model."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.heads import BertForPreTraining
from bert_jax.inference.batching import computed
from bert_jax.inference.inputs import TextTokenizer, encode


class PairScorer:
    """A model with its tokeniser, ready to score pairs of texts.

    Args:
      config: the shape of the model; its `pair_task` is not "none".
      params: weights of `BertForPreTraining`.
      tokenizer: the one that the model was trained with.
      compute: how to compute.
    """

    def __init__(
        self,
        config: BertConfig,
        params: Any,
        tokenizer: TextTokenizer,
        compute: ComputeConfig | None = None,
    ) -> None:
        self.config, self.params, self.tokenizer = config, params, tokenizer
        model = BertForPreTraining(config, compute or ComputeConfig())

        def probabilities(params: Any, batch: dict[str, jax.Array]) -> jax.Array:
            nothing = jnp.zeros((len(batch["input_ids"]), 1), jnp.int32)
            output: Any = model.apply(
                {"params": params},
                batch["input_ids"],
                batch["token_type_ids"],
                batch["attention_mask"],
                nothing,
            )
            # Label 0 is the true order (`bert_jax.pair_tasks`).
            return jax.nn.softmax(output.next_sentence_logits)[:, 0]

        self._probabilities = jax.jit(probabilities)

    def score(self, pairs: Sequence[tuple[str, str]], *, truncate: bool = False) -> np.ndarray:
        """Of each pair, the probability of label 0: that the second text follows the first.

        Args:
          pairs: (first text, second text).
          truncate: whether a pair that is too long is cut, the longer text first, or is an error.

        Returns:
          [N] float32.

        Raises:
          BadText: a pair is too long.
        """
        firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
        rows = encode(self.tokenizer, self.config, firsts, seconds, truncate=truncate)
        scores = np.empty(len(rows), np.float32)
        for chosen, found in computed(
            rows,
            self.config.max_length,
            self.tokenizer.pad_id,
            lambda _, batch: self._probabilities(self.params, batch),
        ):
            scores[chosen] = found[: len(chosen)]
        return scores
