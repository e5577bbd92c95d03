"""What `bert-jax inspect` says of a run and of one of its checkpoints."""

import json
import math
import shutil
from pathlib import Path

import pytest

from bert_jax import cli
from bert_jax.errors import UserError
from bert_jax.inference.load import load
from bert_jax.metrics import is_evaluation, read_metrics
from bert_jax.parameters import count_parameters, parameters_sha256
from bert_jax.recipes.inspect_run import _run_and_step, run_facts, show_run


@pytest.fixture(scope="module")
def facts(tiny_run):
    return run_facts(tiny_run.run_dir)


def test_facts_are_those_of_the_newest_checkpoint(facts, tiny_run):
    model = load(tiny_run.run_dir)
    assert facts["kind"] == "run"
    assert facts["run"] == str(tiny_run.run_dir)
    assert (facts["step"], facts["steps"]) == (4, [2, 4])
    assert facts["parameters"] == count_parameters(model.config)
    assert facts["parameters_sha256"] == parameters_sha256(model.params)
    assert facts["config"]["hidden_size"] == 16


def test_facts_say_what_the_model_and_its_tokeniser_are(facts):
    assert sum(facts["parameters_by_part"].values()) == facts["parameters"]
    assert facts["head"]["task"] == "pretraining"
    assert facts["tokenizer"]["vocab_size"] == facts["config"]["vocab_size"]
    assert facts["checkpoint_bytes"] > 4 * facts["parameters"]
    text = show_run(facts)
    assert "head                masked LM and NSP\n" in text
    assert "[MASK] 4" in text


def test_the_weights_of_a_checkpoint_are_measured_without_the_padding(facts, tiny_run):
    found = run_facts(tiny_run.run_dir / "checkpoints" / "2", weights=True)
    tensors = {tensor["name"]: tensor for tensor in found["tensors"]}
    words = tensors["bert/embeddings/word_embeddings"]
    assert words["shape"] == [facts["config"]["vocab_size"], 16]
    numbers = sum(math.prod(tensor["shape"]) for tensor in tensors.values())
    assert numbers == facts["parameters"]
    layers = [name for name in tensors if name.endswith("/attention/output/kernel")]
    assert layers == ["bert/encoder/layers[0]/attention/output/kernel"]
    assert max(map(len, show_run(found).split("\nname")[1].splitlines())) <= 80


def test_facts_hold_the_last_results_and_where_they_came_from(facts, tiny_run):
    training = [x for x in read_metrics(tiny_run.run_dir) if not is_evaluation(x)]
    assert facts["last_metrics"] == training[-1]
    assert facts["evaluation"]["step"] == 4
    assert facts["provenance"]["data"]["path"] == str(tiny_run.store)
    assert facts["objective"]["max_length"] == 32
    assert facts["init_from"] is None
    assert len(facts["about_losses"]) == 1


def test_a_checkpoint_of_a_run_has_its_own_weights(facts, tiny_run):
    checkpoints = tiny_run.run_dir / "checkpoints"
    newest, older = run_facts(checkpoints), run_facts(checkpoints / "2")
    assert newest == facts
    assert older["step"] == 2
    assert older["run"] == facts["run"]
    assert older["parameters_sha256"] != facts["parameters_sha256"]


def test_a_run_without_results_can_be_inspected(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    for name in ("metrics.jsonl", "evaluation.json", "provenance.json"):
        (run / name).unlink()
    found = run_facts(run)
    assert found["step"] == 4
    assert not {"last_metrics", "evaluation", "provenance"} & found.keys()
    assert "parameters_sha256" in show_run(found)


def test_results_without_pairs_are_shown_without_them(facts):
    evaluation = {name: value for name, value in facts["evaluation"].items() if name != "nsp"}
    assert "NSP accuracy" in show_run(facts, 999)
    shown = show_run({**facts, "evaluation": evaluation}, 999)
    assert "NSP accuracy" not in shown
    assert "MLM loss" in shown


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"step": 4, "mlm": {}, "nsp": {}}'])
def test_a_damaged_evaluation_is_an_error_that_says_what_to_do(tiny_run, tmp_path, damage):
    run = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    (run / "evaluation.json").write_text(damage)
    with pytest.raises(UserError, match=r"evaluation\.json"):
        run_facts(run)


