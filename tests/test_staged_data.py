"""A run whose rows become longer: its lines, its results, and starts that go on with it."""

import io
import json
import re
import shutil

import numpy as np
import pytest
from small_runs import EXPERIMENT, compiled_once, make_store

from bert_jax.errors import UserError
from bert_jax.inference.load import load
from bert_jax.metrics import is_evaluation, read_metrics
from bert_jax.parameters import parameters_sha256
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.inspect_run import run_facts, show_run
from bert_jax.recipes.pretrain import pretrain
from bert_jax.recipes.run_results import RunResults
from bert_jax.recipes.show_batch import batch_rows
from bert_jax.terminal import Terminal

pytestmark = pytest.mark.heavy

# Six steps, of which the last three are of longer rows and fewer of them.
SCHEDULE = """
TrainConfig.num_steps = 6
TrainConfig.batch_size = 16
TrainConfig.eval_every = 3
LengthSchedule.after_step = (3,)
LengthSchedule.max_length = (48,)
LengthSchedule.max_predictions = (7,)
LengthSchedule.batch_size = (8,)
"""
TIMED = {"tokens_per_second", "input_wait"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    path = tmp_path_factory.mktemp("staged") / "staged.gin"
    path.write_text(EXPERIMENT + SCHEDULE)
    return str(path)


@pytest.fixture(scope="module", autouse=True)
def one_program():
    with compiled_once():
        yield


@pytest.fixture(scope="module")
def finished(experiment, store, tmp_path_factory):
    """The folder of a finished run, and what it said."""
    shown = io.StringIO()
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    pretrain(experiment, run_dir, data=store, terminal=Terminal(shown, width=80))
    return run_dir, shown.getvalue()


def record(run_dir):
    lines = read_metrics(run_dir)
    return [{name: x for name, x in line.items() if name not in TIMED} for line in lines]


def test_a_run_says_what_its_stages_are_and_where_each_begins(finished):
    _, shown = finished
    assert re.search(
        r"starting, 6 steps: 3 of 16 x 32 \(\d\.\d epochs\), then 3 of 8 x 48 \(\d", shown
    )
    before, after = shown.split("\nafter step 3: 8 x 48\n")
    assert "    3/6 " in before
    assert "    4/6 " in after
    assert "evaluating at length 32: 1 batch" in before
    assert "evaluating at length 48: 2 batches" in after


def test_results_are_of_the_length_of_their_step_and_say_which(finished):
    run_dir, _ = finished
    evaluations = [line for line in read_metrics(run_dir) if is_evaluation(line)]
    assert [(x["step"], x["eval_max_length"]) for x in evaluations] == [(3, 32), (6, 48)]
    evaluation = json.loads((run_dir / "evaluation.json").read_text())
    assert (evaluation["step"], evaluation["max_length"]) == (6, 48)
    # Twelve examples of up to 7 predictions, where rows of 32 have up to 4.
    assert 48 < evaluation["mlm"]["predictions"] <= 84


def test_the_step_that_is_compiled_at_a_border_has_no_rate(finished):
    training = [line for line in read_metrics(finished[0]) if not is_evaluation(line)]
    assert [line["step"] for line in training if "tokens_per_second" not in line] == [4]


def test_the_learning_rate_goes_on_over_all_steps(finished):
    training = [line for line in read_metrics(finished[0]) if not is_evaluation(line)]
    rates = [line["learning_rate"] for line in training]
    np.testing.assert_allclose(np.diff(rates[1:]), -1e-3 / 5, rtol=1e-4)


def test_the_report_marks_the_border_and_says_the_shapes(finished):
    page = (finished[0] / "report.html").read_text()
    assert "Batches of 16 x 32 (rows x tokens), 8 x 48 after step 3." in page
    assert "in rows of 48 tokens" in page
    assert page.count(">8 x 48</text>") == page.count("<svg") == 8
    assert re.search(r"always “.*” at length 48: ", page)


def test_inspect_says_the_stages(finished):
    facts = run_facts(finished[0])
    assert [stage["after_step"] for stage in facts["length_schedule"]] == [0, 3]
    shown = show_run(facts, 999)
    assert re.search(r"^batches +16 x 32, 8 x 48 after step 3$", shown, re.MULTILINE)
    assert re.search(r"^held out, step 6 .*, in rows of 48$", shown, re.MULTILINE)


@pytest.mark.parametrize("step", [2, 4], ids=["first stage", "second stage"])
def test_a_run_killed_in_any_stage_goes_on_to_the_same_bits(
    finished, experiment, store, tmp_path, monkeypatch, step
):
    whole, _ = finished
    run_dir = shutil.copytree(whole, tmp_path / "run")
    for later in range(step + 2, 7, 2):
        shutil.rmtree(run_dir / "checkpoints" / str(later))
    monkeypatch.setattr(RunResults, "finish", lambda *_: None)
    shown = io.StringIO()
    pretrain(experiment, run_dir, data=store, terminal=Terminal(shown))
    assert f"going on from step {step}, 6 steps: 3 of 16 x 32" in shown.getvalue()
    assert ("after step 3: 8 x 48" in shown.getvalue()) == (step < 3)
    assert record(run_dir) == record(whole)
    assert parameters_sha256(load(run_dir).params) == parameters_sha256(load(whole).params)


def test_a_batch_of_a_later_stage_is_shown_as_it_was(experiment, store):
    built = load_experiment(experiment, [f"DataConfig.store={str(store)!r}"])
    first, later = (list(batch_rows(built, step)) for step in (3, 4))
    assert [row["example"] for row in first] == list(range(32, 48))
    assert [row["example"] for row in later] == list(range(8))
    assert max(len(row["tokens"]) for row in first) == 32
    assert 32 < max(len(row["tokens"]) for row in later) <= 48


def test_a_batch_of_a_later_stage_that_the_devices_cannot_divide_is_refused_at_the_start(
    experiment, store, tmp_path
):
    bindings = ["LengthSchedule.batch_size=(12,)"]
    said = "LengthSchedule.batch_size, after step 3, is 12; it must be a multiple of 8"
    with pytest.raises(UserError, match=said):
        pretrain(experiment, tmp_path / "run", data=store, bindings=bindings)
    assert not (tmp_path / "run").exists()
