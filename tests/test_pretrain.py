"""The recipe: what a run leaves, what a second start does, and starts that are refused."""

import io
import math
import os
import shutil
import signal

import jax
import numpy as np
import pytest

from bert_jax import devices
from bert_jax.checkpoint import Checkpoints
from bert_jax.errors import UserError
from bert_jax.inference.load import load
from bert_jax.loss_bands import Range, shipped_bands
from bert_jax.metrics import is_evaluation, read_metrics
from bert_jax.recipes import held_out
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.pretrain import pretrain
from bert_jax.recipes.run_folder import read_json
from bert_jax.terminal import Terminal


def start(tiny_run, run_dir, **arguments):
    return pretrain(str(tiny_run.experiment), run_dir, data=tiny_run.store, **arguments)


def test_a_run_leaves_everything_to_go_on_to_repeat_and_to_read(tiny_run):
    names = {path.name for path in tiny_run.run_dir.iterdir()}
    assert names == {
        *("checkpoints", "tokenizer", "tensorboard", "plots"),
        *("config.json", "operative.gin", "provenance.json", "metrics.jsonl"),
        *("evaluation.json", "predictions.json", "report.html"),
    }
    lines = read_metrics(tiny_run.run_dir)
    training = [line for line in lines if not is_evaluation(line)]
    assert [line["step"] for line in training] == [1, 2, 3, 4]
    assert [line["step"] for line in lines if is_evaluation(line)] == [2, 4]
    assert training[0].keys() == {
        *("step", "loss", "mlm_loss", "nsp_loss", "mlm_accuracy", "nsp_accuracy"),
        *("padding", "learning_rate", "grad_norm", "tokens_per_second", "input_wait"),
        "tokens",
    }
    assert [line["tokens"] for line in training] == [8 * 32 * step for step in (1, 2, 3, 4)]
    evaluation = read_json(tiny_run.run_dir / "evaluation.json")
    assert evaluation["step"] == 4
    assert evaluation["nsp"]["examples"] == 12
    predictions = read_json(tiny_run.run_dir / "predictions.json")
    assert len(predictions) == 3
    assert all(len(mask) == 5 for filled in predictions for mask in filled["masks"])


def test_a_second_start_repeats_no_finished_work(tiny_run, tmp_path, monkeypatch):
    run_dir = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    metrics = (run_dir / "metrics.jsonl").read_text()

    def work(*_):
        raise AssertionError("this was done before")

    monkeypatch.setattr(held_out, "evaluate", work)
    monkeypatch.setattr(Checkpoints, "save", work)
    shown = io.StringIO()
    result = start(tiny_run, run_dir, terminal=Terminal(shown))
    assert (result.step, result.stopped_by) == (4, None)
    assert result.evaluation == read_json(tiny_run.run_dir / "evaluation.json")
    assert (run_dir / "metrics.jsonl").read_text() == metrics
    assert "finished before, 4 steps" in shown.getvalue()
    provenance = [read_json(path / "provenance.json") for path in (run_dir, tiny_run.run_dir)]
    assert provenance[0] == provenance[1]


def test_a_run_killed_before_its_last_evaluation_was_written_down_makes_it_again(
    tiny_run, tmp_path
):
    run_dir = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    metrics = run_dir / "metrics.jsonl"
    *lines, last = metrics.read_text().splitlines(keepends=True)
    assert '"eval_loss"' in last
    metrics.write_text("".join(lines))
    (run_dir / "evaluation.json").unlink()
    result = start(tiny_run, run_dir)
    assert result.evaluation == read_json(tiny_run.run_dir / "evaluation.json")
    assert metrics.read_text() == "".join([*lines, last])


