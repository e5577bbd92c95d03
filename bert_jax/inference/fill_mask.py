"""Filling masks: the masked LM head on text with [MASK] in it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.errors import UserError
from bert_jax.formatting import format_probability
from bert_jax.heads import BertForPreTraining

# Rows are padded to these multiples, so that few programs are compiled for many texts.
LENGTH_MULTIPLE = 32
MASKS_MULTIPLE = 4
ROWS_AT_ONCE = 32


class TextTokenizer(Protocol):
    """What inference needs of a tokeniser (`data_pipeline.load_tokenizer`)."""

    pad_id: int
    cls_id: int
    sep_id: int
    mask_id: int

    def encode_with_masks(self, text: str) -> list[int]:
        """Ids of a text, in which `[MASK]` is one token."""

    def readable_token(self, i: int) -> str:
        """The token of an id as a person can read it."""


class Candidate(NamedTuple):
    """A token for a mask, as a person can read it, and the probability that the model gives it."""

    token: str
    probability: float


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
            ", ".join(f"{token} {format_probability(share)}" for token, share in mask)
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
                    jnp.zeros_like(batch["input_ids"]),
                    batch["attention_mask"],
                    batch["masked_lm_positions"],
                )
                return jax.nn.softmax(output.predictions.logits())

        self._probabilities = jax.jit(probabilities)

    def fill_mask(self, texts: str | Sequence[str], top_k: int = 5) -> list[FilledText]:
        """The most probable tokens for every `[MASK]`, each by itself, given the whole text.

        Args:
          texts: one or several, each with at least one `[MASK]`.
          top_k: how many tokens for each mask.

        Raises:
          UserError: a text has no `[MASK]` or is too long for the model; `top_k` is out of range.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not 1 <= top_k <= self.config.vocab_size:
            raise UserError(
                f"top_k is {top_k}; it must be at least 1 and at most the size of the vocabulary, "
                f"{self.config.vocab_size}"
            )
        ids = [self.encode(text) for text in texts]
        # Texts of like length share a batch; the order of the results is that of the texts.
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        filled: dict[int, FilledText] = {}
        for first in range(0, len(order), ROWS_AT_ONCE):
            chosen = order[first : first + ROWS_AT_ONCE]
            for i, masks in zip(chosen, self._fill([ids[i] for i in chosen], top_k), strict=True):
                filled[i] = FilledText(texts[i], masks)
        return [filled[i] for i in range(len(texts))]

    def encode(self, text: str) -> list[int]:
        """The ids that the model reads for a text, with [CLS] and [SEP].

        Raises:
          UserError: the text has no `[MASK]` or is too long for the model.
        """
        tokenizer, longest = self.tokenizer, self.config.max_length
        ids = [tokenizer.cls_id, *tokenizer.encode_with_masks(text), tokenizer.sep_id]
        if len(ids) > longest:
            raise UserError(
                f"the text {text[:40]!r}... has {len(ids)} tokens with [CLS] and [SEP]; the model "
                f"has {longest} positions: give a shorter one"
            )
        if tokenizer.mask_id not in ids:
            raise UserError(
                f"the text {text[:60]!r} has no [MASK]; write [MASK] where a word is missing"
            )
        return ids

    def _fill(self, rows: list[list[int]], top_k: int) -> list[list[list[Candidate]]]:
        tokenizer, longest = self.tokenizer, self.config.max_length
        places = [[i for i, x in enumerate(row) if x == tokenizer.mask_id] for row in rows]
        # The number of rows too is one of few, the powers of two.
        shape = 1 << (len(rows) - 1).bit_length()
        length = min(_round_up(max(map(len, rows)), LENGTH_MULTIPLE), longest)
        input_ids = np.full((shape, length), tokenizer.pad_id, np.int32)
        attention_mask = np.zeros((shape, length), np.int32)
        positions = np.zeros((shape, _round_up(max(map(len, places)), MASKS_MULTIPLE)), np.int32)
        for i, (row, found) in enumerate(zip(rows, places, strict=True)):
            input_ids[i, : len(row)], attention_mask[i, : len(row)] = row, 1
            positions[i, : len(found)] = found
        batch = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "masked_lm_positions": positions,
        }
        probabilities = np.asarray(self._probabilities(self.params, batch))
        probabilities = probabilities[:, :, : self.config.vocab_size]
        best = np.argsort(-probabilities, axis=-1, kind="stable")[:, :, :top_k]
        return [
            [
                [
                    Candidate(
                        tokenizer.readable_token(int(token)), float(probabilities[i, m, token])
                    )
                    for token in best[i, m]
                ]
                for m in range(len(found))
            ]
            for i, found in enumerate(places)
        ]


def _round_up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
