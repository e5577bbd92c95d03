"""A run over several stores: its files, its second start, and what is shown of it."""

import io
import json
import shutil
from typing import Any

import pytest
from small_runs import EXPERIMENT, compiled_once, make_two_stores

from bert_jax import cli
from bert_jax.errors import UserError
from bert_jax.metrics import is_evaluation, read_metrics
from bert_jax.recipes.pretrain import pretrain
from bert_jax.recipes.run_folder import read_json
from bert_jax.terminal import Terminal

pytestmark = pytest.mark.heavy

SHARES = ["DataConfig.weights=(3, 1)"]


@pytest.fixture(scope="module", autouse=True)
def one_program():
    with compiled_once():
        yield


@pytest.fixture(scope="module")
def mixture(tmp_path_factory) -> Any:
    """The experiment, both stores, the folder of a finished run and what its terminal showed."""
    folder = tmp_path_factory.mktemp("mixture")
    experiment = folder / "small.gin"
    experiment.write_text(EXPERIMENT, encoding="utf-8")
    stores = make_two_stores(folder)
    shown = io.StringIO()
    terminal = Terminal(shown, width=80)
    pretrain(str(experiment), folder / "run", data=stores, weights=(3, 1), terminal=terminal)
    return experiment, stores, folder / "run", shown.getvalue()


def test_evaluations_have_a_joint_result_and_one_of_each_store(mixture):
    _, _, run_dir, _ = mixture
    evaluations = [line for line in read_metrics(run_dir) if is_evaluation(line)]
    assert [line["step"] for line in evaluations] == [2, 4]
    tasks = ("mlm_loss", "mlm_accuracy", "nsp_loss", "nsp_accuracy")
    for line in evaluations:
        assert line.keys() == {
            *("step", "eval_loss"),
            *(f"eval_{task}" for task in tasks),
            *(f"eval_{store}_{task}" for store in ("en", "sw") for task in tasks),
        }
    evaluation = read_json(run_dir / "evaluation.json")
    stores = evaluation["stores"]
    assert [stores[name]["share"] for name in ("en", "sw")] == [0.75, 0.25]
    assert [stores[name]["nsp"]["examples"] for name in ("en", "sw")] == [9, 3]
    # The joint loss is that of all masked tokens of all stores.
    predictions = [stores[name]["mlm"]["predictions"] for name in ("en", "sw")]
    losses = [stores[name]["mlm"]["loss"] for name in ("en", "sw")]
    assert evaluation["mlm"]["predictions"] == sum(predictions)
    assert evaluation["mlm"]["loss"] == pytest.approx(
        sum(n * loss for n, loss in zip(predictions, losses, strict=True)) / sum(predictions),
        rel=1e-6,
    )
    # 4 steps of 8 rows, a quarter of them from the smaller store.
    assert stores["sw"]["epochs"] > 0


def test_the_run_says_and_keeps_which_stores_it_reads(mixture):
    _, stores, run_dir, shown = mixture
    assert "a mixture of 2 stores" in shown
    # A table at each of two evaluations, the second one after the run's results.
    assert shown.count("  store ") == 2
    assert "held-out MLM loss" in shown[: shown.rindex("  store ")]
    assert "(en 0." in shown
    assert " epochs, sw 0." in shown
    assert f"DataConfig.stores = {tuple(map(str, stores))!r}" in (
        run_dir / "operative.gin"
    ).read_text(encoding="utf-8")
    data = read_json(run_dir / "provenance.json")["data"]
    assert [(one["name"], one["path"]) for one in data["stores"]] == [
        ("en", str(stores[0])),
        ("sw", str(stores[1])),
    ]
    predictions = read_json(run_dir / "predictions.json")
    assert [prediction["store"] for prediction in predictions] == ["en", "en", "sw", "sw"]
    report = (run_dir / "report.html").read_text(encoding="utf-8")
    assert "<h3>By store</h3>" in report
    assert "Held-out MLM loss by store" in report
    assert (run_dir / "plots" / "mlm_loss_by_store.png").exists()
    assert report.count("<td>sw</td>") >= 4


def test_a_killed_run_goes_on_to_the_same_weights_also_from_stores_that_moved(
    mixture, tmp_path, capsys
):
    experiment, stores, whole, _ = mixture
    run_dir = shutil.copytree(whole, tmp_path / "run")
    shutil.rmtree(run_dir / "checkpoints" / "4")
    moved = [shutil.copytree(store, tmp_path / f"now-{store.name}") for store in stores]
    # Other weights of the same shares.
    bindings = ["DataConfig.weights=(0.75, 0.25)"]
    assert pretrain(str(experiment), run_dir, data=moved, bindings=bindings).step == 4
    facts = []
    for run in (whole, run_dir):
        assert cli.main(["inspect", str(run), "--json"]) == 0
        facts.append(json.loads(capsys.readouterr().out))
    assert facts[0]["parameters_sha256"] == facts[1]["parameters_sha256"]
    assert facts[0]["evaluation"] == facts[1]["evaluation"]


def test_a_run_does_not_go_on_with_other_shares_or_stores(mixture):
    experiment, stores, run_dir, _ = mixture
    for bindings, data in (
        (["DataConfig.weights=(1, 1)"], stores),
        (SHARES, stores[::-1]),
        ([], stores[0]),
    ):
        with pytest.raises(UserError, match=r"holds another run: the data were a mixture of 75 %"):
            pretrain(str(experiment), run_dir, data=data, bindings=bindings)


def test_inspect_shows_every_store(mixture, capsys):
    _, stores, run_dir, _ = mixture
    assert cli.main(["inspect", str(run_dir)]) == 0
    # Lines are wrapped, and so may a path be.
    shown = "".join(capsys.readouterr().out.split())
    assert f"75.0%en:{stores[0]}" in shown
    assert "bystore" in shown


def test_show_batch_says_which_store_each_row_comes_from(mixture, capsys):
    experiment, stores, _, _ = mixture
    data = [flag for store in stores for flag in ("--data", str(store))]
    command = ["show-batch", str(experiment), *data, "--gin.DataConfig.weights=3,1", "--step", "2"]
    assert cli.main([*command, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["row"] for row in rows] == list(range(8))
    for row in rows:
        assert row["store"] in ("en", "sw")
        assert all(
            document["name"].endswith(f"{row['store']}.txt") for document in row["documents"]
        )
    assert {row["store"] for row in rows} == {"en", "sw"}
    assert cli.main([*command, "--rows", "1"]) == 0
    assert capsys.readouterr().out.startswith(f"row 0 of {rows[0]['store']}: example ")