@pytest.mark.parametrize("damage", [None, "{", '{"step": 2}'])
def test_an_evaluation_that_is_missing_or_damaged_is_made_again(tiny_run, tmp_path, damage):
    run_dir = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    metrics = (run_dir / "metrics.jsonl").read_text()
    if damage is None:
        (run_dir / "evaluation.json").unlink()
    else:
        (run_dir / "evaluation.json").write_text(damage)
    assert start(tiny_run, run_dir).evaluation == read_json(tiny_run.run_dir / "evaluation.json")
    assert (run_dir / "metrics.jsonl").read_text() == metrics


@pytest.mark.parametrize(
    "given", [{"bindings": ["TrainConfig.seed=1"]}, {"data": "elsewhere"}, {"steps": 3}]
)
def test_what_would_change_a_built_experiment_is_refused(tiny_run, tmp_path, given):
    experiment = load_experiment(str(tiny_run.run_dir / "operative.gin"))
    with pytest.raises(UserError, match="this one is built"):
        pretrain(experiment, tmp_path / "run", **given)


def test_a_run_folder_that_is_a_file_is_refused_before_the_data_are_opened(tiny_run, tmp_path):
    (tmp_path / "wiki.txt").touch()
    with pytest.raises(UserError, match=r"wiki\.txt is a file"):
        pretrain(str(tiny_run.experiment), tmp_path / "wiki.txt", data="nowhere")


@pytest.mark.heavy
def test_a_signal_in_the_last_step_leaves_its_evaluation_to_the_next_start(
    tiny_run, tmp_path, monkeypatch
):
    save = Checkpoints.save

    def save_and_be_stopped(self, step, state):
        save(self, step, state)
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    # The signal of step 2 is seen in step 3: the last one here.
    monkeypatch.setattr(Checkpoints, "save", save_and_be_stopped)
    result = start(tiny_run, tmp_path / "run", steps=3)
    assert (result.step, result.stopped_by, result.evaluation) == (3, "SIGTERM", None)
    assert read_json(tmp_path / "run" / "evaluation.json")["step"] == 2

    result = start(tiny_run, tmp_path / "run", steps=3)
    assert (result.step, result.stopped_by) == (3, None)
    assert result.evaluation["step"] == 3
    lines = read_metrics(tmp_path / "run")
    assert [(x["step"], is_evaluation(x)) for x in lines] == [
        *((1, False), (2, False), (2, True)),
        *((3, False), (3, True)),
    ]


