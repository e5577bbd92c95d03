"""Heads of the tasks that a pretrained encoder is fine-tuned for (paper, section 4 and figure 4).

Every head is one dense layer on what the encoder gives: on the pooled first position (sequence
classification, multiple choice) or on every position (token classification, question answering).

Shape letters: B batch, L length, E embed, K labels, C choices.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.dropout import dropout
from bert_jax.encoder import SITES_PER_LAYER, BertEncoder, EncoderOutput
from bert_jax.encoder_weights import Affine
from bert_jax.head_config import HeadConfig
from bert_jax.layers import affine
from bert_jax.sharding import constrain


class TaskOutput(NamedTuple):
    """What a model with a head computes.

    Attributes:
      logits: float32: [B, K] of sequences, [B, L, K] of tokens, [B, L, 2] for the start and the end
        of an answer, [B, C] of choices; None of an encoder alone.
      encoder: what the head was given; of choices, with B * C rows.
    """

    logits: jax.Array | None
    encoder: EncoderOutput


class BertForTask(nn.Module):
    """BERT with the head of a task, or with none.

    Attributes:
      config: the shape of the encoder.
      head: which head; any task but pretraining, whose model is `BertForPreTraining`.
      compute: how it is computed.
    """

    config: BertConfig
    head: HeadConfig
    compute: ComputeConfig = ComputeConfig()

    def setup(self) -> None:
        """Make the weights."""
        self.bert = BertEncoder(self.config, self.compute, has_pooler=self.head.needs_pooler)
        outputs = output_size(self.head)
        if outputs is None:
            return
        axes = (("embed", self.config.hidden_size),), (("labels", outputs),)
        if self.head.task == "question_answering":
            self.qa_outputs = Affine(self.config, *axes)
        else:
            self.classifier = Affine(self.config, *axes)

    def __call__(
        self,
        input_ids: jax.Array,
        token_type_ids: jax.Array,
        attention_mask: jax.Array,
        *,
        position_ids: jax.Array | None = None,
        dropout_seeds: jax.Array | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> TaskOutput:
        """Score what the task asks for.

        Args:
          input_ids: [B, L] int32; of choices, [B, C, L].
          token_type_ids: like `input_ids`.
          attention_mask: like `input_ids`, 1 for tokens and 0 for padding.
          position_ids: like `input_ids`; 0, 1, 2... where not given.
          dropout_seeds: [B, 2], of choices [B * C, 2] (`bert_jax.dropout.row_seeds`), or None for
            no dropout.
          output_hidden_states: see `BertEncoder`.
          output_attentions: see `BertEncoder`.
        """
        is_choice = self.head.task == "multiple_choice"

        def rows(x: jax.Array) -> jax.Array:
            """Each choice is a row of its own."""
            return x.reshape(-1, x.shape[-1]) if is_choice else x

        with jax.default_matmul_precision(self.compute.matmul_precision):
            encoded = self.bert(
                rows(input_ids),
                rows(token_type_ids),
                rows(attention_mask),
                position_ids=None if position_ids is None else rows(position_ids),
                dropout_seeds=dropout_seeds,
                output_hidden_states=output_hidden_states,
                output_attentions=output_attentions,
            )
            if self.head.task == "encoder":
                return TaskOutput(None, encoded)
            x = encoded.sequence if encoded.pooled is None else encoded.pooled
            x = dropout(x, self._dropout_rate(), dropout_seeds, self._dropout_site())
            if self.head.task == "question_answering":
                weights = self.qa_outputs()
            else:
                weights = self.classifier()
            logits = affine(weights, x).astype(jnp.float32)
        if is_choice:
            logits = logits.reshape(input_ids.shape[:2])
        axes = ("batch", "length", "labels") if logits.ndim == 3 else ("batch", "labels")
        return TaskOutput(constrain(logits, *axes), encoded)

    def _dropout_rate(self) -> float:
        """Of what goes into the last layer; nothing is dropped there for question answering."""
        if self.head.task == "question_answering":
            return 0.0
        if self.head.classifier_dropout is not None:
            return self.head.classifier_dropout
        return self.config.hidden_dropout_prob

    def _dropout_site(self) -> int:
        """The place after the last of the encoder's."""
        return 1 + SITES_PER_LAYER * self.config.num_hidden_layers


def output_size(head: HeadConfig) -> int | None:
    """How wide a head's last layer is; None without one."""
    return {
        "sequence_classification": len(head.labels),
        "token_classification": len(head.labels),
        "question_answering": 2,
        "multiple_choice": 1,
    }.get(head.task)
