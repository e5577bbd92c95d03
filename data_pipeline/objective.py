"""What an encoder is pretrained on: pairs, masks and rows, in one object."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError

MAX_LENGTH = 65_535
MAX_SEQUENCES = 64

Pairs = Literal["next_sentence", "sentence_order", "none"]
Masking = Literal["piece", "whole_word", "span"]

# Least and largest value of a whole number.
_WHOLE = {
    "max_length": (5, MAX_LENGTH),
    "max_predictions": (1, MAX_LENGTH),
    "static_epochs": (0, 1_000_000),
    "max_sequences": (1, MAX_SEQUENCES),
    "longest_span": (1, 1_000),
}
# Whether a number from 0 up to 1 may be 0.
_SHARES = {
    "masked_lm_prob": False,
    "short_seq_prob": True,
    "mask_share": True,
    "random_share": True,
    "span_end_prob": False,
}


@dataclass(frozen=True)
class PretrainingObjective:
    """Pairs and masked tokens; the default is the paper's (arXiv 1810.04805, A.1, A.2).

    Attributes:
        max_length: tokens in a row, [CLS] and every [SEP] included.
        max_predictions: slots for masked tokens in a row.
        masked_lm_prob: share of a sequence's tokens, specials counted, that is predicted.
        short_seq_prob: share of the visits to a document that aim at a shorter, random length.
        pairs: `next_sentence`: B follows A or is from another document (the paper).
            `sentence_order`: B follows A, or both have changed places (ALBERT, arXiv 1909.11942).
            `none`: whole sentences up to the length, across documents (RoBERTa's full sentences,
            arXiv 1907.11692), and nothing to tell of them.
        masking: what is chosen as one: `piece`, `whole_word`, or `span`, several whole words in a
            row of a geometric length (SpanBERT, arXiv 1907.10529).
        mask_share: share of the chosen tokens that become [MASK].
        random_share: share of them that become a token drawn from the vocabulary; what is left of
            1 stays as it is.
        span_end_prob: of a span, the chance that it ends after each word (`span` alone).
        longest_span: in words; a longer one is drawn again (`span` alone).
        static_epochs: 0: pairs and masks are drawn anew in each epoch. k: those of epoch e are
            those of epoch e mod k (the original release wrote 10 copies).
        max_sequences: more than 1 packs up to so many sequences into a row, each by itself.
    """

    max_length: int = 128
    max_predictions: int = 20
    masked_lm_prob: float = 0.15
    short_seq_prob: float = 0.1
    pairs: Pairs = "next_sentence"
    masking: Masking = "piece"
    mask_share: float = 0.8
    random_share: float = 0.1
    span_end_prob: float = 0.2
    longest_span: int = 10
    static_epochs: int = 0
    max_sequences: int = 1

    def __post_init__(self) -> None:
        for name, choices in (("pairs", get_args(Pairs)), ("masking", get_args(Masking))):
            if getattr(self, name) not in choices:
                raise DataError(
                    f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}; "
                    f"got {getattr(self, name)!r}"
                )
        self._check_numbers()
        if not 1 <= self.max_predictions <= self.max_tokens:
            raise DataError(
                f"max_predictions must be between 1 and max_length - {self.specials} = "
                f"{self.max_tokens}; got {self.max_predictions}"
            )
        if self.mask_share + self.random_share > 1 + 1e-9:
            raise DataError(
                f"mask_share and random_share must be at most 1 together, what is left is kept; "
                f"got {self.mask_share} and {self.random_share}"
            )
        if self.masking != "span":
            for name in ("span_end_prob", "longest_span"):
                if getattr(self, name) != getattr(PretrainingObjective, name):
                    raise DataError(
                        f"{name} says how long a span is, and masking is {self.masking!r}; "
                        "give masking='span' or leave it out"
                    )

    def _check_numbers(self) -> None:
        for name, (least, largest) in _WHOLE.items():
            value: Any = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise DataError(f"{name} must be a whole number; got {value!r}")
            if name == "max_predictions":  # is compared with the length
                continue
            if not least <= value <= largest:
                why = " (three special tokens and two of text)" if name == "max_length" else ""
                raise DataError(f"{name} must be between {least}{why} and {largest}; got {value}")
        for name, zero in _SHARES.items():
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and math.isfinite(value)
            if not number or not 0 <= value <= 1 or (value == 0 and not zero):
                lowest = "at least 0" if zero else "above 0"
                raise DataError(f"{name} must be {lowest} and at most 1; got {value!r}")

    @property
    def is_packed(self) -> bool:
        """Whether a row may hold several sequences."""
        return self.max_sequences > 1

    @property
    def has_pairs(self) -> bool:
        """Whether a sequence has two parts, and a label that says how they belong together."""
        return self.pairs != "none"

    @property
    def specials(self) -> int:
        """Special tokens of a sequence: [CLS] and a [SEP] after each part."""
        return 3 if self.has_pairs else 2

    @property
    def max_tokens(self) -> int:
        """Tokens of text that fit in a row beside the special ones of a sequence."""
        return self.max_length - self.specials

    def epoch_of(self, epoch: int) -> int:
        """The epoch whose pairs and masks epoch `epoch` (0, 1, ...) has."""
        return epoch % self.static_epochs if self.static_epochs else epoch

    def predictions_by_length(self) -> npt.NDArray[np.int64]:
        """How many tokens of a sequence are predicted, by its length with specials: [L + 1].

        `min(max_predictions, max(1, round(masked_lm_prob * length)))` with Python's round, as the
        original does, and never more than the tokens of text that there are.
        """
        return np.array(
            [
                min(
                    self.max_predictions,
                    max(1, round(self.masked_lm_prob * length)),
                    max(0, length - self.specials),
                )
                for length in range(self.max_length + 1)
            ],
            np.int64,
        )
