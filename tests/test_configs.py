"""The shipped experiments: short, complete, and the published recipe."""

from pathlib import Path

import pytest

from bert_jax.config import MODEL_SIZES, BertConfig, OptimizerConfig
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.shipped import configs_folder, experiment_names

FILES = sorted(configs_folder().rglob("*.gin"))
SIZES = sorted(MODEL_SIZES)


def name_of(path: Path) -> str:
    return path.relative_to(configs_folder()).as_posix()


def test_every_size_has_both_phases_and_so_have_lamb_and_adapt() -> None:
    sizes = [*SIZES, "base_lamb", "large_lamb", "adapt"]
    phases = {*sizes, *(f"{size}_512" for size in sizes)}
    assert set(experiment_names()) == {*phases, "base_128_512", "documentation_tiny"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_config_is_at_most_30_lines_of_100_columns_and_says_what_it_is(path: Path) -> None:
    lines = path.read_text(encoding="ascii").splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith("# ")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_config_loads_by_itself(path: Path) -> None:
    load_experiment(str(path), data_required=False)


@pytest.mark.parametrize("name", experiment_names())
def test_an_experiment_is_built_again_from_its_operative_text(name: str, tmp_path: Path) -> None:
    experiment = load_experiment(name, data_required=False)
    (tmp_path / "operative.gin").write_text(experiment.operative)
    again = load_experiment(str(tmp_path / "operative.gin"), data_required=False)
    assert again.configs() == experiment.configs()
    assert again.operative == experiment.operative


@pytest.mark.parametrize("size", SIZES)
def test_the_first_phase_is_the_papers(size: str) -> None:
    experiment = load_experiment(size, data_required=False)
    train, objective = experiment.train, experiment.objective
    assert experiment.model == BertConfig.of_size(size)
    assert experiment.optimizer.preset == "paper"
    assert (train.num_steps, train.batch_size, train.warmup_steps) == (900_000, 256, 10_000)
    assert train.learning_rate == 1e-4
    assert (objective.max_length, objective.max_predictions) == (128, 20)
    assert (objective.masked_lm_prob, objective.short_seq_prob) == (0.15, 0.1)


@pytest.mark.parametrize("size", SIZES)
def test_the_second_phase_is_the_first_at_length_512_for_a_tenth_of_the_steps(size: str) -> None:
    first = load_experiment(size, data_required=False)
    second = load_experiment(f"{size}_512", data_required=False)
    assert second.train.num_steps * 9 == first.train.num_steps
    objective = second.objective
    assert (objective.max_length, objective.max_predictions) == (512, 77)
    assert second.model == first.model
    assert second.optimizer == first.optimizer


def test_both_phases_in_one_run_have_the_steps_and_rows_of_the_two() -> None:
    both = load_experiment("base_128_512", data_required=False)
    first, second = (load_experiment(name, data_required=False) for name in ("base", "base_512"))
    steps = (first.train.num_steps, second.train.num_steps)
    assert [stage.end - stage.start for stage in both.stages] == [*steps]
    assert [stage.objective for stage in both.stages] == [first.objective, second.objective]
    assert {stage.train.batch_size for stage in both.stages} == {256}
    assert (both.model, both.optimizer) == (first.model, first.optimizer)


@pytest.mark.parametrize(
    ("suffix", "numbers", "warmup", "objective"),
    [
        ("", (65_536, 6e-3, 7_038), 0.2843, (128, 20)),
        ("_512", (32_768, 4e-3, 1_563), 0.128, (512, 77)),
    ],
)
@pytest.mark.parametrize("size", ["base", "large"])
def test_the_phases_with_lamb_are_the_published_ones(
    size: str,
    suffix: str,
    numbers: tuple[int, float, int],
    warmup: float,
    objective: tuple[int, int],
) -> None:
    experiment = load_experiment(f"{size}_lamb{suffix}", data_required=False)
    train, optimizer = experiment.train, experiment.optimizer
    assert experiment.model == BertConfig.of_size(size)
    assert (train.batch_size, train.learning_rate, train.num_steps) == numbers
    assert train.warmup_steps == round(warmup * train.num_steps)
    assert optimizer == OptimizerConfig(
        preset="lamb", b1=0.9, b2=0.999, eps=1e-6, weight_decay=0.01, max_grad_norm=1.0
    )
    found = experiment.objective
    assert (found.max_length, found.max_predictions) == objective
    # As many tokens at once in both phases, and as many rows on each of 8 devices.
    rows = train.batch_size // train.micro_batches
    assert rows * found.max_length == 65_536
    assert rows % 8 == 0


def test_the_default_experiment_needs_nothing_but_itself() -> None:
    experiment = load_experiment("documentation_tiny")
    assert experiment.model == BertConfig.tiny(
        initializer_range=0.08, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    assert experiment.data.corpus_vocab_size == 8192
    assert experiment.train.num_steps <= 10_000
