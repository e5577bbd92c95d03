"""Experiments: found by name or path, built with the command line on top, and written again."""

import dataclasses
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.recipes.bindings import CONFIGS, KINDS, settable_fields
from bert_jax.recipes.experiment import (
    Experiment,
    find_experiment,
    load_experiment,
)
from bert_jax.recipes.overrides import Override
from bert_jax.recipes.shipped import configs_folder


def reload(experiment: Experiment, folder: Path) -> Experiment:
    path = folder / "operative.gin"
    path.write_text(experiment.operative, encoding="utf-8")
    return load_experiment(str(path), data_required=False)


@pytest.mark.parametrize(
    "name",
    [
        "documentation_tiny",
        "documentation_tiny.gin",
        "pretrain/documentation_tiny",
        "pretrain/documentation_tiny.gin",
        str(configs_folder() / "pretrain" / "documentation_tiny.gin"),
    ],
)
def test_an_experiment_is_found_by_name_and_by_path(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.name == "documentation_tiny"
    tiny = BertConfig.tiny()
    assert (experiment.model.hidden_size, experiment.model.num_hidden_layers) == (
        tiny.hidden_size,
        tiny.num_hidden_layers,
    )
    assert experiment.data.corpus == "documentation"


def test_a_file_with_the_name_of_a_shipped_experiment_needs_its_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.gin").write_text("TrainConfig.num_steps = 3\n")
    (tmp_path / "tiny").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_experiment("tiny.gin") == Path("tiny.gin")
    assert find_experiment("tiny") == configs_folder() / "pretrain" / "tiny.gin"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("documentaton_tiny", "did you mean documentation_tiny?"),
        ("somewhere/bsae.gin", "did you mean base?"),
        ("zzz", "Give one of adapt, "),
        ("", "Give one of adapt, "),
        ("..", "no experiment '..'"),
    ],
)
def test_an_unknown_experiment_is_an_error_with_the_nearest_name(name: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        load_experiment(name)
    assert words in str(caught.value)


def test_a_shipped_name_means_the_shipped_experiment_also_beside_a_run_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "operative.gin").write_text("")
    monkeypatch.chdir(tmp_path)
    assert find_experiment("mini").name == "mini.gin"


def test_a_run_folder_and_another_file_are_told_from_an_experiment(tmp_path: Path) -> None:
    (tmp_path / "operative.gin").write_text("")
    with pytest.raises(UserError, match=r"is a folder; its experiment is .*operative\.gin"):
        load_experiment(str(tmp_path))
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UserError, match=r"must end in \.gin"):
        load_experiment(str(tmp_path / "notes.txt"))


def test_later_bindings_win_and_the_command_line_wins_over_files(tmp_path: Path) -> None:
    path = tmp_path / "a.gin"
    path.write_text("TrainConfig.seed = 1\nTrainConfig.seed = 2\n")
    assert load_experiment(str(path), data_required=False).train.seed == 2
    bindings = ["TrainConfig.seed=3", Override("--seed", "TrainConfig.seed", 4)]
    experiment = load_experiment(str(path), bindings, data_required=False)
    assert experiment.train.seed == 4
    assert str(experiment.origins["TrainConfig.seed"]) == "--seed"
    experiment = load_experiment(str(path), bindings[::-1], data_required=False)
    assert experiment.train.seed == 3
    assert str(experiment.origins["TrainConfig.seed"]) == "--gin.TrainConfig.seed=3"


def test_every_value_has_an_origin(tmp_path: Path) -> None:
    path = tmp_path / "a.gin"
    path.write_text("include 'model/mini.gin'\nOptimizerConfig:\n    b1 = 0.8\n")
    experiment = load_experiment(str(path), data_required=False)
    expected = {
        f"{name}.{field.name}" for name in experiment.configs() for field in settable_fields(name)
    }
    assert set(experiment.origins) == expected
    b1 = experiment.origins["OptimizerConfig.b1"]
    assert (b1.kind, b1.path, b1.line) == ("file", path, 3)
    size = experiment.origins["BertConfig.hidden_size"]
    assert size.path == configs_folder() / "model" / "mini.gin"
    assert experiment.origins["TrainConfig.seed"].kind == "default"


