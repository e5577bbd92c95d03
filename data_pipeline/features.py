"""The batch contract: which arrays a batch has, with their shapes and types, in one place.

Shape letters: B rows of this process's share of a batch, L length, P prediction slots of a row, M
sequences of a packed row. The model and the data pipeline meet in a dict of these arrays and
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective

Batch = dict[str, npt.NDArray]


@dataclass(frozen=True)
class Feature:
    """One array of a batch: its shape in letters, its type, what it holds."""

    shape: str
    dtype: type[np.generic]
    meaning: str


_ALWAYS = {
    "input_ids": Feature("BL", np.int32, "token ids: [CLS] A [SEP] B [SEP] and padding"),
    "token_type_ids": Feature("BL", np.int32, "0 up to the first [SEP], 1 for B and its [SEP]"),
    "attention_mask": Feature("BL", np.int32, "1 for a token, 0 for padding"),
    "masked_lm_positions": Feature("BP", np.int32, "places to predict, ascending; unused: 0"),
    "masked_lm_ids": Feature("BP", np.int32, "the tokens that stood there; unused: 0"),
    "masked_lm_weights": Feature("BP", np.float32, "1 for a prediction, 0 for an unused slot"),
}
_PAIRS = {
    "next_sentence_labels": Feature("B", np.int32, "0: B follows A; 1: it does not"),
    "next_sentence_weights": Feature("B", np.float32, "1, or 0 for a row that only pads a batch"),
}
_PACKED = {
    "segment_ids": Feature("BL", np.int32, "1, 2, ... for a row's sequences, 0 for padding"),
    "position_ids": Feature("BL", np.int32, "place in its sequence; padding: 0"),
}
_PACKED_PAIRS = {
    "cls_positions": Feature("BM", np.int32, "where each sequence starts; unused: 0"),
    "next_sentence_labels": Feature("BM", np.int32, "0: B follows A; 1: it does not; unused: 0"),
    "next_sentence_weights": Feature("BM", np.float32, "1, or 0 for an unused slot"),
}


def pretraining_features(objective: PretrainingObjective) -> dict[str, Feature]:
    """The arrays of a batch of this objective, by name."""
    features = dict(_ALWAYS)
    if objective.is_packed:
        features |= _PACKED
    if objective.has_pairs:
        features |= _PACKED_PAIRS if objective.is_packed else _PAIRS
    return features


def feature_shapes(batch_size: int, objective: PretrainingObjective) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a batch of `batch_size` rows."""
    sizes = {"B": batch_size, **_sizes(objective)}
    return {
        name: tuple(sizes[letter] for letter in feature.shape)
        for name, feature in pretraining_features(objective).items()
    }


