import dataclasses

import pytest

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective


def test_the_default_is_the_papers_first_phase() -> None:
    assert PretrainingObjective() == PretrainingObjective(128, 20, 0.15, 0.1)


@pytest.mark.parametrize(
    ("max_length", "max_predictions", "length", "predictions"),
    [
        (128, 20, 128, 19),
        (512, 77, 512, 77),  # round(76.8)
        (512, 20, 512, 20),
        (128, 20, 5, 1),  # at least one
        (128, 20, 30, 4),  # round(4.5): Python rounds to even
        (128, 20, 50, 8),  # round(7.5)
        (128, 20, 3, 0),  # no text
    ],
)
def test_predictions_follow_the_length(
    max_length: int, max_predictions: int, length: int, predictions: int
) -> None:
    objective = PretrainingObjective(max_length, max_predictions)
    table = objective.predictions_by_length()
    assert table.shape == (max_length + 1,)
    assert table[length] == predictions


def test_no_row_predicts_more_tokens_than_it_has_of_text() -> None:
    table = PretrainingObjective(64, 61, masked_lm_prob=1.0).predictions_by_length()
    assert table[3:].tolist() == list(range(62))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"max_length": 4}, "max_length must be between 5"),
        ({"max_length": 70_000}, "65535; got 70000"),
        ({"max_length": 128.0}, r"max_length must be a whole number; got 128\.0"),
        ({"max_predictions": True}, "max_predictions must be a whole number; got True"),
        ({"max_predictions": 0}, "max_predictions must be between 1 and max_length - 3 = 125"),
        ({"max_predictions": 126}, "got 126"),
        ({"masked_lm_prob": 0}, "masked_lm_prob must be above 0 and at most 1; got 0"),
        ({"masked_lm_prob": float("nan")}, "got nan"),
        ({"masked_lm_prob": "0.15"}, "got '0.15'"),
        ({"short_seq_prob": -0.1}, r"short_seq_prob must be at least 0 and at most 1; got -0\.1"),
        ({"short_seq_prob": 1.5}, r"got 1\.5"),
        ({"pairs": "nsp"}, r"pairs must be next_sentence, sentence_order or none; got 'nsp'"),
        ({"masking": True}, "masking must be piece, whole_word or span; got True"),
        ({"mask_share": 0.8, "random_share": 0.3}, r"at most 1 together.*got 0\.8 and 0\.3"),
        ({"static_epochs": -1}, "static_epochs must be between 0 and"),
        ({"max_sequences": 0}, "max_sequences must be between 1 and 64; got 0"),
        ({"longest_span": 5}, "longest_span says how long a span is, and masking is 'piece'"),
        ({"masking": "whole_word", "span_end_prob": 0.5}, "masking is 'whole_word'"),
        ({"masking": "span", "span_end_prob": 0}, "span_end_prob must be above 0"),
        ({"pairs": "none", "max_predictions": 127}, "between 1 and max_length - 2 = 126"),
    ],
)
def test_a_value_out_of_range_is_an_error_that_names_it(fields: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        PretrainingObjective(**fields)


def test_an_objective_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PretrainingObjective().max_length = 5


def test_a_sequence_without_pairs_has_one_special_token_less() -> None:
    objective = PretrainingObjective(pairs="none")
    assert (objective.specials, objective.max_tokens, objective.has_pairs) == (2, 126, False)
    assert PretrainingObjective(pairs="sentence_order").max_tokens == 125


def test_static_epochs_come_again() -> None:
    assert [PretrainingObjective(static_epochs=3).epoch_of(e) for e in range(7)] == [
        *(0, 1, 2),
        *(0, 1, 2),
        0,
    ]
    assert [PretrainingObjective().epoch_of(e) for e in range(4)] == [0, 1, 2, 3]


def test_shares_may_leave_nothing_to_keep() -> None:
    for mask, random in ((1.0, 0.0), (0.0, 1.0), (0.9, 0.1), (0.8, 0.2), (0.0, 0.0)):
        PretrainingObjective(mask_share=mask, random_share=random)
