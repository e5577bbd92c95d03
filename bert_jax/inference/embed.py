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
from bert_jax.inference.given import MIXES, check_weights, check_whole_number, shown
from bert_jax.inference.inputs import TextTokenizer, single
from bert_jax.pooling import divided_by_length, pool
from bert_jax.sentence_config import SentenceConfig

POOLINGS = ("mean", "cls", "max", "pooler")
LAST = (-1,)


class Embedder:
    """A model with its tokeniser, ready to make vectors of texts.

    Args:
      config: the shape of the model.
      head: what is on it; how it pools, where it was trained to make vectors of sentences.
      params: weights of the model (`bert_jax.models`).
      tokenizer: the one that the model was trained with.
      compute: how to compute.
      sentences: how a text is read; as it is where not given.
    """

    def __init__(
        self,
        config: BertConfig,
        head: HeadConfig,
        params: Any,
        tokenizer: TextTokenizer,
        compute: ComputeConfig | None = None,
        sentences: SentenceConfig | None = None,
    ) -> None:
        self.config, self.head, self.tokenizer = config, head, tokenizer
        self.sentences = sentences or SentenceConfig()
        self.params = params["bert"]
        self.compute = compute or ComputeConfig()
        self._encoder = BertEncoder(config, self.compute, has_pooler="pooler" in self.params)
        self._vectors = jax.jit(
            self._pooled, static_argnames=("pooling", "layers", "mix", "normalize", "size")
        )

    def embed(
        self,
        texts: str | Sequence[str],
        pooling: str | None = None,
        layers: int | Sequence[int] = LAST,
        mix: str | Sequence[float] = "mean",
        normalize: bool | None = None,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncate: bool | None = None,
        truncate_dim: int | None = None,
        on_cut: Callable[[int], object] = lambda count: None,
        advance: Callable[[int], object] = lambda count: None,
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
          normalize: whether each vector, as it is returned, is divided by its length (L2); where
            not given, as the model was trained to, which is before it is cut.
          prompt_name: of a text of the model's that is put before each; its default one where
            neither name nor prompt is given.
          prompt: the text itself; empty for none.
          truncate: whether a text that is too long is cut at its end, or is an error; where not
            given, it is cut if the model was trained to make vectors of sentences.
          truncate_dim: numbers that each vector is cut to; where not given, as the model says.
          on_cut: is told how many texts were cut.
          advance: is told now and then how many more texts are done.

        Returns:
          [N, E] float32 in the order of the texts; with `concat` [N, E * layers]; of those the
          first `truncate_dim`.

        Raises:
          UserError: an argument is out of range, or the model has no pooler or no such prompt.
          BadText: a text is too long.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        how = self._checked(pooling, layers, mix, normalize, truncate_dim)
        before = self.sentences.prompt_of(prompt, prompt_name)
        if truncate is None:
            truncate = self.head.pooling != "none"
        ids = self._ids([before + text for text in texts])
        sequences = [
            single(
                *(self.tokenizer, self.config, each, i, texts[i]),
                truncate=truncate,
                limit=self.limit,
            )
            for i, each in enumerate(ids)
        ]
        if cut := sum(len(each) > self.limit - 2 for each in ids):
            on_cut(cut)
        skipped = 0
        if before and not self.sentences.include_prompt:
            # [CLS] counts as part of the prompt, and the prompt is cut as a text is.
            skipped = min(len(self._ids([before])[0]) + 2, self.limit) - 1
        return self._of_sequences(sequences, how, skipped, advance)

    @property
    def limit(self) -> int:
        """Tokens of the longest text, [CLS] and [SEP] among them."""
        return min(self.sentences.max_length or self.config.max_length, self.config.max_length)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        if self.sentences.lowercase:
            # Letter by letter, as the tokeniser's library does it: no letter depends on its place.
            texts = ["".join(map(str.lower, text)) for text in texts]
        return self.tokenizer.encode_batch(texts)

    def _of_sequences(
        self,
        sequences: Sequence[Row],
        how: dict[str, Any],
        skipped: int,
        advance: Callable[[int], object],
    ) -> np.ndarray:
        """Vectors of what is tokenised; `how` is from `_checked`, `skipped` of `_pooled`."""
        vectors = np.empty((len(sequences), self.width(how)), np.float32)
        for chosen, found in computed(
            sequences,
            self.config.max_length,
            self.tokenizer.pad_id,
            lambda _, batch: self._vectors(self.params, batch, skipped, **how),
        ):
            vectors[chosen] = found[: len(chosen)]
            advance(len(chosen))
        return vectors

    def width(self, how: dict[str, Any]) -> int:
        """Numbers of a vector."""
        whole = self._whole(how["pooling"], how["layers"], how["mix"])
        return whole if how["size"] is None else min(whole, how["size"])

    def _whole(self, pooling: str, layers: Sequence[int], mix: str | Sequence[float]) -> int:
        """Numbers of a vector that is not cut."""
        parts = len(pooling.split("+")) * (len(layers) if mix == "concat" else 1)
        return self.config.hidden_size * parts

    def _checked(
        self,
        pooling: str | None,
        layers: int | Sequence[int],
        mix: str | Sequence[float],
        normalize: bool | None,
        truncate_dim: int | None,
    ) -> dict[str, Any]:
        """The static arguments of `_pooled`."""
        trained = self.head.pooling != "none"
        if pooling is None:
            pooling = self.head.pooling if trained else "mean"
        if normalize is None:
            when = "first" if self.head.normalize else "never"
        else:
            when = "last" if normalize else "never"
        if pooling not in (*POOLINGS, self.head.pooling):
            raise UserError(f"pooling is {pooling!r}; it must be one of {', '.join(POOLINGS)}")
        count = self.config.num_hidden_layers
        if isinstance(layers, str | bytes) or not isinstance(layers, int | np.integer | Iterable):
            raise UserError(f"layers is {shown(layers)}; a whole number is needed, or several")
        given = (layers,) if isinstance(layers, int | np.integer) else tuple(layers)
        are_whole = all(
            isinstance(layer, int | np.integer) and not isinstance(layer, bool) for layer in given
        )
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
        size = self.sentences.truncate_dim
        if truncate_dim is not None:
            whole = self._whole(pooling, given, mix)
            size = check_whole_number(truncate_dim, "truncate_dim", 1, whole, "the whole vector, ")
        return {"pooling": pooling, "layers": given, "mix": mix, "normalize": when, "size": size}

    def _pooled(
        self,
        params: Any,
        batch: dict[str, jax.Array],
        skipped: int | jax.Array,
        *,
        pooling: str,
        layers: tuple[int, ...],
        mix: str | tuple[float, ...],
        normalize: str,
        size: int | None,
    ) -> jax.Array:
        """[B, E] of a batch of `batching.pad`; the first tokens, `skipped`, are not pooled.

        A vector is divided by its length `first`, `last` (when it has been cut) or `never`.
        """
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
            vectors = pool(output.sequence, batch["attention_mask"], pooling, skipped)
            if not isinstance(mix, str):
                vectors = mix[0] * vectors
        else:
            states = [output.hidden_states[layer].astype(jnp.float32) for layer in layers]
            vectors = pool(mix_layers(states, mix), batch["attention_mask"], pooling, skipped)
        vectors = vectors.astype(jnp.float32)
        if normalize == "first":
            vectors = divided_by_length(vectors)
        vectors = vectors[:, :size]
        return divided_by_length(vectors) if normalize == "last" else vectors


def mix_layers(states: Sequence[jax.Array], mix: str | Sequence[float]) -> jax.Array:
    """One [B, L, E] of several; with `concat` [B, L, E * layers] (see `Embedder.embed`)."""
    if not isinstance(mix, str):
        states = [weight * state for weight, state in zip(mix, states, strict=True)]
    elif mix == "concat":
        return jnp.concatenate(states, axis=-1)
    total = sum(states[1:], states[0])
    return total / len(states) if mix == "mean" else total