@pytest.mark.heavy
def test_a_signal_before_training_ends_the_start_and_the_same_command_goes_on(
    tiny_run, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:

        def floor(*_):
            os.kill(os.getpid(), signal.SIGINT)

        patch.setattr("bert_jax.recipes.pretraining_run.floor_of_stores", floor)
        result = start(tiny_run, tmp_path / "run", steps=2)
    assert result == (tmp_path / "run", 0, "SIGINT", None)
    assert not (tmp_path / "run").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert start(tiny_run, tmp_path / "run", steps=2).step == 2


def test_a_signal_while_data_are_prepared_ends_that_where_progress_is_reported(
    tiny_run, tmp_path, monkeypatch
):
    reported = []

    def prepare(config, beside, progress):
        with progress("preparing", None, "document") as task:
            for document in range(10):
                task.advance()
                reported.append(document)
                if document == 3:
                    os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("bert_jax.recipes.pretraining_run.open_stores", prepare)
    assert start(tiny_run, tmp_path / "run").stopped_by == "SIGTERM"
    assert reported == [0, 1, 2, 3]


def test_a_run_may_start_from_the_weights_of_another(tiny_run, tmp_path):
    bindings = ["TrainConfig.checkpoint_step_zero=True", "TrainConfig.checkpoint_every=0"]
    result = start(
        tiny_run, tmp_path / "run", steps=1, init_from=tiny_run.run_dir, bindings=bindings
    )
    assert result.step == 1
    first, wanted = load(tmp_path / "run", step=0).params, load(tiny_run.run_dir).params
    jax.tree.map(np.testing.assert_array_equal, first, wanted)
    recorded = read_json(tmp_path / "run" / "provenance.json")["init_from"]
    assert recorded == {"model": str(tiny_run.run_dir), "kind": "run", "step": 4}


@pytest.mark.heavy
def test_an_experiment_that_names_no_shape_takes_that_of_the_model(tiny_run, tmp_path):
    arguments = {
        "data": tiny_run.store,
        "steps": 1,
        "bindings": [
            *("TrainConfig.batch_size=8", "TrainConfig.eval_examples=8"),
            *("PretrainingObjective.max_length=16", "PretrainingObjective.max_predictions=2"),
        ],
        "platform": "cpu",
    }
    run = tmp_path / "run"
    pretrain("adapt", run, init_from=tiny_run.run_dir, **arguments)
    assert load(run).config.hidden_size == load(tiny_run.run_dir).config.hidden_size
    operative = (run / "operative.gin").read_text()
    assert "BertConfig.hidden_size = 16" in operative
    # Gone on with, the run has its shape whether the model is named again or not.
    assert pretrain("adapt", run, **arguments).step == 1
    assert (run / "operative.gin").read_text() == operative


def test_a_run_without_pairs_has_nothing_of_them_also_where_its_first_weights_had(
    tiny_run, tmp_path
):
    shown = io.StringIO()
    result = start(
        tiny_run,
        tmp_path / "run",
        steps=1,
        init_from=tiny_run.run_dir,
        bindings=["PretrainingObjective.pairs='none'"],
        terminal=Terminal(shown),
    )
    assert result.evaluation.keys() == {"step", "max_length", "mlm"}
    training, evaluation = read_metrics(tmp_path / "run")
    assert training["loss"] == training["mlm_loss"]
    assert not any("nsp" in name for name in {*training, *evaluation})
    assert read_json(tmp_path / "run" / "config.json")["pair_task"] == "none"
    model = load(tmp_path / "run")
    assert model.params["cls"].keys() == {"predictions"}
    assert "pooler" not in model.params["bert"]
    recorded = read_json(tmp_path / "run" / "provenance.json")["init_from"]
    assert "new_weights" not in recorded
    assert (
        "takes all weights but bert/pooler and cls/seq_relationship, which this run does not need"
    ) in shown.getvalue()
    assert "NSP" not in shown.getvalue()
    assert "NSP" not in (tmp_path / "run" / "report.html").read_text()


def test_weights_that_the_first_ones_lack_are_drawn_when_that_is_said_and_once_is_enough(
    tiny_run, tmp_path
):
    run, bindings = tmp_path / "run", ["PretrainingObjective.pairs='sentence_order'"]
    arguments = {"steps": 1, "init_from": tiny_run.run_dir, "bindings": bindings}
    with pytest.raises(
        UserError, match=r"lacks 2 weights .* --init_new 'cls\.seq_relationship\.\*'"
    ):
        start(tiny_run, run, **arguments)
    assert not run.exists()
    start(tiny_run, run, **arguments, init_new="cls.seq*")
    recorded = read_json(run / "provenance.json")["init_from"]
    assert recorded["new_weights"] == ["cls/seq_relationship"]
    assert start(tiny_run, run, **arguments).step == 1
    with pytest.raises(UserError, match="--init_new is for what --init_from does not give"):
        start(tiny_run, tmp_path / "other", init_new=["cls.*"])


def test_first_weights_that_will_not_do_are_refused_before_the_slow_parts(
    tiny_run, tmp_path, monkeypatch
):
    def slow(*_):
        raise AssertionError("this takes minutes")

    module = "bert_jax.recipes.pretraining_run"
    monkeypatch.setattr(f"{module}.open_data", slow)
    other = {"init_from": tiny_run.run_dir, "bindings": ["BertConfig.intermediate_size=64"]}
    with pytest.raises(UserError, match="is another model: intermediate_size is 32 there"):
        start(tiny_run, tmp_path / "run", **other)
    monkeypatch.setattr(f"{module}.open_stores", slow)
    with pytest.raises(UserError, match="nowhere is no model"):
        start(tiny_run, tmp_path / "run", init_from=tmp_path / "nowhere")


def test_a_loss_outside_the_bands_is_said_once_and_stands_in_the_report(
    tiny_run, tmp_path, monkeypatch
):
    at_once = Range(tokens=(0.0, 0.0), lr_sum=(0.0, 0.0))
    bands = shipped_bands()._replace(reached=at_once)
    monkeypatch.setattr("bert_jax.loss_watch.shipped_bands", lambda: bands)
    shown = io.StringIO()
    start(tiny_run, tmp_path / "run", terminal=Terminal(shown))
    (warning,) = [line for line in shown.getvalue().splitlines() if line.startswith("warning: ")]
    assert warning.startswith("warning: the MLM loss has not come down to the unigram level: 4.")
    assert "at step 3" in warning
    assert shown.getvalue().splitlines()[-1].startswith("The MLM loss has not come down ")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "The MLM loss has not come down to the unigram level" in page
    assert "Behind the MLM loss" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"init_from": "nowhere"}, "--init_from .*nowhere is no model"),
        ({"data": "nowhere"}, "^nowhere: no such token store"),
        ({"bindings": ["TrainConfig.batch_size=12"]}, "must be a multiple of 8"),
        ({"bindings": ["MeshConfig.data=3"]}, "there are 8 devices"),
    ],
)
def test_a_start_that_is_refused_leaves_nothing(
    tiny_run, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    arguments = {"data": tiny_run.store} | arguments
    if arguments["data"] == "nowhere":
        monkeypatch.setattr(devices, "initialize", lambda *_: pytest.fail("devices were sought"))
    with pytest.raises(ValueError, match=message):
        pretrain(str(tiny_run.experiment), tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_config_is_left_as_it_is(tiny_run, tmp_path):
    run_dir = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    before = {p: p.read_bytes() for p in run_dir.iterdir() if p.is_file()}
    with pytest.raises(UserError, match=r"TrainConfig\.seed was 0 and is 1"):
        start(tiny_run, run_dir, bindings=["TrainConfig.seed=1"])
    assert {p: p.read_bytes() for p in run_dir.iterdir() if p.is_file()} == before


def test_a_store_that_has_moved_is_no_other_run(tiny_run, tmp_path):
    run_dir = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    moved = shutil.copytree(tiny_run.store, tmp_path / "moved")
    result = pretrain(str(tiny_run.experiment), run_dir, data=moved)
    assert result.step == 4


@pytest.mark.parametrize(
    ("data", "weights", "message"),
    [
        (["a", "b"], (1, 2, 3), r"^weights=\(1, 2, 3\) has 3 numbers, and data names 2 stores; "),
        (["a", "b"], (1, -2), r"^weights=\(1, -2\): they must be finite numbers above 0"),
        (["a", "b"], (1, math.nan), "^weights=.1, nan.: they must be finite numbers above 0"),
        (["a", "b"], (True, 1), "^weights=.True, 1.: they must be finite numbers above 0"),
        ("a", (1, 2), "^weights=.1, 2. is for several stores, and data names one"),
        ("", None, "^data: DataConfig.store is ''"),
        (None, (1, 2), "mixes several stores"),
        (["a", "b"], "12", "^weights='12': they must be finite numbers above 0, one"),
        (["a", "b"], (), r"^weights=\(\): they must be"),
        (["a", "b"], 3, "^weights=3: they must be"),
    ],
)
def test_weights_that_do_not_fit_the_stores_are_refused(tmp_path, data, weights, message):
    with pytest.raises(UserError, match=message):
        pretrain("tiny", tmp_path / "run", data=data, weights=weights)
    assert not (tmp_path / "run").exists()


def test_weights_of_an_experiment_that_is_built_are_refused(tmp_path):
    experiment = load_experiment("tiny", ["DataConfig.store='a'"])
    with pytest.raises(UserError, match=r"data, weights and steps are for .* load_experiment"):
        pretrain(experiment, tmp_path / "run", weights=(1, 2))
