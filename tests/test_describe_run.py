"""What a start of a run says that it is about to do."""

from types import SimpleNamespace

import numpy as np
import pytest
from models import small_config

from bert_jax.optimizer import make_schedule
from bert_jax.recipes.describe_run import describe_start, planned_lr_sum
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.staged_data import StagedData
from data_pipeline.mixture_shares import shares_of

SCHEDULE = [
    *("LengthSchedule.after_step=(30, 80)", "LengthSchedule.max_length=(256, 512)"),
    *("LengthSchedule.max_predictions=(40, 77)", "LengthSchedule.batch_size=(16, 8)"),
]


ONE = SimpleNamespace(is_mixture=False, all=("one",))


def lines(steps, start=None, schedule=SCHEDULE, pretrained=False, stores=ONE):
    bindings = [*schedule, f"TrainConfig.num_steps={steps}", "TrainConfig.batch_size=32"]
    experiment = load_experiment("tiny", bindings, data_required=False)
    data = staged_data(experiment.stages, stores)
    return list(describe_start(small_config(), experiment, data, start, pretrained=pretrained))


def staged_data(stages, stores=ONE):
    """Stages with 320 rows an epoch."""

    def part(objective, train):
        epochs = SimpleNamespace(
            epochs=lambda steps: [steps * train.batch_size / 320] * len(stores.all)
        )
        return SimpleNamespace(stores=stores, training=epochs)

    return StagedData(stages, part)


@pytest.mark.parametrize("preset", ["paper", "adamw", "lamb"])
@pytest.mark.parametrize("steps", [500, 900_000])
def test_the_sum_of_the_rates_of_a_plan_is_that_of_its_steps(preset, steps):
    bindings = [f"TrainConfig.num_steps={steps}", "TrainConfig.warmup_steps=100"]
    experiment = load_experiment(
        "tiny", [*bindings, f"OptimizerConfig.preset='{preset}'"], data_required=False
    )
    schedule = make_schedule(experiment.optimizer, experiment.train.learning_rate, 100, steps)
    wanted = np.asarray(schedule(np.arange(steps)), np.float64).sum()
    assert planned_lr_sum(experiment) == pytest.approx(wanted, rel=0.01)


def test_rates_that_are_too_low_for_the_whole_run_are_said_at_its_start():
    low = ["TrainConfig.learning_rate=2e-7", "TrainConfig.warmup_steps=10000"]
    *_, said = lines(900_000, schedule=low)
    assert said.startswith("warning: the learning rates of the whole run add up to 0.0")
    assert "the 4 small reference runs that came down to the unigram level needed " in said
    for steps, start, bindings, pretrained in (
        (900_000, 5, low, False),
        (900_000, None, low, True),
        (300, None, low, False),
        (900_000, None, [], False),
        (900_000, None, [*low, "OptimizerConfig.preset='lamb'"], False),
    ):
        told = lines(steps, start, schedule=bindings, pretrained=pretrained)
        assert not any("warning" in line for line in told)


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


def test_a_store_that_the_whole_run_has_less_than_a_batch_of_is_named():
    def mixture(*weights):
        names = tuple("abcdefghij"[: len(weights)])
        return SimpleNamespace(is_mixture=True, all=names, names=names, shares=shares_of(weights))

    assert len(lines(20, schedule=[], stores=mixture(19, 1))) == 1
    _, warning = lines(20, schedule=[], stores=mixture(1000, 30, 1))
    assert warning == (
        "warning: less than one batch of the 640 rows of the whole run comes from b 19, c 1; "
        "a larger weight or a smaller DataConfig.smoothing gives more"
    )
    _, warning = lines(20, schedule=[], stores=mixture(1000, *[1] * 8))
    assert "b 1, c 1, d 1, e 1, f 1, g 1 and 2 stores more;" in warning