def test_what_is_no_checkpoint_is_an_error(tiny_run, tmp_path):
    checkpoints = tiny_run.run_dir / "checkpoints"
    with pytest.raises(UserError, match="its name must be the number of a step"):
        run_facts(checkpoints / "newest")
    with pytest.raises(UserError, match=r"step 3 .* those of steps 2, 4"):
        run_facts(checkpoints / "3")
    with pytest.raises(UserError, match=r"config\.json cannot be read"):
        run_facts(tmp_path)


def test_the_text_shows_step_weights_results_data_and_versions(facts, tiny_run):
    lines = dict(line.split("  ", 1) for line in show_run(facts, 999).splitlines())
    shown = {name: value.strip() for name, value in lines.items()}
    assert shown["step"] == "4 (checkpoints: 2, 4)"
    assert shown["model"] == "1 layer, 16 wide, 2 heads, vocabulary 80"
    assert shown["parameters_sha256"] == facts["parameters_sha256"]
    assert "(held-out unigram entropy " in shown["held out, step 4"]
    assert shown["data"].startswith(str(tiny_run.store))
    assert shown["devices"] == "cpu: 8 x cpu"
    assert shown["objective"] == (
        "pairs next_sentence, masking piece 15.0 % (80/10/10), at most 4 predictions a row, "
        "rows of 32 tokens"
    )
    assert "init_from" not in shown
    assert shown["losses"].startswith("The MLM loss is still near its start: ")
    assert "jax 0." in shown["versions"]


def test_the_text_is_as_wide_as_the_terminal_and_its_values_stand_below_each_other(facts):
    sentence = "The loss is where it was, and it should have left that long ago. " * 3
    named = {**facts, "run": "runs/a", "about_losses": [sentence, sentence]}
    del named["provenance"]
    lines = show_run(named, 80).splitlines()
    assert 70 < max(map(len, lines)) <= 80
    assert any(line.endswith(facts["parameters_sha256"]) for line in lines)
    first = next(i for i, line in enumerate(lines) if line.startswith("losses "))
    assert {line.index(line.split()[0]) for line in lines[first + 1 : first + 6]} == {20}


def test_the_text_shows_where_first_weights_came_from_and_another_objective(facts):
    source = {"model": "/runs/other", "step": 7, "new_weights": ["bert/pooler"], "new_words": 9}
    objective = facts["objective"] | {"pairs": "none", "static_epochs": 10, "max_sequences": 8}
    shown = show_run({**facts, "init_from": source, "objective": objective}, 999)
    assert (
        "/runs/other, step 7, but for bert/pooler, which began at random, with 9 new words\n"
    ) in shown
    assert "pairs none, " in shown
    assert "at most 8 sequences packed in a row, static over 10 epochs\n" in shown


def test_a_run_of_an_older_version_says_nothing_of_its_curve(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run.run_dir, tmp_path / "run")
    provenance = json.loads((run / "provenance.json").read_text())
    del provenance["loss_levels"]
    (run / "provenance.json").write_text(json.dumps(provenance))
    found = run_facts(run)
    assert found["about_losses"] == []
    assert "losses" not in show_run(found)


def test_the_command_prints_the_text_or_one_object(facts, tiny_run, capsys):
    assert cli.main(["inspect", str(tiny_run.run_dir)]) == 0
    assert capsys.readouterr().out == show_run(facts)
    assert cli.main(["inspect", str(tiny_run.run_dir), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == facts


@pytest.mark.parametrize(
    ("folder", "given", "shown"),
    [
        ("..", "NAME", "NAME"),
        ("..", "NAME/checkpoints/2", "NAME"),
        (".", ".", "."),
        (".", "checkpoints", "."),
        (".", "checkpoints/2", "."),
        ("checkpoints", "2", "RUN"),
        ("checkpoints", ".", "RUN"),
    ],
)
def test_a_run_is_named_as_it_was_given(tiny_run, monkeypatch, folder, given, shown):
    run = tiny_run.run_dir
    monkeypatch.chdir(run / folder)
    found, _ = _run_and_step(Path(given.replace("NAME", run.name)))
    assert str(found) == shown.replace("NAME", run.name).replace("RUN", str(run))
