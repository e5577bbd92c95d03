"""Filling masks: the masked LM head on text with [MASK] in it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.formatting import format_probability
from bert_jax.heads import BertForPreTraining
from bert_jax.inference.batching import Batch, Row, computed
from bert_jax.inference.given import check_whole_number
from bert_jax.inference.inputs import BadText, TextTokenizer, single

# Masks of a row are padded to this multiple, so that few programs are compiled for many texts.
MASKS_MULTIPLE = 4


class Candidate(NamedTuple):
    """A token for a mask, and the probability that the model gives it.

    Attributes:
      token: as a person can read it. The space before a byte-level token is not shown, so that two
        candidates can read alike; their ids differ.
      probability: of the token.
      id: of the token.
    """

    token: str
    probability: float
    id: int


class FilledText(NamedTuple):
    """A text and, for each of its masks in order, the most probable tokens."""

    text: str
    masks: list[list[Candidate]]

    def to_dict(self) -> dict[str, Any]:
        """As in `predictions.json`."""
        return {
            "text": self.text,
            "masks": [[candidate._asdict() for candidate in mask] for mask in self.masks],
        }

    def to_line(self) -> str:
        """For a person: `a [MASK] of text  ->  list 31.2 %, piece 0.04 % | ...`."""
        filled = " | ".join(
            ", ".join(f"{token} {format_probability(share)}" for token, share, _ in mask)
            for mask in self.masks
        )
        return f"{self.text}  ->  {filled}"


class FillMask:
    """A model with its tokeniser, ready to fill masks.

    Args:
      config: the shape of the model.
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
        compute = compute or ComputeConfig()
        model = BertForPreTraining(config, compute)

        def probabilities(params: Any, batch: dict[str, jax.Array]) -> jax.Array:
            with jax.default_matmul_precision(compute.matmul_precision):
                output: Any = model.apply(
                    {"params": params},
                    batch["input_ids"],
                    batch["token_type_ids"],
                    batch["attention_mask"],
                    batch["masked_lm_positions"],
                )
                return jax.nn.softmax(output.predictions.logits())

        self._probabilities = jax.jit(probabilities)

    def fill_mask(
        self, texts: str | Sequence[str], top_k: int = 5, *, truncate: bool = False
    ) -> list[FilledText]:
        """The most probable tokens for every `[MASK]`, each by itself, given the whole text.

        Args:
          texts: one or several, each with at least one `[MASK]`, or the model's own mask token.
          top_k: how many tokens for each mask.
          truncate: whether a text that is too long is cut at its end, or is an error.

        Raises:
          UserError: `top_k` is out of range.
          BadText: a text has no `[MASK]`, is too long for the model, or would lose a `[MASK]`.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        most = self.config.vocab_size
        top_k = check_whole_number(top_k, "top_k", 1, most, "the size of the vocabulary, ")
        rows = [self._row(i, text, truncate) for i, text in enumerate(texts)]
        mask_id = self.tokenizer.mask_id
        places = [np.flatnonzero(row.ids == mask_id) for row in rows]
        filled: list[Any] = [None] * len(texts)
        for chosen, probabilities in computed(
            rows,
            self.config.max_length,
            self.tokenizer.pad_id,
            lambda chosen, batch: self._compute([places[i] for i in chosen], batch),
        ):
            for found, i in zip(probabilities, chosen, strict=False):
                masks = [self._candidates(mask, top_k) for mask in found[: len(places[i])]]
                filled[i] = FilledText(texts[i], masks)
        return filled

    def _row(self, index: int, text: str, truncate: bool) -> Row:
        tokenizer = self.tokenizer
        ids = tokenizer.encode_with_masks(text)
        row = single(tokenizer, self.config, ids, index, text, truncate=truncate)
        if tokenizer.mask_id not in ids:
            raise BadText(
                index, f"the text {text[:60]!r} has no [MASK]; write [MASK] where a word is missing"
            )
        lost = ids.count(tokenizer.mask_id) - int((row.ids == tokenizer.mask_id).sum())
        if lost:
            raise BadText(
                index,
                f"the text {text[:40]!r}... has {len(ids) + 2} tokens and the model "
                f"{self.config.max_length} positions: {lost} [MASK] would be cut off; give a "
                "shorter one",
            )
        return row

    def _compute(self, places: list[np.ndarray], batch: Batch) -> jax.Array:
        most = max(map(len, places))
        positions = np.zeros(
            (len(batch["input_ids"]), -(-most // MASKS_MULTIPLE) * MASKS_MULTIPLE), np.int32
        )
        for row, found in enumerate(places):
            positions[row, : len(found)] = found
        return self._probabilities(self.params, {**batch, "masked_lm_positions": positions})

    def _candidates(self, probabilities: np.ndarray, top_k: int) -> list[Candidate]:
        probabilities = probabilities[: self.config.vocab_size]
        best = np.argsort(-probabilities, kind="stable")[:top_k]
        return [
            Candidate(self.tokenizer.readable_token(i), float(probabilities[i]), i)
            for i in best.tolist()
        ]
