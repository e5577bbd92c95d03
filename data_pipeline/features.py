"""The batch contract: which arrays a batch has, with their shapes and types, in one place.

Shape letters: B rows of this process's share of a batch, L length, P prediction slots.
The model and the data pipeline meet in a dict of these arrays and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError

Batch = dict[str, npt.NDArray]


@dataclass(frozen=True)
class Feature:
    """One array of a batch: its shape in letters, its type, what it holds."""

    shape: str
    dtype: type[np.generic]
    meaning: str


PRETRAINING: dict[str, Feature] = {
    "input_ids": Feature("BL", np.int32, "token ids: [CLS] A [SEP] B [SEP] and padding"),
    "token_type_ids": Feature("BL", np.int32, "0 up to the first [SEP], 1 for B and its [SEP]"),
    "attention_mask": Feature("BL", np.int32, "1 for a token, 0 for padding"),
    "masked_lm_positions": Feature("BP", np.int32, "places to predict, ascending; unused: 0"),
    "masked_lm_ids": Feature("BP", np.int32, "the tokens that stood there; unused: 0"),
    "masked_lm_weights": Feature("BP", np.float32, "1 for a prediction, 0 for an unused slot"),
    "next_sentence_labels": Feature("B", np.int32, "0: B follows A; 1: B is from elsewhere"),
    "next_sentence_weights": Feature("B", np.float32, "1, or 0 for a row that only pads a batch"),
}


def feature_shapes(
    batch_size: int, max_length: int, max_predictions: int
) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a batch of `batch_size` rows."""
    sizes = {"B": batch_size, "L": max_length, "P": max_predictions}
    return {
        name: tuple(sizes[letter] for letter in feature.shape)
        for name, feature in PRETRAINING.items()
    }


def check_batch(batch: Mapping[str, npt.NDArray], vocab_size: int | None = None) -> None:
    """Raises DataError, naming the array, unless `batch` keeps the contract.

    Checks names, types, that the shapes fit each other, and the ranges of the values; with
    `vocab_size`, also that every id is below it. Costs about as much as making the batch does.
    """
    missing = PRETRAINING.keys() - batch.keys()
    extra = batch.keys() - PRETRAINING.keys()
    if missing or extra:
        raise DataError(
            f"a batch must hold exactly {', '.join(PRETRAINING)}; "
            f"missing: {sorted(missing) or 'none'}, unknown: {sorted(extra) or 'none'}"
        )
    sizes: dict[str, int] = {}
    for name, feature in PRETRAINING.items():
        array = batch[name]
        if array.dtype != feature.dtype:
            raise DataError(f"{name} must be {feature.dtype.__name__}; got {array.dtype}")
        if array.ndim != len(feature.shape):
            raise DataError(f"{name} must be [{', '.join(feature.shape)}]; got {array.shape}")
        for letter, size in zip(feature.shape, array.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise DataError(
                    f"{name} has {letter} = {size}; the arrays before it have {sizes[letter]}"
                )
    _check_values(batch, sizes, vocab_size)


def _check_values(
    batch: Mapping[str, npt.NDArray], sizes: Mapping[str, int], vocab_size: int | None
) -> None:
    limits = {
        "input_ids": vocab_size,
        "token_type_ids": 2,
        "attention_mask": 2,
        "masked_lm_positions": sizes["L"],
        "masked_lm_ids": vocab_size,
        "next_sentence_labels": 2,
    }
    for name, limit in limits.items():
        values = batch[name]
        if values.size and (values.min() < 0 or (limit is not None and values.max() >= limit)):
            raise DataError(
                f"{name} must hold values from 0 up to {'' if limit is None else limit - 1}; "
                f"got {values.min()} to {values.max()}"
            )
    for name in ("masked_lm_weights", "next_sentence_weights"):
        if not np.isin(batch[name], (0, 1)).all():
            raise DataError(f"{name} must be 0 or 1 everywhere")
    length = batch["attention_mask"].sum(axis=1)
    if (batch["attention_mask"] != (np.arange(sizes["L"]) < length[:, None])).any():
        raise DataError("attention_mask must be 1 for the first tokens of a row and 0 after them")
    predicted = batch["masked_lm_weights"] > 0
    if (predicted & (batch["masked_lm_positions"] >= length[:, None])).any():
        raise DataError("masked_lm_positions points at padding")
