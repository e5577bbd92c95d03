"""What goes on inside a model: the states and the attention of one text."""

from typing import Any, NamedTuple

import jax
import numpy as np

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.encoder import BertEncoder
from bert_jax.inference.batching import batch_length, pad
from bert_jax.inference.inputs import TextTokenizer, encode


class Inside(NamedTuple):
    """What an encoder computes for one text, or two, of L tokens.

    Attributes:
      tokens: the L tokens as they can be read, special ones included.
      ids: [L] int32.
      token_types: [L] int32.
      states: [L, E] float32, the last layer.
      pooled: [E] float32; None where the model has no pooler.
      hidden_states: [N + 1, L, E] float32, the embeddings and every layer; None if not asked for.
      attentions: [N, H, L, L] float32: of each layer and head, how much each token (rows) takes
        from each (columns); None if not asked for.
    """

    tokens: list[str]
    ids: np.ndarray
    token_types: np.ndarray
    states: np.ndarray
    pooled: np.ndarray | None
    hidden_states: np.ndarray | None
    attentions: np.ndarray | None


class Encoder:
    """An encoder with its tokeniser.

    Args:
      config: the shape of the model.
      params: weights of the model, whatever its head.
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
        self.config, self.params, self.tokenizer = config, params["bert"], tokenizer
        compute = compute or ComputeConfig()
        encoder = BertEncoder(config, compute, has_pooler="pooler" in self.params)

        def run(params: Any, batch: dict[str, jax.Array], hidden: bool, attentions: bool) -> Any:
            with jax.default_matmul_precision(compute.matmul_precision):
                return encoder.apply(
                    {"params": params},
                    batch["input_ids"],
                    batch["token_type_ids"],
                    batch["attention_mask"],
                    output_hidden_states=hidden,
                    output_attentions=attentions,
                )

        self._run = jax.jit(run, static_argnums=(2, 3))

    def look(
        self,
        text: str,
        second: str | None = None,
        *,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
        truncate: bool = False,
    ) -> Inside:
        """Encode one text, or two (see `Inside`).

        `[MASK]`, or the model's own mask token, is the mask, as it is to `fill_mask`.

        Args:
          text: the text.
          second: what follows it.
          output_hidden_states: whether every layer is wanted.
          output_attentions: whether attention is wanted.
          truncate: whether what is too long is cut, or is an error.

        Raises:
          BadText: it is too long.
        """
        seconds = None if second is None else [second]
        [row] = encode(self.tokenizer, self.config, [text], seconds, truncate=truncate, masks=True)
        size = len(row.ids)
        batch = pad([row], (1, batch_length(size, self.config.max_length)), self.tokenizer.pad_id)
        found = self._run(self.params, batch, output_hidden_states, output_attentions)

        def taken(array: jax.Array | None, *places: Any) -> np.ndarray | None:
            return None if array is None else np.asarray(array, np.float32)[places]

        kept, everything = slice(size), slice(None)
        states = taken(found.sequence, 0, kept)
        assert states is not None
        return Inside(
            tokens=[self.tokenizer.readable_token(int(i)) for i in row.ids],
            ids=row.ids,
            token_types=row.types,
            states=states,
            pooled=taken(found.pooled, 0),
            hidden_states=taken(found.hidden_states, everything, 0, kept),
            attentions=taken(found.attentions, everything, 0, everything, kept, kept),
        )
