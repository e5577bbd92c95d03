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
    ],
)
def test_a_value_out_of_range_is_an_error_that_names_it(fields: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        PretrainingObjective(**fields)


def test_an_objective_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PretrainingObjective().max_length = 5
