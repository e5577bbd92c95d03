"""What evaluations and the end of a run leave in its folder."""

import io
from types import SimpleNamespace

import pytest

from bert_jax.metrics import MetricsWriter, read_metrics
from bert_jax.recipes import held_out
from bert_jax.recipes.run_folder import read_json
from bert_jax.recipes.run_results import RunResults
from bert_jax.terminal import Terminal

METRICS = {"eval_loss": 5.0, "eval_mlm_loss": 5.0, "eval_mlm_accuracy": 0.25}
FLOOR = {"mlm": {"unigram_entropy": 6.0, "commonest_accuracy": 0.1}}


def results(run_dir, monkeypatch, *, borders=(), is_main=True):
    """Of a run of six steps, and what it says."""
    monkeypatch.setattr(held_out, "evaluate", lambda *_: METRICS)
    data = SimpleNamespace(
        stage=lambda step: SimpleNamespace(objective=SimpleNamespace(max_length=32)),
        part=lambda step: SimpleNamespace(held_out=None),
        number=lambda step: 0,
        epochs=lambda step: [0.5],
        borders=borders,
    )
    shown = io.StringIO()
    terminal = Terminal(shown, width=80) if is_main else Terminal.silent()
    state = SimpleNamespace(params=None)
    made = RunResults(
        run_dir, None, data, [FLOOR], {}, num_steps=6, terminal=terminal, is_main=is_main
    )
    return made, state, shown


def test_an_evaluation_is_a_line_and_a_file_beside_its_baselines(tmp_path, monkeypatch):
    made, state, shown = results(tmp_path, monkeypatch)
    with MetricsWriter(tmp_path) as writer:
        made.evaluate(writer, 3, state)
        # Made up for after a kill: the line is there already.
        made.evaluate(writer, 3, state)
    assert made.evaluated_step == 3
    assert read_metrics(tmp_path) == [{"step": 3, **METRICS}]
    found = read_json(tmp_path / "evaluation.json")
    assert (found["step"], found["max_length"]) == (3, 32)
    assert found["mlm"] == {"loss": 5.0, "accuracy": 0.25, **FLOOR["mlm"]}
    assert "to beat" in shown.getvalue()


@pytest.mark.parametrize("borders", [(), (3,)])
def test_a_line_says_its_length_where_a_schedule_changes_it(tmp_path, monkeypatch, borders):
    made, state, _ = results(tmp_path, monkeypatch, borders=borders)
    with MetricsWriter(tmp_path) as writer:
        made.evaluate(writer, 3, state)
    (line,) = read_metrics(tmp_path)
    assert ("eval_max_length" in line) == bool(borders)


def test_another_process_than_the_first_writes_nothing(tmp_path, monkeypatch):
    made, state, _ = results(tmp_path, monkeypatch, is_main=False)
    made.evaluate(None, 3, state)
    made.report()
    assert made.evaluated_step == 3
    assert list(tmp_path.iterdir()) == []
