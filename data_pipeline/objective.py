"""What an encoder is pretrained on: the lengths and rates of pairs and masks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError

MAX_LENGTH = 65_535


@dataclass(frozen=True)
class PretrainingObjective:
    """Next sentence prediction and masked tokens, as in the paper (arXiv 1810.04805, A.1, A.2).

    Attributes:
        max_length: tokens in a row, [CLS] and both [SEP] included.
        max_predictions: slots for masked tokens in a row.
        masked_lm_prob: share of a row's tokens, specials counted, that is predicted.
        short_seq_prob: share of the visits to a document that aim at a shorter, random length.
    """

    max_length: int = 128
    max_predictions: int = 20
    masked_lm_prob: float = 0.15
    short_seq_prob: float = 0.1

    def __post_init__(self) -> None:
        for name in ("max_length", "max_predictions"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise DataError(f"{name} must be a whole number; got {value!r}")
        if not 5 <= self.max_length <= MAX_LENGTH:
            raise DataError(
                f"max_length must be between 5 (three special tokens and two of text) and "
                f"{MAX_LENGTH}; got {self.max_length}"
            )
        if not 1 <= self.max_predictions <= self.max_tokens:
            raise DataError(
                f"max_predictions must be between 1 and max_length - 3 = {self.max_tokens}; "
                f"got {self.max_predictions}"
            )
        for name, lowest in (("masked_lm_prob", "above 0"), ("short_seq_prob", "at least 0")):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and math.isfinite(value)
            if not number or not 0 <= value <= 1 or (value == 0 and lowest == "above 0"):
                raise DataError(f"{name} must be {lowest} and at most 1; got {value!r}")

    @property
    def max_tokens(self) -> int:
        """Tokens of text that fit in a row beside [CLS] and two [SEP]."""
        return self.max_length - 3

    def predictions_by_length(self) -> npt.NDArray[np.int64]:
        """How many tokens of a row are predicted, by its length with specials: [max_length + 1].

        `min(max_predictions, max(1, round(masked_lm_prob * length)))` with Python's round, as the
        original does, and never more than the tokens of text that the row has.
        """
        return np.array(
            [
                min(
                    self.max_predictions,
                    max(1, round(self.masked_lm_prob * length)),
                    max(0, length - 3),
                )
                for length in range(self.max_length + 1)
            ],
            np.int64,
        )