def test_an_experiment_without_data_is_an_error_that_says_what_to_give() -> None:
    with pytest.raises(UserError, match="give --data STORE"):
        load_experiment("base")
    assert load_experiment("base", data_required=False).data.store is None


def test_a_store_keeps_its_name_and_is_found_from_any_folder_by_the_operative_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment("base", ["DataConfig.store=stores/mine"])
    assert experiment.data.store == "stores/mine"
    assert f"DataConfig.store = {str(tmp_path / 'stores' / 'mine')!r}" in experiment.operative


def test_a_store_and_a_corpus_together_are_an_error() -> None:
    with pytest.raises(UserError, match="has both store='x' and corpus='documentation'"):
        load_experiment("documentation_tiny", ["DataConfig.store=x"])


def test_the_operative_text_says_every_value_as_a_literal() -> None:
    experiment = load_experiment("documentation_tiny")
    lines = [line for line in experiment.operative.splitlines() if line and line[0] != "#"]
    assert len(lines) == len(experiment.origins)
    assert "TrainConfig.batch_size = 32" in lines
    assert not any("%" in line or "@" in line for line in lines)
    assert max(map(len, experiment.operative.splitlines())) <= 100


def test_the_same_values_give_the_same_operative_text_wherever_they_come_from(
    tmp_path: Path,
) -> None:
    experiment = load_experiment("documentation_tiny", ["TrainConfig.num_steps=20"])
    again = reload(experiment, tmp_path)
    assert again.operative == experiment.operative
    assert again.configs() == experiment.configs()
    assert all(origin.kind == "file" for origin in again.origins.values())


# Values that fit each other whichever are drawn together.
_STRANGE = {
    "BertConfig.hidden_size": st.integers(1, 64).map(lambda n: 12 * n),
    "BertConfig.num_attention_heads": st.sampled_from([1, 2, 3, 4, 6, 12]),
    "BertConfig.hidden_act": st.sampled_from(["gelu", "gelu_new"]),
    "BertConfig.max_position_embeddings": st.integers(512, 4096),
    "PretrainingObjective.pairs": st.sampled_from(["next_sentence", "sentence_order", "none"]),
    # The fields of a span are only for spans.
    "PretrainingObjective.masking": st.just("span"),
    "PretrainingObjective.mask_share": st.floats(0, 0.9),
    "PretrainingObjective.random_share": st.floats(0, 0.1),
    "PretrainingObjective.span_end_prob": st.floats(0.01, 1),
    "PretrainingObjective.longest_span": st.integers(1, 100),
    "PretrainingObjective.static_epochs": st.integers(0, 20),
    "PretrainingObjective.max_sequences": st.integers(1, 64),
    "ComputeConfig.dtype": st.sampled_from(["float32", "bfloat16"]),
    "ComputeConfig.matmul_precision": st.sampled_from(["default", "high", "highest"]),
    "ComputeConfig.vocab_chunk": st.sampled_from([None, 0, 256, 1024, 4096]),
    "ComputeConfig.remat": st.sampled_from(["none", "dots", "full"]),
    "BertConfig.position_offset": st.just(0),
    "BertConfig.type_vocab_size": st.sampled_from([0, 2, 7]),
    "BertConfig.pooler_act": st.sampled_from(["tanh", "relu"]),
    "OptimizerConfig.preset": st.sampled_from(["paper", "adamw", "lamb"]),
    "TrainConfig.batch_size": st.integers(1, 50).map(lambda n: 8 * n),
    "TrainConfig.micro_batches": st.sampled_from([1, 2, 4, 8]),
    "PretrainingObjective.max_length": st.integers(128, 512),
    "PretrainingObjective.max_predictions": st.integers(1, 100),
    "LengthSchedule.after_step": st.integers(1, 10**6).map(lambda n: (n, n + 5)),
    "LengthSchedule.max_length": st.tuples(*[st.integers(128, 512)] * 2),
    "LengthSchedule.max_predictions": st.tuples(*[st.integers(1, 100)] * 2),
    "LengthSchedule.batch_size": st.tuples(*[st.integers(1, 50).map(lambda n: 8 * n)] * 2),
    "MeshConfig.data": st.sampled_from([-1, 1, 8]),
    "DataConfig.store": st.text(min_size=1, max_size=20).map(
        lambda name: str(Path(f"/stores/{name}"))
    ),
    "DataConfig.stores": st.just(("/stores/one", "/stores/two")),
    "DataConfig.weights": st.tuples(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)),
    "DataConfig.smoothing": st.floats(0, 1),
    "DataConfig.corpus": st.none(),
    "DataConfig.corpus_vocab_size": st.integers(256, 100_000),
}
_BY_TYPE = {
    int: st.integers(1, 10**9),
    float: st.floats(0.001, 0.999),
    bool: st.booleans(),
}
_FIELDS = [(name, field) for name in KINDS["pretrain"].values() for field in settable_fields(name)]


