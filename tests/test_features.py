from collections.abc import Callable

import numpy as np
import pytest

from data_pipeline.errors import DataError
from data_pipeline.features import Batch, check_batch, feature_shapes, pretraining_features
from data_pipeline.objective import PretrainingObjective

B, L, P, M = 2, 8, 3, 2
OBJECTIVE = PretrainingObjective(L, P)
PACKED = PretrainingObjective(L, P, max_sequences=M)
ALL = pytest.mark.parametrize(
    "objective",
    [
        OBJECTIVE,
        PACKED,
        PretrainingObjective(L, P, pairs="none"),
        PretrainingObjective(L, P, pairs="none", max_sequences=M),
    ],
)


def good_batch(objective: PretrainingObjective = OBJECTIVE) -> Batch:
    """Rows of five tokens or, packed, of sequences of four and of three tokens."""
    shapes = feature_shapes(B, objective)
    features = pretraining_features(objective)
    batch = {name: np.zeros(shapes[name], features[name].dtype) for name in features}
    length = 7 if objective.is_packed else 5
    batch["attention_mask"][:, :length] = 1
    batch["input_ids"][:, :length] = 9
    batch["masked_lm_positions"][:, :2] = [1, 4]
    batch["masked_lm_ids"][:, :2] = 7
    batch["masked_lm_weights"][:, :2] = 1
    if objective.is_packed:
        batch["segment_ids"][:] = [1, 1, 1, 1, 2, 2, 2, 0]
        batch["position_ids"][:] = [0, 1, 2, 3, 0, 1, 2, 0]
    if objective.is_packed and objective.has_pairs:
        batch["cls_positions"][:] = [0, 4]
        batch["next_sentence_weights"][:] = 1
    return batch


@ALL
def test_a_batch_that_keeps_the_contract_passes(objective: PretrainingObjective) -> None:
    check_batch(good_batch(objective), objective)
    check_batch(good_batch(objective), objective, vocab_size=10)


def test_a_row_that_only_pads_a_packed_batch_may_have_no_weight() -> None:
    batch = good_batch(PACKED)
    batch["next_sentence_weights"][1] = 0
    batch["masked_lm_weights"][1] = 0
    check_batch(batch, PACKED)


def test_the_objective_decides_what_a_batch_has() -> None:
    plain = pretraining_features(OBJECTIVE)
    assert list(plain) == [
        *("input_ids", "token_type_ids", "attention_mask"),
        *("masked_lm_positions", "masked_lm_ids", "masked_lm_weights"),
        *("next_sentence_labels", "next_sentence_weights"),
    ]
    packed = pretraining_features(PACKED)
    assert packed.keys() - plain.keys() == {"segment_ids", "position_ids", "cls_positions"}
    for max_sequences, further in ((1, set()), (M, {"segment_ids", "position_ids"})):
        none = pretraining_features(
            PretrainingObjective(L, P, pairs="none", max_sequences=max_sequences)
        )
        assert none.keys() == {*list(plain)[:6], *further}


def test_shapes_follow_the_sizes() -> None:
    shapes = feature_shapes(B, OBJECTIVE)
    assert shapes["input_ids"] == (B, L)
    assert shapes["masked_lm_weights"] == (B, P)
    assert shapes["next_sentence_labels"] == (B,)
    shapes = feature_shapes(B, PACKED)
    assert shapes["segment_ids"] == shapes["position_ids"] == (B, L)
    assert shapes["cls_positions"] == shapes["next_sentence_labels"] == (B, M)


def put(name: str, value: np.ndarray) -> Callable[[Batch], None]:
    return lambda batch: batch.update({name: value})


def at(name: str, place: tuple, value: float) -> Callable[[Batch], None]:
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
        (at("masked_lm_positions", (0, 1), 5), "masked_lm_positions points at padding"),
        (at("masked_lm_positions", (0, 1), 1), "masked_lm_positions must ascend"),
        (at("masked_lm_weights", (0, 0), 0), "masked_lm_weights must be 1 for the first slots"),
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
        check_batch(batch, OBJECTIVE, vocab_size=10)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda batch: batch.pop("cls_positions"), r"missing: \['cls_positions'\]"),
        (put("cls_positions", np.zeros((B, 5), np.int32)), "cls_positions has M = 5; needed is 2"),
        (put("next_sentence_labels", np.zeros(B, np.int32)), r"must be \[B, M\]; got \(2,\)"),
        (at("segment_ids", (0, 0), 3), "segment_ids must hold values from 0 up to 2"),
        (at("segment_ids", (1, 7), 2), "segment_ids must be 0 where attention_mask is"),
        (at("segment_ids", (1, 2), 0), "must be 0 where attention_mask is, and"),
        (at("segment_ids", (1, 2), 2), "segment_ids must count"),
        (at("segment_ids", (0, slice(0, 7)), 2), "must count a row's sequences"),
        (at("position_ids", (0, 4), 4), "position_ids must count"),
        (at("position_ids", (0, 7), 1), "and be 0 for padding"),
        (at("cls_positions", (0, 1), 3), "cls_positions must say"),
        (at("cls_positions", (0, 1), 5), "must say where each sequence"),
        (at("next_sentence_weights", (0, 1), 0), "next_sentence_weights must be 1 for each"),
        (at("next_sentence_weights", (0, 1), 0.5), "next_sentence_weights must be 0 or 1"),
    ],
)
def test_a_breach_of_what_is_said_of_packed_rows_is_an_error(
    spoil: Callable[[Batch], object], said: str
) -> None:
    batch = good_batch(PACKED)
    spoil(batch)
    with pytest.raises(DataError, match=said):
        check_batch(batch, PACKED, vocab_size=10)


def test_without_pairs_all_tokens_are_of_one_type() -> None:
    objective = PretrainingObjective(L, P, pairs="none")
    batch = good_batch(objective)
    batch["token_type_ids"][0, 3] = 1
    with pytest.raises(DataError, match="token_type_ids must hold values from 0 up to 0"):
        check_batch(batch, objective)
