"""`bert-jax config` shows every value, its origin, and every name."""

import json
from pathlib import Path

import pytest

from bert_jax.recipes.bindings import CONFIGS, settable_fields
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.field_docs import CLASS_DOCS, FIELD_DOCS
from bert_jax.recipes.overrides import Override
from bert_jax.recipes.shipped import experiment_names
from bert_jax.recipes.show_config import config_rows, show_config, type_name


def test_every_class_and_field_has_its_line() -> None:
    assert set(CLASS_DOCS) == set(CONFIGS)
    assert set(FIELD_DOCS) == {
        f"{name}.{f.name}" for name in CONFIGS for f in settable_fields(name)
    }


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", experiment_names())
def test_lines_fit_the_width(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = load_experiment(name, data_required=False)
    monkeypatch.chdir(experiment.path.parents[3])
    lines = show_config(experiment, width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line != line.rstrip() for line in lines)


def test_a_wide_terminal_takes_one_line_for_each_value() -> None:
    experiment = load_experiment("documentation_tiny")
    lines = show_config(experiment, 120).splitlines()
    line = next(line for line in lines if line.startswith("  batch_size "))
    assert line.split()[:3] == ["batch_size", "32", "int"]
    assert "rows of one update" in line
    assert line.split()[-1].startswith("documentation_tiny.gin:")


@pytest.mark.parametrize("width", [80, 120])
def test_every_name_value_type_and_meaning_is_shown(width: int) -> None:
    experiment = load_experiment("documentation_tiny")
    shown = show_config(experiment, width)
    for row in config_rows(experiment):
        name = row["name"].partition(".")[2]
        assert any(
            line.split()[:1] == [name] and repr(row["value"]) in line for line in shown.splitlines()
        )
        assert row["doc"] in shown
    assert "vocab_size\n    cannot be set" in shown


def test_origins_are_short_and_defaults_have_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.gin"
    path.write_text("include 'model/mini.gin'\ninclude 'pretrain/tiny.gin'\nMeshConfig.fsdp = 2\n")
    experiment = load_experiment(
        str(path),
        [Override("--steps", "TrainConfig.num_steps", 7), "TrainConfig.seed=3"],
        data_required=False,
    )
    lines = {}
    for line in show_config(experiment, 120).splitlines():
        lines[line.split(" ")[2] if line.startswith("  ") else line] = line
    assert lines["num_steps"].endswith("  --steps")
    assert lines["seed"].endswith("  --gin")
    assert lines["hidden_size"].endswith("  model/tiny.gin:3")
    assert lines["log_every"].endswith("none")


def test_a_long_value_takes_a_line_of_its_own(tmp_path: Path) -> None:
    store = str(tmp_path / ("long" * 30))
    experiment = load_experiment("base", [f"DataConfig.store={store}"])
    shown = show_config(experiment, 80)
    assert (
        f"  store              {store!r}\n    from --gin\n    str or None: a token store" in shown
    )


def test_rows_are_json_with_place_type_and_default() -> None:
    experiment = load_experiment("documentation_tiny", [Override("--seed", "TrainConfig.seed", 7)])
    rows = {row["name"]: json.loads(json.dumps(row)) for row in config_rows(experiment)}
    assert set(rows) == set(experiment.origins)
    seed = rows["TrainConfig.seed"]
    assert (seed["value"], seed["default"], seed["type"]) == (7, 0, "int")
    assert seed["origin"] == {"kind": "command line", "flag": "--seed"}
    assert rows["TrainConfig.keep_every"]["origin"] == {"kind": "default"}
    batch = rows["TrainConfig.batch_size"]["origin"]
    assert batch["kind"] == "file"
    assert batch["path"].endswith("pretrain/documentation_tiny.gin")
    assert rows["DataConfig.store"]["type"] == "str or None"


def test_types_are_named_as_a_person_would() -> None:
    assert type_name(int) == "int"
    assert type_name(str | None) == "str or None"
    assert type_name(tuple[str, ...]) == "tuple of str"
    assert type_name(tuple[int, ...]) == "tuple of int"


def test_a_schedule_of_lengths_is_summed_up_under_the_name() -> None:
    shown = show_config(load_experiment("base_128_512", data_required=False), 80)
    assert "\n  1,000,000 steps: 900,000 of 256 x 128, then 100,000 of 256 x 512\n" in shown
    assert " steps: " not in show_config(load_experiment("base", data_required=False), 80)
