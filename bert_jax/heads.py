"""Heads: what is put on the encoder for a task.

Shape letters: B batch, L length, P predictions (masked positions), E embed, V vocabulary
(padded), M sequences of a packed row.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from bert_jax.attention import MASKED_SCORE
from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.encoder import BertEncoder
from bert_jax.encoder_weights import Affine, LayerNorm, padded_vocab_size
from bert_jax.layers import Weights, activation, affine, layer_norm, leading_ones
from bert_jax.sharding import constrain, parameter


class Projection(NamedTuple):
    """Scores over the vocabulary before they are computed: `states @ table.T + bias`.

    A loss can do without the scores themselves, which are the largest array of a step
    (`bert_jax.cross_entropy.projected_cross_entropy`).

    Attributes:
      states: [B, P, E].
      table: [V, E] the word embeddings.
      bias: [V] float32; `MASKED_SCORE` past the vocabulary, so that padding is never predicted.
    """

    states: jax.Array
    table: jax.Array
    bias: jax.Array

    def logits(self) -> jax.Array:
        """The scores, [B, P, V] float32."""
        logits = jnp.einsum(
            "bpe,ve->bpv", self.states, self.table, preferred_element_type=jnp.float32
        )
        return constrain(logits + leading_ones(self.bias, 3), "batch", "predictions", "vocab")


class PretrainingOutput(NamedTuple):
    """What the pretraining tasks are scored by.

    Attributes:
      predictions: of the masked positions, before their product with the vocabulary.
      next_sentence_logits: [B, 2] float32, or [B, M, 2] of packed rows: of the two labels of the
        model's pair task (`bert_jax.pair_tasks`); None without one.
    """

    predictions: Projection
    next_sentence_logits: jax.Array | None


class PredictionHead(nn.Module):
    """Weights of the masked LM head; its output matrix is the word embedding table."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        config = self.config
        embed = (("embed", config.hidden_size),)
        vocab = padded_vocab_size(config.vocab_size)
        return {
            "transform": Affine(config, embed, embed, name="transform")(),
            "layer_norm": LayerNorm(config.hidden_size, name="layer_norm")(),
            "bias": parameter(self, "bias", nn.initializers.zeros, (vocab,), ("vocab",)),
        }


class PretrainingHeads(nn.Module):
    """The scope `cls` of the original: the weights of the heads."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        embed, labels = (("embed", self.config.hidden_size),), (("labels", 2),)
        heads = {"predictions": PredictionHead(self.config, name="predictions")()}
        if self.config.pair_task != "none":
            head = Affine(self.config, embed, labels, name="seq_relationship")
            heads["seq_relationship"] = head()
        return heads


class BertForPreTraining(nn.Module):
    """BERT with the heads that it is pretrained with (paper, section 3.1).

    With `pair_task` "none" it has the masked LM head alone, and no pooler: nothing would train it.

    Attributes:
      config: the shape of the model.
      compute: how it is computed.
    """

    config: BertConfig
    compute: ComputeConfig = ComputeConfig()

    def setup(self) -> None:
        """Make the weights."""
        has_pairs = self.config.pair_task != "none"
        self.bert = BertEncoder(self.config, self.compute, has_pooler=has_pairs)
        self.cls = PretrainingHeads(self.config)

    def __call__(
        self,
        input_ids: jax.Array,
        token_type_ids: jax.Array,
        attention_mask: jax.Array,
        masked_lm_positions: jax.Array,
        *,
        position_ids: jax.Array | None = None,
        segment_ids: jax.Array | None = None,
        cls_positions: jax.Array | None = None,
        dropout_seeds: jax.Array | None = None,
    ) -> PretrainingOutput:
        """Score every token at the masked positions, and both labels of each pair.

        The positions are gathered before the projection to the vocabulary: on tiny that is a
        quarter of the FLOPs.

        Without dropout, a sequence has the same scores in a packed row as in one of its own, up to
        rounding. With dropout it has not: what is dropped depends on the row and on the place in it
        (`bert_jax.dropout`), so the same sequence loses other units.

        Args:
          input_ids: [B, L] int32.
          token_type_ids: [B, L] int32.
          attention_mask: [B, L], 1 for tokens and 0 for padding.
          masked_lm_positions: [B, P] int32.
          position_ids: [B, L] int32, from 0 in each sequence of a packed row.
          segment_ids: [B, L] int32 which sequence of a packed row a token belongs to.
          cls_positions: [B, M] int32 where the sequences of a packed row begin.
          dropout_seeds: [B, 2] (`bert_jax.dropout.row_seeds`), or None for no dropout.
        """
        with jax.default_matmul_precision(self.compute.matmul_precision):
            encoded = self.bert(
                input_ids,
                token_type_ids,
                attention_mask,
                position_ids=position_ids,
                segment_ids=segment_ids,
                cls_positions=cls_positions,
                dropout_seeds=dropout_seeds,
            )
            heads = self.cls()
            gathered = jnp.take_along_axis(
                encoded.sequence, masked_lm_positions[:, :, None], axis=1
            )
            predictions = project(
                heads["predictions"], self.bert.word_embeddings(), gathered, self.config
            )
            pairs = None
            if encoded.pooled is not None:
                pairs = affine(heads["seq_relationship"], encoded.pooled).astype(jnp.float32)
            return PretrainingOutput(predictions, pairs)


def project(
    weights: Weights, word_embeddings: jax.Array, x: jax.Array, config: BertConfig
) -> Projection:
    """Dense -> GELU -> LayerNorm, then the product with the embedding table + bias, not yet taken.

    Args:
      weights: of `PredictionHead`.
      word_embeddings: [V, E].
      x: [B, P, E] the encoder's output at the masked positions.
      config: of the model.
    """
    x = activation(config.hidden_act, affine(weights["transform"], x))
    x = layer_norm(weights["layer_norm"], x, config.layer_norm_eps)
    bias: jax.Array = weights["bias"]
    if bias.shape[0] != config.vocab_size:
        bias = jnp.where(jnp.arange(bias.shape[0]) >= config.vocab_size, MASKED_SCORE, bias)
    return Projection(x, word_embeddings.astype(x.dtype), bias)
