"""The BERT encoder: embeddings, post-LN layers, pooler (paper, section 3 and appendix A).

The weights are made in `encoder_weights.py`; here plain functions compute with them.

Shape letters: B batch, L length, E embed (hidden size), H heads, D head size, F mlp (intermediate
size), N layers, M sequences of a packed row.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from bert_jax.attention import attention_mask, dot_product_attention
from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.dropout import dropout
from bert_jax.encoder_weights import Affine, Embeddings, LayerStack
from bert_jax.layers import Weights, activation, affine, layer_norm
from bert_jax.sharding import constrain

# The places where a layer drops; place 0 of the model is its embeddings.
SITES_PER_LAYER = 3


class EncoderOutput(NamedTuple):
    """What the encoder computes.

    Attributes:
      sequence: [B, L, E] the last layer.
      pooled: [B, E] a dense layer and `pooler_act` on the first position; [B, M, E] on those of
        `cls_positions`; None without a pooler.
      hidden_states: [N + 1, B, L, E] the embeddings and every layer, or None.
      attentions: [N, B, H, L, L] float32 attention probabilities, or None.
    """

    sequence: jax.Array
    pooled: jax.Array | None
    hidden_states: jax.Array | None
    attentions: jax.Array | None


class BertEncoder(nn.Module):
    """BERT without a head.

    Attributes:
      config: the shape of the model.
      compute: how it is computed.
      has_pooler: whether the first position of a sequence is pooled.
    """

    config: BertConfig
    compute: ComputeConfig = ComputeConfig()
    has_pooler: bool = True

    def setup(self) -> None:
        """Make the weights."""
        config = self.config
        self.embeddings = Embeddings(config)
        self.encoder = LayerStack(config)
        embed = ("embed", config.hidden_size)
        # Only the input axis is divided: a mesh axis serves one axis of an array.
        if self.has_pooler:
            self.pooler = Affine(config, (embed,), (embed,))

    def word_embeddings(self) -> jax.Array:
        """[V, E] the table that the masked LM head shares."""
        table: jax.Array = self.embeddings()["word_embeddings"]
        return table

    def __call__(
        self,
        input_ids: jax.Array,
        token_type_ids: jax.Array,
        attention_mask_: jax.Array,
        *,
        position_ids: jax.Array | None = None,
        segment_ids: jax.Array | None = None,
        cls_positions: jax.Array | None = None,
        dropout_seeds: jax.Array | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> EncoderOutput:
        """Encode a batch.

        Args:
          input_ids: [B, L] int32.
          token_type_ids: [B, L] int32.
          attention_mask_: [B, L], 1 for tokens and 0 for padding.
          position_ids: [B, L] int32; 0, 1, 2... where not given. A model with a `position_offset`
            counts the tokens alone, and gives padding a row of its own, as RoBERTa does.
          segment_ids: [B, L] int32 which sequence of a packed row a token belongs to: 1, 2...,
            and 0 for padding.
          cls_positions: [B, M] int32 the first position of each sequence of a packed row; not
            given: of one sequence a row, position 0.
          dropout_seeds: [B, 2] (`bert_jax.dropout.row_seeds`), or None for no dropout.
          output_hidden_states: keep the embeddings and the output of every layer.
          output_attentions: keep the attention probabilities of every layer.
        """
        config, compute = self.config, self.compute
        if input_ids.shape[1] > config.max_length:
            raise ValueError(
                f"rows of length {input_ids.shape[1]} were given, and the model has "
                f"{config.max_length} positions (max_position_embeddings"
                f"{' - position_offset' if config.position_offset else ''})"
            )
        if config.position_offset:
            if position_ids is None:
                position_ids = positions_of_tokens(attention_mask_)
            position_ids += config.position_offset
        x = embed(
            self.embeddings(),
            input_ids,
            token_type_ids,
            position_ids,
            config,
            compute,
            dropout_seeds,
        )
        x, hidden_states, attentions = encode(
            self.encoder()["layers"],
            x,
            attention_mask(attention_mask_, segment_ids),
            config,
            compute,
            dropout_seeds,
            keep=(output_hidden_states, output_attentions),
        )
        pooled = None
        if self.has_pooler:
            pooled = activation(config.pooler_act, affine(self.pooler(), first(x, cls_positions)))
        return EncoderOutput(x, pooled, hidden_states, attentions)


def positions_of_tokens(attention_mask_: jax.Array) -> jax.Array:
    """[B, L] int32: 0, 1, 2... of the tokens, -1 of padding, wherever that is.

    What transformers computes for RoBERTa (`create_position_ids_from_input_ids`).
    """
    is_token = (attention_mask_ > 0).astype(jnp.int32)
    return jnp.cumsum(is_token, axis=1) * is_token - 1


def first(x: jax.Array, cls_positions: jax.Array | None) -> jax.Array:
    """What is pooled: [B, E] of [B, L, E], or [B, M, E] where `cls_positions` [B, M] are given."""
    if cls_positions is None:
        # A slice, whose gradient is no scatter.
        return x[:, 0]
    return jnp.take_along_axis(x, cls_positions[:, :, None], axis=1)


def embed(
    weights: Weights,
    input_ids: jax.Array,
    token_type_ids: jax.Array,
    position_ids: jax.Array | None,
    config: BertConfig,
    compute: ComputeConfig,
    dropout_seeds: jax.Array | None,
) -> jax.Array:
    """Word + position + token type, if any -> LayerNorm -> dropout: [B, L, E]."""
    # A look-up in a divided table would be a gather across devices, and its gradient a scatter:
    # the table is made whole first.
    x = jnp.take(constrain(weights["word_embeddings"], None, None), input_ids, axis=0)
    positions = constrain(weights["position_embeddings"], None, None)
    # Without position ids a slice, whose gradient is a sum and not a scatter.
    if position_ids is None:
        x += positions[None, : input_ids.shape[1]]
    else:
        x += jnp.take(positions, position_ids, axis=0)
    if config.type_vocab_size:
        types = jax.nn.one_hot(token_type_ids, config.type_vocab_size, dtype=x.dtype)
        x += jnp.einsum("blt,te->ble", types, weights["token_type_embeddings"])
    x = layer_norm(weights["layer_norm"], x, config.layer_norm_eps)
    x = dropout(x, config.hidden_dropout_prob, dropout_seeds, 0)
    return constrain(x.astype(compute.dtype), "batch", "length", "embed")


def encoder_layer(
    weights: Weights,
    x: jax.Array,
    mask: jax.Array,
    config: BertConfig,
    dropout_seeds: jax.Array | None,
    site: int | jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """One post-LN layer.

    Args:
      weights: of this layer, without the axis `layers`.
      x: [B, L, E].
      mask: see `attention_mask`.
      config: of the model.
      dropout_seeds: [B, 2] or None.
      site: the first of this layer's `SITES_PER_LAYER` places of dropout.

    Returns:
      [B, L, E], and the attention probabilities [B, H, L, L].
    """
    attention, hidden_rate = weights["attention"], config.hidden_dropout_prob
    query, key, value = (
        constrain(y, "batch", "length", "heads", "kv") for y in _queries_keys_values(attention, x)
    )
    mixed, probabilities = dot_product_attention(
        query,
        key,
        value,
        mask,
        dropout_rate=config.attention_probs_dropout_prob,
        dropout_seeds=dropout_seeds,
        dropout_site=site,
    )
    mixed = affine(attention["output"], mixed, inputs=2)
    mixed = dropout(mixed, hidden_rate, dropout_seeds, site + 1)
    x = layer_norm(attention["layer_norm"], x + mixed, config.layer_norm_eps)
    x = constrain(x, "batch", "length", "embed")

    wide = activation(config.hidden_act, affine(weights["intermediate"], x))
    wide = constrain(wide, "batch", "length", "mlp")
    narrow = affine(weights["output"], wide)
    narrow = dropout(narrow, hidden_rate, dropout_seeds, site + 2)
    x = layer_norm(weights["layer_norm"], x + narrow, config.layer_norm_eps)
    return constrain(x, "batch", "length", "embed"), probabilities


def _queries_keys_values(weights: Weights, x: jax.Array) -> tuple[jax.Array, ...]:
    """Three [B, L, H, D] of [B, L, E], by one product that is three times as wide.

    Heads stay the outer axis of what is computed, so that a mesh may divide them.
    """
    three = [weights[name] for name in ("query", "key", "value")]
    kernel = jnp.stack([each["kernel"] for each in three], axis=2)
    bias = jnp.stack([each["bias"] for each in three], axis=1)
    return jnp.unstack(affine({"kernel": kernel, "bias": bias}, x), axis=3)


def encode(
    layers: Weights,
    x: jax.Array,
    mask: jax.Array,
    config: BertConfig,
    compute: ComputeConfig,
    dropout_seeds: jax.Array | None,
    keep: tuple[bool, bool] = (False, False),
) -> tuple[jax.Array, jax.Array | None, jax.Array | None]:
    """All layers, scanned or unrolled over the same stacked weights.

    Args:
      layers: weights with a leading axis `layers`.
      x: [B, L, E] embeddings.
      mask: see `attention_mask`.
      config: of the model.
      compute: whether to scan, and what to compute again in the backward pass.
      dropout_seeds: [B, 2] or None.
      keep: whether to keep hidden states, and attention probabilities.

    Returns:
      [B, L, E] the last layer; [N + 1, B, L, E] or None; [N, B, H, L, L] or None.
    """
    keep_hidden, keep_attention = keep
    Kept = tuple[jax.Array | None, jax.Array | None]

    def one_layer(x: jax.Array, weights: Weights, index: int | jax.Array) -> tuple[jax.Array, Kept]:
        site = 1 + SITES_PER_LAYER * index
        x, probabilities = encoder_layer(weights, x, mask, config, dropout_seeds, site)
        return x, (x if keep_hidden else None, probabilities if keep_attention else None)

    if compute.remat != "none":
        policy = (
            jax.checkpoint_policies.dots_with_no_batch_dims_saveable
            if compute.remat == "dots"
            else jax.checkpoint_policies.nothing_saveable
        )
        one_layer = jax.checkpoint(one_layer, policy=policy)

    embeddings = x[None]
    if compute.scan_layers:

        def body(x: jax.Array, layer: tuple[Weights, jax.Array]) -> tuple[jax.Array, Kept]:
            return one_layer(x, *layer)

        indices = jnp.arange(config.num_hidden_layers, dtype=jnp.uint32)
        x, (hidden, attentions) = jax.lax.scan(body, x, (layers, indices))
    else:
        # `unstack` has a gradient that stacks; indexing one layer after another would add up
        # N arrays that are almost all zeros.
        leaves, structure = jax.tree.flatten(layers)
        kept = []
        for index, layer in enumerate(zip(*map(jnp.unstack, leaves), strict=True)):
            x, outputs = one_layer(x, jax.tree.unflatten(structure, layer), index)
            kept.append(outputs)
        # What is not kept is None, which is a tree without leaves.
        hidden, attentions = jax.tree.map(lambda *each: jnp.stack(each), *kept)
    if hidden is not None:
        hidden = jnp.concatenate([embeddings, hidden])
    return x, hidden, attentions