def check_batch(
    batch: Mapping[str, npt.NDArray], objective: PretrainingObjective, vocab_size: int | None = None
) -> None:
    """Raises DataError, naming the array, unless `batch` keeps the contract.

    Checks names, types, shapes and the ranges of the values, and that what is said of padding, of
    sequences and of predictions agrees; with `vocab_size`, also that every id is below it. Costs
    about as much as making the batch does.
    """
    features = pretraining_features(objective)
    missing = features.keys() - batch.keys()
    extra = batch.keys() - features.keys()
    if missing or extra:
        raise DataError(
            f"a batch must hold exactly {', '.join(features)}; "
            f"missing: {sorted(missing) or 'none'}, unknown: {sorted(extra) or 'none'}"
        )
    sizes = _sizes(objective)
    for name, feature in features.items():
        array = batch[name]
        if array.dtype != feature.dtype:
            raise DataError(f"{name} must be {feature.dtype.__name__}; got {array.dtype}")
        if array.ndim != len(feature.shape):
            raise DataError(f"{name} must be [{', '.join(feature.shape)}]; got {array.shape}")
        for letter, size in zip(feature.shape, array.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise DataError(f"{name} has {letter} = {size}; needed is {sizes[letter]}")
    _check_ranges(batch, objective, vocab_size)
    _check_padding(batch)
    if objective.is_packed:
        _check_sequences(batch)
    if objective.is_packed and objective.has_pairs:
        _check_starts(batch)


def _sizes(objective: PretrainingObjective) -> dict[str, int]:
    return {
        "L": objective.max_length,
        "P": objective.max_predictions,
        "M": objective.max_sequences,
    }


def _check_ranges(
    batch: Mapping[str, npt.NDArray], objective: PretrainingObjective, vocab_size: int | None
) -> None:
    limits = {
        "input_ids": vocab_size,
        "token_type_ids": 2 if objective.has_pairs else 1,
        "attention_mask": 2,
        "segment_ids": objective.max_sequences + 1,
        "position_ids": objective.max_length,
        "masked_lm_positions": objective.max_length,
        "masked_lm_ids": vocab_size,
        "cls_positions": objective.max_length,
        "next_sentence_labels": 2,
    }
    for name in limits.keys() & batch.keys():
        values, limit = batch[name], limits[name]
        if values.size and (values.min() < 0 or (limit is not None and values.max() >= limit)):
            raise DataError(
                f"{name} must hold values from 0 up to {'' if limit is None else limit - 1}; "
                f"got {values.min()} to {values.max()}"
            )
    for name in ("masked_lm_weights", "next_sentence_weights"):
        if name in batch and not np.isin(batch[name], (0, 1)).all():
            raise DataError(f"{name} must be 0 or 1 everywhere")


def _check_padding(batch: Mapping[str, npt.NDArray]) -> None:
    attention = batch["attention_mask"]
    length = attention.sum(axis=1)
    if (attention != (np.arange(attention.shape[1]) < length[:, None])).any():
        raise DataError("attention_mask must be 1 for the first tokens of a row and 0 after them")
    predicted = batch["masked_lm_weights"] > 0
    positions = batch["masked_lm_positions"]
    if (predicted & (positions >= length[:, None])).any():
        raise DataError("masked_lm_positions points at padding")
    if (np.diff(predicted.astype(np.int8), axis=1) > 0).any():
        raise DataError("masked_lm_weights must be 1 for the first slots of a row and 0 after them")
    if ((np.diff(positions, axis=1) <= 0) & predicted[:, 1:]).any():
        raise DataError("masked_lm_positions must ascend")


def _check_sequences(batch: Mapping[str, npt.NDArray]) -> None:
    segments, positions = batch["segment_ids"], batch["position_ids"]
    is_token = batch["attention_mask"] > 0
    if ((segments > 0) != is_token).any():
        raise DataError("segment_ids must be 0 where attention_mask is, and nowhere else")
    step = np.diff(segments, axis=1, prepend=0)
    if (is_token & ((step < 0) | (step > 1))).any():
        raise DataError("segment_ids must count a row's sequences as 1, 2, ... from the left")
    place = np.arange(segments.shape[1])
    start = np.maximum.accumulate(np.where(step > 0, place, 0), axis=1)
    if (positions != np.where(is_token, place - start, 0)).any():
        raise DataError(
            "position_ids must count from 0 in each sequence of segment_ids, and be 0 for padding"
        )


def _check_starts(batch: Mapping[str, npt.NDArray]) -> None:
    used = batch["next_sentence_weights"] > 0
    starts, segments = batch["cls_positions"], batch["segment_ids"]
    slot = np.broadcast_to(np.arange(used.shape[1]), used.shape)
    row = np.broadcast_to(np.arange(len(used))[:, None], used.shape)
    right = (segments[row, starts] == slot + 1) & (batch["position_ids"][row, starts] == 0)
    if (used & ~right).any():
        raise DataError("cls_positions must say where each sequence of segment_ids starts")
    # Rows that only pad a batch of evaluation have sequences, and no weight.
    counts, weights = segments.max(axis=1), used.sum(axis=1)
    if ((weights != counts) & (weights != 0)).any():
        raise DataError("next_sentence_weights must be 1 for each sequence of a row")
