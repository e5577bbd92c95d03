"""Keeping a run's curve to compare others with."""

import json
import shutil

import pytest

from bert_jax.errors import UserError
from bert_jax.kept_curves import read_curve
from bert_jax.metrics import is_evaluation, read_metrics
from bert_jax.recipes import keep_curve as module
from bert_jax.recipes.keep_curve import keep_curve, main
from bert_jax.recipes.run_folder import read_json, write_json


def test_a_kept_curve_holds_the_losses_and_what_the_run_was(tiny_run, tmp_path):
    path = tmp_path / "curve.jsonl"
    keep_curve(tiny_run.run_dir, "tiny", path)
    kept = read_curve(path)
    lines = [line for line in read_metrics(tiny_run.run_dir) if not is_evaluation(line)]
    assert kept.curve.loss == pytest.approx([line["mlm_loss"] for line in lines], rel=1e-4)
    assert kept.curve.pair_loss == pytest.approx([line["nsp_loss"] for line in lines], rel=1e-4)
    assert kept.curve.tokens.tolist() == [8 * 32 * step for step in (1, 2, 3, 4)]
    assert kept.facts["experiment"] == "tiny"
    differs = kept.facts["differs"]
    assert (differs["TrainConfig.batch_size"], differs["TrainConfig.num_steps"]) == (8, 4)
    assert not {"OptimizerConfig.b1", "TrainConfig.seed", "TrainConfig.log_every"} & set(differs)
    assert (kept.facts["batch_size"], kept.facts["max_length"]) == (8, 32)
    assert (kept.facts["learning_rate"], kept.facts["seed"]) == (1e-3, 0)
    levels = read_json(tiny_run.run_dir / "provenance.json")["loss_levels"]
    assert kept.levels.to_facts() == levels


def test_a_run_that_does_not_say_its_levels_has_no_curve_to_keep(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    provenance = read_json(run / "provenance.json")
    del provenance["loss_levels"]
    write_json(run / "provenance.json", provenance)
    with pytest.raises(UserError, match="has no curve to keep"):
        keep_curve(run, "tiny", tmp_path / "curve.jsonl")
    assert not (tmp_path / "curve.jsonl").exists()


def test_a_run_with_lamb_is_none_to_compare_others_with(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    provenance = read_json(run / "provenance.json")
    provenance["loss_levels"]["rates_compare"] = False
    write_json(run / "provenance.json", provenance)
    with pytest.raises(UserError, match="LAMB's learning rates are no sizes of steps"):
        keep_curve(run, "tiny", tmp_path / "curve.jsonl")
    assert not (tmp_path / "curve.jsonl").exists()


def test_the_command_names_the_file_or_the_error(tiny_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "curves_folder", lambda: tmp_path)
    main([str(tiny_run.run_dir), "tiny", "made"])
    assert capsys.readouterr().out.strip() == str(tmp_path / "made.jsonl")
    main([str(tiny_run.run_dir), "tiny", "made.jsonl"])
    assert [path.name for path in tmp_path.iterdir()] == ["made.jsonl"]


@pytest.mark.parametrize(
    ("run", "experiment", "name", "message"),
    [
        ("nowhere", "tiny", "other", "nowhere is no run: there is no operative.gin in it"),
        (None, "tinny", "other", "no shipped experiment 'tinny'; did you mean tiny"),
        (None, "tiny.gin", "other", "no shipped experiment 'tiny.gin'"),
        (None, "tiny", "../other", r"NAME is '\.\./other'; it must be a file's name"),
        (None, "tiny", ".jsonl", "NAME is '.jsonl'; it must be a file's name"),
    ],
)
def test_what_cannot_be_kept_is_an_error_and_writes_nothing(
    tiny_run, tmp_path, monkeypatch, run, experiment, name, message
):
    monkeypatch.setattr(module, "curves_folder", lambda: tmp_path / "curves")
    run = tiny_run.run_dir if run is None else tmp_path / run
    with pytest.raises(SystemExit, match=f"^error: .*{message}"):
        main([str(run), experiment, name])
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_logged_too_seldom_to_show_its_way_down_is_refused(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    provenance = read_json(run / "provenance.json")
    provenance["loss_levels"] |= {"start": 99.0, "unigram": 98.0}
    write_json(run / "provenance.json", provenance)
    with pytest.raises(UserError, match=r"at its first logged step, 1, it is .* smaller TrainC"):
        keep_curve(run, "tiny", tmp_path / "curve.jsonl")
    assert not (tmp_path / "curve.jsonl").exists()


@pytest.mark.parametrize(
    ("loss", "message"), [(float("nan"), "is not a number"), (619.05, r"ends at 619\.05, above")]
)
def test_a_run_that_diverged_is_nothing_to_compare_with(tiny_run, tmp_path, loss, message):
    run = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    lines = read_metrics(run)
    for line in lines[2:]:
        if "mlm_loss" in line:
            line["mlm_loss"] = loss
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(UserError, match=message):
        keep_curve(run, "tiny", tmp_path / "curve.jsonl")
    assert not (tmp_path / "curve.jsonl").exists()
