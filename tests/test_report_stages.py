"""A run's length schedule as its report reads it."""

from bert_jax.plots import Border
from bert_jax.report_stages import borders_of, schedule_text, setting

OPERATIVE = """
TrainConfig.num_steps = 90
TrainConfig.batch_size = 16
PretrainingObjective.max_length = 32
PretrainingObjective.pairs = 'none'
LengthSchedule.after_step = (30, 60)
LengthSchedule.max_length = (64, 128)
LengthSchedule.max_predictions = (10, 20)
LengthSchedule.batch_size = (8, 4)
"""


def test_a_setting_is_the_literal_that_stands_there():
    assert setting(OPERATIVE, "TrainConfig.num_steps") == 90
    assert setting(OPERATIVE, "PretrainingObjective.pairs") == "none"
    assert setting(OPERATIVE, "TrainConfig.seed") is None
    assert setting("TrainConfig.num_steps = %STEPS\n", "TrainConfig.num_steps") is None
    assert setting(None, "TrainConfig.num_steps") is None


def test_borders_are_labelled_with_what_begins_there():
    assert borders_of(OPERATIVE) == [Border(30, "8 x 64"), Border(60, "4 x 128")]
    assert borders_of("LengthSchedule.after_step = ()\n") == borders_of(None) == []


def test_shapes_are_told_as_far_as_the_run_has_come():
    assert schedule_text(OPERATIVE, 30) == ""
    assert schedule_text(OPERATIVE, 31) == (
        "Batches of 16 x 32 (rows x tokens), 8 x 64 after step 30."
    )
    assert schedule_text(OPERATIVE, 90).endswith("8 x 64 after step 30, 4 x 128 after step 60.")
    assert schedule_text("TrainConfig.num_steps = 90\n", 90) == ""
