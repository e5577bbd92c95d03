"""What a start of a run says that it is about to do."""

from types import SimpleNamespace

import pytest
from models import small_config

from bert_jax.recipes.describe_run import describe_start
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.staged_data import StagedData

SCHEDULE = [
    *("LengthSchedule.after_step=(30, 80)", "LengthSchedule.max_length=(256, 512)"),
    *("LengthSchedule.max_predictions=(40, 77)", "LengthSchedule.batch_size=(16, 8)"),
]


def lines(steps, start=None, schedule=SCHEDULE):
    bindings = [*schedule, f"TrainConfig.num_steps={steps}", "TrainConfig.batch_size=32"]
    experiment = load_experiment("tiny", bindings, data_required=False)
    data = staged_data(experiment.stages)
    return list(describe_start(small_config(), experiment, data, start))


def staged_data(stages):
    """Stages of one store with 320 rows an epoch."""

    def part(objective, train):
        epochs = SimpleNamespace(epochs=lambda steps: [steps * train.batch_size / 320])
        return SimpleNamespace(stores=SimpleNamespace(is_mixture=False), training=epochs)

    return StagedData(stages, part)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (None, "starting, 20 steps of 32 x 128 (2.0 epochs)"),
        (7, "going on from step 7, 20 steps of 32 x 128 (2.0 epochs)"),
        (20, "finished before, 20 steps of 32 x 128 (2.0 epochs); a larger --steps trains on"),
    ],
)
def test_a_start_says_the_model_and_what_is_to_do(start, said):
    (line,) = lines(20, start, schedule=[])
    assert line.startswith("BERT, 2 layers, ")
    assert line.endswith(f" parameters; {said}")


def test_every_stage_has_its_steps_and_epochs():
    (line,) = lines(100)
    assert line.endswith(
        "100 steps: 30 of 32 x 128 (3.0 epochs), then 50 of 16 x 256 (2.5 epochs), "
        "then 20 of 8 x 512 (0.5 epochs)"
    )


def test_epochs_of_all_stages_add_up_to_those_of_a_step():
    bindings = [*SCHEDULE, "TrainConfig.num_steps=100", "TrainConfig.batch_size=32"]
    data = staged_data(load_experiment("tiny", bindings, data_required=False).stages)
    assert [data.epochs(step) for step in (0, 10, 30, 40, 100)] == [
        *([0], [1], [3], [3.5], [6]),
    ]


def test_a_run_that_ends_before_a_stage_says_so():
    first, second = lines(80)
    assert first.endswith("80 steps: 30 of 32 x 128 (3.0 epochs), then 50 of 16 x 256 (2.5 epochs)")
    assert second == (
        "the run ends before a part of its schedule: 8 x 512 after step 80; "
        "a larger --steps reaches it"
    )
