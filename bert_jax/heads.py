"""Heads: what is put on the encoder for a task.

Shape letters: B batch, L length, P predictions (masked positions), E embed, V vocabulary (padded).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from bert_jax.attention import MASKED_SCORE
from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.encoder import (
    Affine,
    BertEncoder,
    LayerNorm,
    Weights,
    activation,
    affine,
    layer_norm,
    leading_ones,
    padded_vocab_size,
)
from bert_jax.sharding import constrain, parameter


class PretrainingOutput(NamedTuple):
    """Scores of the two pretraining tasks, in float32.

    Attributes:
      prediction_logits: [B, P, V]; those past the vocabulary are `MASKED_SCORE`.
      next_sentence_logits: [B, 2]; 0 = B follows A, 1 = B is random.
    """

    prediction_logits: jax.Array
    next_sentence_logits: jax.Array


class PredictionHead(nn.Module):
    """Weights of the masked LM head; its output matrix is the word embedding table."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        config = self.config
        embed = (("embed", config.hidden_size),)
        vocab = padded_vocab_size(config.vocab_size)
        return {
            "transform": Affine(config, embed, embed, name="transform")(),
            "layer_norm": LayerNorm(config.hidden_size, name="layer_norm")(),
            "bias": parameter(self, "bias", nn.initializers.zeros, (vocab,), ("vocab",)),
        }


class PretrainingHeads(nn.Module):
    """The scope `cls` of the original: both heads' weights."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        embed, labels = (("embed", self.config.hidden_size),), (("labels", 2),)
        return {
            "predictions": PredictionHead(self.config, name="predictions")(),
            "seq_relationship": Affine(self.config, embed, labels, name="seq_relationship")(),
        }


class BertForPreTraining(nn.Module):
    """BERT with its masked LM and next sentence heads (paper, section 3.1).

    Attributes:
      config: the shape of the model.
      compute: how it is computed.
    """

    config: BertConfig
    compute: ComputeConfig = ComputeConfig()

    def setup(self) -> None:
        """Make the weights."""
        self.bert = BertEncoder(self.config, self.compute)
        self.cls = PretrainingHeads(self.config)

    def __call__(
        self,
        input_ids: jax.Array,
        token_type_ids: jax.Array,
        attention_mask: jax.Array,
        masked_lm_positions: jax.Array,
        *,
        dropout_seeds: jax.Array | None = None,
    ) -> PretrainingOutput:
        """Score every token at the masked positions, and both labels of each pair.

        The positions are gathered before the projection to the vocabulary: on tiny that is a
        quarter of the FLOPs.

        Args:
          input_ids: [B, L] int32.
          token_type_ids: [B, L] int32.
          attention_mask: [B, L], 1 for tokens and 0 for padding.
          masked_lm_positions: [B, P] int32.
          dropout_seeds: [B, 2] (`bert_jax.dropout.row_seeds`), or None for no dropout.
        """
        with jax.default_matmul_precision(self.compute.matmul_precision):
            encoded = self.bert(
                input_ids, token_type_ids, attention_mask, dropout_seeds=dropout_seeds
            )
            heads = self.cls()
            gathered = jnp.take_along_axis(
                encoded.sequence, masked_lm_positions[:, :, None], axis=1
            )
            return PretrainingOutput(
                masked_lm_logits(
                    heads["predictions"], self.bert.word_embeddings(), gathered, self.config
                ),
                affine(heads["seq_relationship"], encoded.pooled, "be,ek->bk").astype(jnp.float32),
            )


def masked_lm_logits(
    weights: Weights, word_embeddings: jax.Array, x: jax.Array, config: BertConfig
) -> jax.Array:
    """Dense -> GELU -> LayerNorm -> product with the embedding table + bias.

    Args:
      weights: of `PredictionHead`.
      word_embeddings: [V, E].
      x: [B, P, E] the encoder's output at the masked positions.
      config: of the model.

    Returns:
      [B, P, V] float32.
    """
    x = activation(config.hidden_act, affine(weights["transform"], x, "bpe,eo->bpo"))
    x = layer_norm(weights["layer_norm"], x, config.layer_norm_eps)
    logits = jnp.einsum(
        "bpe,ve->bpv", x, word_embeddings.astype(x.dtype), preferred_element_type=jnp.float32
    )
    logits = constrain(logits + leading_ones(weights["bias"], 3), "batch", "predictions", "vocab")
    if logits.shape[-1] == config.vocab_size:
        return logits
    is_padding = jnp.arange(logits.shape[-1]) >= config.vocab_size
    return jnp.where(leading_ones(is_padding, 3), MASKED_SCORE, logits)