@st.composite
def valid_values(draw: st.DrawFn) -> dict[str, Any]:
    values = {}
    for name, field in draw(st.lists(st.sampled_from(_FIELDS), unique=True)):
        key = f"{name}.{field.name}"
        kind = typing.get_type_hints(CONFIGS[name])[field.name]
        values[key] = draw(_STRANGE[key] if key in _STRANGE else _BY_TYPE[kind])
    if "PretrainingObjective.masking" not in values:
        for name in ("span_end_prob", "longest_span"):
            values.pop(f"PretrainingObjective.{name}", None)
    # Shares are for several stores, and of one kind.
    several = "DataConfig.stores" in values
    has_weights = several and "DataConfig.weights" in values
    for name, is_left in {"store": not several, "weights": several, "smoothing": several}.items():
        if not is_left or (name == "smoothing" and has_weights):
            values.pop(f"DataConfig.{name}", None)
    # A schedule has all of its fields or none.
    schedule = [key for key in _STRANGE if key.startswith("LengthSchedule.")]
    if any(key in values for key in schedule):
        values |= {key: draw(_STRANGE[key]) for key in schedule}
    return values


@settings(max_examples=60, deadline=None)
@given(values=valid_values())
def test_any_valid_values_are_built_and_come_back_from_the_operative_text(
    values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round")
    (folder / "empty.gin").write_text("")
    bindings = [f"{key}={value!r}" for key, value in values.items()]
    experiment = load_experiment(str(folder / "empty.gin"), bindings, data_required=False)
    configs = experiment.configs()
    for key, value in values.items():
        name, field = key.split(".")
        assert getattr(configs[name], field) == value
    again = reload(experiment, folder).configs()
    # The operative text names a store so that it is found from any folder.
    configs["DataConfig"] = configs["DataConfig"].with_absolute_store()
    assert again == configs
    default = dataclasses.asdict(CONFIGS["TrainConfig"]())
    unset = {k: v for k, v in default.items() if f"TrainConfig.{k}" not in values}
    assert unset.items() <= dataclasses.asdict(experiment.train).items()


def test_loading_an_experiment_imports_no_jax() -> None:
    code = (
        "import sys; from bert_jax.recipes.experiment import load_experiment; "
        "load_experiment('documentation_tiny'); "
        "assert not {'jax', 'flax', 'tokenizers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_rows_that_are_too_long_for_a_model_come_with_the_flags_that_make_them_fit():
    bindings = ["BertConfig.max_position_embeddings=64"]
    with pytest.raises(UserError, match=r"\(64\); give --gin\.Pretr") as caught:
        load_experiment("tiny", bindings=bindings, data_required=False)
    flags = re.findall(r"--gin\.(Pretr\S+)", str(caught.value))
    objective = load_experiment("tiny", bindings=bindings + flags, data_required=False).objective
    assert (objective.max_length, objective.max_predictions) == (64, 10)
