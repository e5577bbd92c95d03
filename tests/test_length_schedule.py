"""Which steps have batches of which shape, and schedules that cannot be."""

import pytest

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.length_schedule import LengthSchedule, describe_stages, stage_of
from data_pipeline.objective import PretrainingObjective

OBJECTIVE = PretrainingObjective(max_sequences=4)
TRAIN = TrainConfig(num_steps=100, batch_size=32, seed=3)
SCHEDULE = LengthSchedule(
    after_step=(30, 80), max_length=(256, 512), max_predictions=(40, 77), batch_size=(16, 8)
)
STAGES = SCHEDULE.stages(OBJECTIVE, TRAIN)


def test_without_a_schedule_the_whole_run_is_one_stage_of_its_own_configs():
    (stage,) = LengthSchedule().stages(OBJECTIVE, TRAIN)
    assert (stage.start, stage.end) == (0, 100)
    assert stage.objective is OBJECTIVE
    assert stage.train is TRAIN


def test_a_later_stage_replaces_lengths_batch_and_seed_and_nothing_else():
    assert [(stage.start, stage.end) for stage in STAGES] == [(0, 30), (30, 80), (80, 100)]
    assert [stage.shape for stage in STAGES] == ["32 x 128", "16 x 256", "8 x 512"]
    assert [stage.tokens for stage in STAGES] == [32 * 128, 16 * 256, 8 * 512]
    assert STAGES[0].objective is OBJECTIVE
    assert STAGES[0].train is TRAIN
    assert STAGES[2].objective == PretrainingObjective(
        max_length=512, max_predictions=77, max_sequences=4
    )
    seed = STAGES[2].train.seed
    assert STAGES[2].train == TrainConfig(num_steps=100, batch_size=8, seed=seed)
    assert len({stage.train.seed for stage in STAGES}) == 3


def test_more_steps_change_nothing_of_those_before():
    longer = SCHEDULE.stages(OBJECTIVE, TrainConfig(num_steps=900, batch_size=32, seed=3))
    for stage, again in zip(STAGES, longer, strict=True):
        assert (stage.start, stage.objective) == (again.start, again.objective)
        assert (stage.train.batch_size, stage.train.seed) == (
            again.train.batch_size,
            again.train.seed,
        )


def test_an_update_belongs_to_the_stage_whose_batch_it_is_made_of():
    found = {step: stage_of(STAGES, step).start for step in (0, 1, 30, 31, 80, 81, 5000)}
    assert found == {0: 0, 1: 0, 30: 0, 31: 30, 80: 30, 81: 80, 5000: 80}


def test_what_so_many_updates_have_seen_of_a_schedule():
    assert SCHEDULE.until(30) == ()
    assert SCHEDULE.until(31) == ((30, 256, 40, 16),)
    assert len(SCHEDULE.until(81)) == 2


def test_stages_are_described_as_far_as_the_run_goes():
    assert describe_stages(STAGES) == (
        "100 steps: 30 of 32 x 128, then 50 of 16 x 256, then 20 of 8 x 512"
    )
    short = SCHEDULE.stages(OBJECTIVE, TrainConfig(num_steps=30, batch_size=32))
    assert describe_stages(short, ["0.2 epochs"]) == "30 steps of 32 x 128 (0.2 epochs)"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"after_step": "30"}, "after_step is '30', it must be a tuple of int"),
        ({"after_step": (30, "x")}, r"after_step is \(30, 'x'\), it must be a tuple of int"),
        ({"after_step": (True, 30)}, "after_step is .* must be a tuple of int"),
        ({"after_step": (30,)}, "after_step has 1, max_length has 2, max_predictions has 2"),
        ({"after_step": (30, 30)}, r"after_step is \(30, 30\), steps must be above 0 and rise"),
        ({"after_step": (0, 30)}, "must be above 0 and rise"),
        ({"batch_size": (16, 0)}, r"batch_size is \(16, 0\), its sizes must be at least 1"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(fields, said):
    with pytest.raises(UserError, match=said):
        LengthSchedule(**{**vars(SCHEDULE), **fields})


def test_a_list_is_taken_for_a_tuple():
    assert LengthSchedule(**{name: list(value) for name, value in vars(SCHEDULE).items()}) == (
        SCHEDULE
    )


@pytest.mark.parametrize(
    ("bindings", "said"),
    [
        (["LengthSchedule.max_length=(600,)"], r"max_length=\(600,\): .* is 600 after step 30, it"),
        (
            ["BertConfig.max_position_embeddings=60"],
            "LengthSchedule.max_length is 64 after step 30",
        ),
        (
            ["LengthSchedule.max_predictions=(62,)"],
            r"62,\): LengthSchedule, after step 30: max_pre",
        ),
        (["LengthSchedule.max_length=(4,)"], "after step 30: max_length must be between 5"),
        (
            ["TrainConfig.micro_batches=16"],
            "is 8 after step 30, it must be a multiple of TrainConf",
        ),
        (["LengthSchedule.batch_sizes=(8,)"], "did you mean LengthSchedule.batch_size"),
    ],
)
def test_an_experiment_that_cannot_be_names_the_binding(bindings, said):
    schedule = [
        *("LengthSchedule.after_step=(30,)", "LengthSchedule.max_length=(64,)"),
        *("LengthSchedule.max_predictions=(8,)", "LengthSchedule.batch_size=(8,)"),
        *("PretrainingObjective.max_length=32", "PretrainingObjective.max_predictions=5"),
    ]
    with pytest.raises(UserError, match=said):
        load_experiment("tiny", [*schedule, *bindings], data_required=False)
