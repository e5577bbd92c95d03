from collections.abc import Callable

import numpy as np
import pytest

from data_pipeline.errors import DataError
from data_pipeline.features import PRETRAINING, Batch, check_batch, feature_shapes

B, L, P = 2, 8, 3


def good_batch() -> Batch:
    shapes = feature_shapes(B, L, P)
    batch = {name: np.zeros(shapes[name], PRETRAINING[name].dtype) for name in PRETRAINING}
    batch["attention_mask"][:, :5] = 1
    batch["input_ids"][:, :5] = 9
    batch["masked_lm_positions"][:, 0] = 4
    batch["masked_lm_ids"][:, 0] = 7
    batch["masked_lm_weights"][:, 0] = 1
    return batch


def test_a_batch_that_keeps_the_contract_passes() -> None:
    check_batch(good_batch())
    check_batch(good_batch(), vocab_size=10)


def test_shapes_follow_the_sizes() -> None:
    shapes = feature_shapes(B, L, P)
    assert shapes["input_ids"] == (B, L)
    assert shapes["masked_lm_weights"] == (B, P)
    assert shapes["next_sentence_labels"] == (B,)


def put(name: str, value: np.ndarray) -> Callable[[Batch], None]:
    return lambda batch: batch.update({name: value})


def at(name: str, place: tuple[int, ...], value: float) -> Callable[[Batch], None]:
    return lambda batch: batch[name].__setitem__(place, value)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda batch: batch.pop("input_ids"), r"missing: \['input_ids'\]"),
        (put("labels", np.zeros(B)), r"unknown: \['labels'\]"),
        (put("input_ids", np.zeros((B, L))), "input_ids must be int32; got float64"),
        (put("input_ids", np.zeros(B, np.int32)), r"input_ids must be \[B, L\]; got \(2,\)"),
        (put("attention_mask", np.zeros((B, 9), np.int32)), "attention_mask has L = 9"),
        (put("masked_lm_ids", np.zeros((3, P), np.int32)), "masked_lm_ids has B = 3"),
        (at("input_ids", (0, 0), 10), "input_ids must hold values from 0 up to 9; got 0 to 10"),
        (at("masked_lm_ids", (0, 0), -1), "masked_lm_ids must hold"),
        (at("token_type_ids", (0, 0), 2), "token_type_ids must hold values from 0 up to 1"),
        (at("next_sentence_labels", (0,), 2), "next_sentence_labels must hold"),
        (at("masked_lm_positions", (0, 0), L), "masked_lm_positions must hold"),
        (at("masked_lm_positions", (0, 0), 5), "masked_lm_positions points at padding"),
        (at("masked_lm_weights", (0, 0), 0.5), "masked_lm_weights must be 0 or 1"),
        (at("next_sentence_weights", (1,), 2), "next_sentence_weights must be 0 or 1"),
        (at("attention_mask", (0, 7), 1), "attention_mask must be 1 for the first tokens"),
    ],
)
def test_a_breach_is_an_error_that_names_the_array(
    spoil: Callable[[Batch], object], said: str
) -> None:
    batch = good_batch()
    spoil(batch)
    with pytest.raises(DataError, match=said):
        check_batch(batch, vocab_size=10)
