"""`bert-jax benchmark`: its rows as a table or as objects with the machine they came from."""

import importlib.util
import json

import pytest

from bert_jax import cli
from bert_jax.benchmarks import batches, loop, plan

ROWS = [
    {"name": "ours", "peer": None, "value": 5_123_456.0, "unit": "tokens/s", "ratio": None},
    {"name": "ours", "peer": "theirs", "value": 1.5, "unit": "s", "ratio": 4.256},
]


@pytest.fixture
def asked(monkeypatch):
    """Stands for the measurements; holds the data that they were asked to read."""
    asked = []

    def measure(data):
        asked.append(data)
        return ROWS

    def measure_plan(data, sentences):
        asked.append((data, sentences))
        return ROWS

    monkeypatch.setattr(plan, "run", measure_plan)
    monkeypatch.setattr(batches, "run", measure)
    monkeypatch.setattr(loop, "run", measure)
    return asked


@pytest.mark.parametrize("name", ["batches", "loop"])
def test_a_store_may_be_given(asked, name, capsys):
    assert cli.main(["benchmark", name]) == 0
    assert cli.main(["benchmark", name, "--data", "store"]) == 0
    assert asked == [None, "store"]
    assert capsys.readouterr().out


def test_a_plan_is_of_a_store_or_of_a_made_up_one_of_any_size(asked, capsys):
    assert cli.main(["benchmark", "plan"]) == 0
    assert cli.main(["benchmark", "plan", "--sentences", "5_000", "--json"]) == 0
    assert cli.main(["benchmark", "plan", "--data", "store"]) == 0
    assert asked == [(None, 10_000_000), (None, 5000), ("store", 10_000_000)]
    assert capsys.readouterr().out


def test_a_table_has_the_machine_above_it(asked, capsys):
    assert cli.main(["benchmark", "batches"]) == 0
    machine, *rows = capsys.readouterr().out.splitlines()
    assert " cores of " in machine
    assert "jax 0." in machine
    assert rows[0].split() == ["ours", "5.12M", "tokens/s"]
    assert rows[1].endswith("1.50 s  vs theirs: 4.26x")


def test_each_object_has_the_machine_and_the_versions(asked, capsys):
    assert cli.main(["benchmark", "batches", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [{k: v for k, v in row.items() if k != "machine"} for row in found] == ROWS
    for row in found:
        assert row["machine"].keys() == {"cores", "processor", "python", "versions"}
        assert row["machine"]["cores"] >= 1
        assert row["machine"]["versions"].keys() >= {"bert-jax", "jax", "numpy"}


def test_a_size_without_a_second_document_is_refused(asked, capsys):
    assert cli.main(["benchmark", "plan", "--sentences", "1"]) == 2
    assert capsys.readouterr().err == (
        "error: --sentences 1 is too few to measure; 1,000 or more are needed\n"
    )


def test_a_store_that_is_not_there_is_one_line(capsys):
    assert cli.main(["benchmark", "batches", "--data", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("error: nowhere: no such token store")


def test_without_the_peers_the_comparison_says_what_to_install(monkeypatch, capsys):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "torch" else find_spec(name, *rest),
    )
    assert cli.main(["benchmark", "train-step"]) == 2
    error = capsys.readouterr().err
    assert "torch" in error
    assert "install bert-jax[peers]" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("batches --google_bert bert", "benchmark batches is not compared with it"),
        ("data --data store --google_bert bert", "--google_bert needs --text INPUT"),
        ("data --data store --megabytes 3", "--megabytes says how --google_bert is run"),
        ("data --data store --google_bert_python p", "--google_bert_python says how"),
    ],
)
def test_flags_of_the_comparison_with_the_original_go_together(arguments, message, capsys):
    assert cli.main(["benchmark", *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_what_data_is_not_compared_with_is_said(asked, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["benchmark", "data", "--data", "store", "--json"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == len(ROWS)
    assert shown.err.splitlines() == [
        "no --google_bert: nothing is compared with the original's script",
        "no PyTorch here: nothing is compared with its collator",
    ]
