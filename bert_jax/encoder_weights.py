"""The weights of the encoder, as Linen modules that do nothing but make them.

Names are those of the original release, with a logical axis for every dimension. The weights of
all layers are stacked on a leading axis `layers`, whether the layers are then scanned or unrolled,
so that any checkpoint opens in both. What is computed with them is in `encoder.py`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from bert_jax.config import BertConfig
from bert_jax.layers import Weights
from bert_jax.sharding import parameter

# Name and size of an axis.
Axis = tuple[str, int]

# Rows of the word table come in multiples of this: any mesh divides them, and the loss can take
# them chunk by chunk (`projected_cross_entropy`).
VOCAB_MULTIPLE = 1024


def padded_vocab_size(vocab_size: int) -> int:
    """The vocabulary rounded up to a multiple of `VOCAB_MULTIPLE`."""
    return -(-vocab_size // VOCAB_MULTIPLE) * VOCAB_MULTIPLE


def kernel_init(config: BertConfig) -> Callable[..., jax.Array]:
    """Normal, cut at two standard deviations and not rescaled, as TF's `truncated_normal`."""
    return nn.initializers.truncated_normal(config.initializer_range)


class Affine(nn.Module):
    """Kernel and bias of a dense layer; of `stack` such layers where it is given."""

    config: BertConfig
    inputs: tuple[Axis, ...]
    outputs: tuple[Axis, ...]
    stack: int | None = None

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        lead: tuple[Axis, ...] = () if self.stack is None else (("layers", self.stack),)
        kernel, bias = lead + self.inputs + self.outputs, lead + self.outputs
        return {
            "kernel": parameter(
                self, "kernel", kernel_init(self.config), _sizes(kernel), _names(kernel)
            ),
            "bias": parameter(self, "bias", nn.initializers.zeros, _sizes(bias), _names(bias)),
        }


class LayerNorm(nn.Module):
    """Scale and bias of a LayerNorm; of `stack` of them where it is given."""

    size: int
    stack: int | None = None

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        lead: tuple[Axis, ...] = () if self.stack is None else (("layers", self.stack),)
        axes = (*lead, ("norm", self.size))
        return {
            "scale": parameter(self, "scale", nn.initializers.ones, _sizes(axes), _names(axes)),
            "bias": parameter(self, "bias", nn.initializers.zeros, _sizes(axes), _names(axes)),
        }


class Embeddings(nn.Module):
    """The tables, three or without token types two, and their LayerNorm."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        config, init = self.config, kernel_init(self.config)

        def word_init(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
            # Rows past the vocabulary are padding: zero, and never given a gradient.
            table = init(key, (config.vocab_size, shape[1]), dtype)
            return jnp.pad(table, ((0, shape[0] - config.vocab_size), (0, 0)))

        def table(name: str, axis: str, rows: int, init: Callable[..., jax.Array]) -> jax.Array:
            return parameter(self, name, init, (rows, config.hidden_size), (axis, "embed"))

        vocab = padded_vocab_size(config.vocab_size)
        tables = {
            "word_embeddings": table("word_embeddings", "vocab", vocab, word_init),
            "position_embeddings": table(
                "position_embeddings", "positions", config.max_position_embeddings, init
            ),
        }
        if config.type_vocab_size:
            tables["token_type_embeddings"] = table(
                "token_type_embeddings", "types", config.type_vocab_size, init
            )
        return tables | {"layer_norm": LayerNorm(config.hidden_size, name="layer_norm")()}


class SelfAttention(nn.Module):
    """Weights of the attention half of every layer."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        config, stack = self.config, self.config.num_hidden_layers
        embed = (("embed", config.hidden_size),)
        heads = (("heads", config.num_attention_heads), ("kv", config.head_size))
        return {
            name: Affine(config, embed, heads, stack, name=name)()
            for name in ("query", "key", "value")
        } | {
            "output": Affine(config, heads, embed, stack, name="output")(),
            "layer_norm": LayerNorm(config.hidden_size, stack, name="layer_norm")(),
        }


class Layers(nn.Module):
    """Weights of all layers, stacked."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        config, stack = self.config, self.config.num_hidden_layers
        embed, mlp = (("embed", config.hidden_size),), (("mlp", config.intermediate_size),)
        return {
            "attention": SelfAttention(config, name="attention")(),
            "intermediate": Affine(config, embed, mlp, stack, name="intermediate")(),
            "output": Affine(config, mlp, embed, stack, name="output")(),
            "layer_norm": LayerNorm(config.hidden_size, stack, name="layer_norm")(),
        }


class LayerStack(nn.Module):
    """The scope `encoder` around `layers`, as in the original's names."""

    config: BertConfig

    @nn.compact
    def __call__(self) -> Weights:
        """Make the weights, or read them."""
        return {"layers": Layers(self.config, name="layers")()}


def _sizes(axes: tuple[Axis, ...]) -> tuple[int, ...]:
    return tuple(size for _, size in axes)


def _names(axes: tuple[Axis, ...]) -> tuple[str, ...]:
    return tuple(name for name, _ in axes)
