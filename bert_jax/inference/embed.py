"""Vectors of texts: the encoder's states, pooled over the tokens of each text."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.encoder import BertEncoder
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.inference.batching import Row, computed
from bert_jax.inference.given import MIXES, check_weights, shown
from bert_jax.inference.inputs import TextTokenizer, encode

POOLINGS = ("mean", "cls", "max", "pooler")
LAST = (-1,)
# The shortest length that a vector is divided by, so that one of zeros stays so.
_LEAST_NORM = 1e-12


class Embedder:
    """A model with its tokeniser, ready to make vectors of texts.

    Args:
      config: the shape of the model.
      head: what is on it; how it pools, where it was trained to make vectors of sentences.
      params: weights of the model (`bert_jax.models`).
      tokenizer: the one that the model was trained with.
      compute: how to compute.
    """

    def __init__(
        self,
        config: BertConfig,
        head: HeadConfig,
        params: Any,
        tokenizer: TextTokenizer,
        compute: ComputeConfig | None = None,
    ) -> None:
        self.config, self.head, self.tokenizer = config, head, tokenizer
        self.params = params["bert"]
        self.compute = compute or ComputeConfig()
        self._encoder = BertEncoder(config, self.compute, has_pooler="pooler" in self.params)
        self._vectors = jax.jit(
            self._pooled, static_argnames=("pooling", "layers", "mix", "normalize")
        )

    def embed(
        self,
        texts: str | Sequence[str],
        pooling: str | None = None,
        layers: int | Sequence[int] = LAST,
        mix: str | Sequence[float] = "mean",
        normalize: bool | None = None,
        *,
        truncate: bool = False,
        advance: Callable[[int], object] | None = None,
    ) -> np.ndarray:
        """One vector for each text.

        Args:
          texts: one or several.
          pooling: how one vector is made of those of the tokens, padding left out: `mean` of all
            ([CLS] and [SEP] too, as in arXiv 1908.10084), `cls` the first, `max` of each number,
            or `pooler`, what a head for sequences is given. Where not given, as the model was
            trained to make vectors of sentences, or else `mean`.
          layers: which states: 0 the embeddings, 1 the first layer, -1 the last; several are mixed.
          mix: of several layers: their `mean`, their `sum`, `concat` one after another, or a
            number for each, which it is multiplied by before they are summed.
          normalize: whether each vector is divided by its length (L2); where not given, as the
            model was trained to.
          truncate: whether a text that is too long is cut at its end, or is an error.
          advance: is told now and then how many more texts are done.

        Returns:
          [N, E] float32 in the order of the texts; with `concat` [N, E * layers].

        Raises:
          UserError: an argument is out of range, or the model has no pooler.
          BadText: a text is too long.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        how = self._checked(pooling, layers, mix, normalize)
        sequences = encode(self.tokenizer, self.config, texts, truncate=truncate)
        return self.of_sequences(sequences, how, advance)

    def of_sequences(
        self,
        sequences: Sequence[Row],
        how: dict[str, Any],
        advance: Callable[[int], object] | None = None,
    ) -> np.ndarray:
        """Vectors of what is tokenised already; `how` is from `_checked`."""
        vectors = np.empty((len(sequences), self.width(how)), np.float32)
        for chosen, found in computed(
            sequences,
            self.config.max_length,
            self.tokenizer.pad_id,
            lambda _, batch: self._vectors(self.params, batch, **how),
        ):
            vectors[chosen] = found[: len(chosen)]
            if advance is not None:
                advance(len(chosen))
        return vectors

    def width(self, how: dict[str, Any]) -> int:
        """Numbers of a vector."""
        return self.config.hidden_size * (len(how["layers"]) if how["mix"] == "concat" else 1)

    def _checked(
        self,
        pooling: str | None,
        layers: int | Sequence[int],
        mix: str | Sequence[float],
        normalize: bool | None,
    ) -> dict[str, Any]:
        """The static arguments of `_pooled`."""
        trained = self.head.pooling != "none"
        if pooling is None:
            pooling = self.head.pooling if trained else "mean"
        if normalize is None:
            normalize = self.head.normalize
        if pooling not in POOLINGS:
            raise UserError(f"pooling is {pooling!r}; it must be one of {', '.join(POOLINGS)}")
        count = self.config.num_hidden_layers
        if isinstance(layers, str | bytes) or not isinstance(layers, int | np.integer | Iterable):
            raise UserError(f"layers is {shown(layers)}; a whole number is needed, or several")
        given = (layers,) if isinstance(layers, int | np.integer) else tuple(layers)
        are_whole = all(isinstance(layer, int | np.integer) for layer in given)
        if not given or not are_whole or not all(-count - 1 <= x <= count for x in given):
            raise UserError(
                f"layers are {', '.join(map(str, given)) or 'none'}; each must be from 0 (the "
                f"embeddings) to {count} (the last layer), or from -1 (the last) to {-count - 1}"
            )
        given = tuple(int(layer) % (count + 1) for layer in given)
        if pooling == "pooler":
            if "pooler" not in self.params:
                raise UserError("the model has no pooler; pool by mean, cls or max")
            if given != (count,):
                raise UserError("the pooler reads the last layer alone; leave layers out")
        if isinstance(mix, str):
            if mix not in MIXES:
                raise UserError(
                    f"mix is {mix!r}; it must be one of {', '.join(MIXES)}, or a number for each "
                    "layer"
                )
        else:
            mix = check_weights(mix, len(given))
        return {"pooling": pooling, "layers": given, "mix": mix, "normalize": bool(normalize)}

    def _pooled(
        self,
        params: Any,
        batch: dict[str, jax.Array],
        *,
        pooling: str,
        layers: tuple[int, ...],
        mix: str | tuple[float, ...],
        normalize: bool,
    ) -> jax.Array:
        """[B, E] of a batch of `batching.pad`."""
        only_last = layers == (self.config.num_hidden_layers,)
        with jax.default_matmul_precision(self.compute.matmul_precision):
            output: Any = self._encoder.apply(
                {"params": params},
                batch["input_ids"],
                batch["token_type_ids"],
                batch["attention_mask"],
                output_hidden_states=not only_last,
            )
        if pooling == "pooler":
            vectors = output.pooled
        elif only_last:
            vectors = pool(output.sequence, batch["attention_mask"], pooling)
            if not isinstance(mix, str):
                vectors = mix[0] * vectors
        else:
            states = [output.hidden_states[layer].astype(jnp.float32) for layer in layers]
            vectors = pool(mix_layers(states, mix), batch["attention_mask"], pooling)
        vectors = vectors.astype(jnp.float32)
        if normalize:
            norm = jnp.linalg.norm(vectors, axis=-1, keepdims=True)
            vectors /= jnp.maximum(norm, _LEAST_NORM)
        return vectors


def mix_layers(states: Sequence[jax.Array], mix: str | Sequence[float]) -> jax.Array:
    """One [B, L, E] of several; with `concat` [B, L, E * layers] (see `Embedder.embed`)."""
    if not isinstance(mix, str):
        states = [weight * state for weight, state in zip(mix, states, strict=True)]
    elif mix == "concat":
        return jnp.concatenate(states, axis=-1)
    total = sum(states[1:], states[0])
    return total / len(states) if mix == "mean" else total


def pool(states: jax.Array, attention_mask: jax.Array, pooling: str) -> jax.Array:
    """[B, E] float32 of states [B, L, E], padding left out; of a row of padding alone, finite."""
    states = states.astype(jnp.float32)
    if pooling == "cls":
        return states[:, 0]
    real = attention_mask[:, :, None] > 0
    if pooling == "max":
        lowest = jnp.finfo(jnp.float32).min
        return jnp.max(jnp.where(real, states, lowest), axis=1)
    total = jnp.sum(jnp.where(real, states, 0.0), axis=1)
    return total / jnp.maximum(jnp.sum(real, axis=1), 1)
