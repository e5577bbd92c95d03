"""`bert-jax predict`: texts from anywhere, answered in their order."""

import io
import json

import pytest
from converted import change_config, small_folder
from inference_models import loaded_model
from small_runs import EXPERIMENT, write_text

from bert_jax import cli
from bert_jax.commands.predict import PORTION
from bert_jax.commands.text_lines import read_texts
from bert_jax.head_config import HeadConfig
from bert_jax.recipes.pretrain import pretrain
from data_pipeline.preparation.prepare import prepare
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.sentencepiece_vocabulary import sentencepiece_from
from data_pipeline.tokenization.tokenizer import load_tokenizer


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("  the [MASK] ran \n\nthe dog [MASK] and [MASK]\n", encoding="utf-8")
    return path


def test_texts_come_from_the_command_line_then_from_a_file(file, monkeypatch):
    assert list(read_texts(["a [MASK]"], str(file))) == [
        ("", "a [MASK]"),
        (f"{file}:1: ", "  the [MASK] ran"),
        (f"{file}:2: ", ""),
        (f"{file}:3: ", "the dog [MASK] and [MASK]"),
    ]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"a\n\nb"))))
    assert list(read_texts([], "-")) == [
        ("standard input:1: ", "a"),
        ("standard input:2: ", ""),
        ("standard input:3: ", "b"),
    ]


def test_each_text_is_a_line_or_an_object_in_order(tiny_run, file, capsys):
    argv = ["predict", str(tiny_run.run_dir), "the cat [MASK]", "--file", str(file), "--top_k", "2"]
    assert cli.main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    starts = ["the cat [MASK]  ->  ", "the [MASK] ran  ->  ", "", "the dog [MASK] and [MASK]  ->  "]
    assert [line[: len(start)] for line, start in zip(lines, starts, strict=True)] == starts
    assert lines[2] == ""
    assert lines[3].count(" | ") == 1

    assert cli.main([*argv, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found.pop(2) is None
    lines.pop(2)
    assert [len(one["masks"]) for one in found] == [1, 1, 2]
    for one, line in zip(found, lines, strict=True):
        assert one["text"] == line.split("  ->  ")[0]
        assert all(f"{candidate['token']} " in line for mask in one["masks"] for candidate in mask)


@pytest.mark.heavy
def test_a_model_of_sentencepieces_is_pretrained_and_fills_masks(tmp_path, capsys):
    text = write_text(tmp_path / "text.txt")
    tokenizer = sentencepiece_from([text], 80, Rules(False), workers=1).tokenizer
    store = prepare([text], tokenizer, tmp_path / "store", eval_share=0.2, workers=1)
    experiment = tmp_path / "small.gin"
    experiment.write_text(EXPERIMENT + "TrainConfig.num_steps = 2\n")
    pretrain(str(experiment), tmp_path / "run", data=store.path)
    assert load_tokenizer(tmp_path / "run" / "tokenizer").fingerprint == tokenizer.fingerprint

    capsys.readouterr()
    argv = ["predict", str(tmp_path / "run"), "the cat [MASK] on [MASK].", "--json"]
    assert cli.main(argv) == 0
    [first, second] = json.loads(capsys.readouterr().out)["masks"]
    assert {c["token"] for c in first + second} <= {*tokenizer.vocab}
    assert cli.main(["inspect", str(tmp_path / "run")]) == 0


def test_a_long_file_is_answered_in_portions(tiny_run, tmp_path, capsys):
    path = tmp_path / "many.txt"
    path.write_text("the [MASK]\n" * (PORTION + 3))
    assert cli.main(["predict", str(tiny_run.run_dir), "--file", str(path), "--top_k=1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == PORTION + 3
    assert len(set(lines)) == 1


def test_what_comes_before_a_bad_line_of_a_file_is_answered_and_the_line_is_named(
    tiny_run, tmp_path, capsys
):
    path = tmp_path / "texts.txt"
    path.write_text("the [MASK]\n\na [MASK]\nno mask\nthe [MASK]\n")
    assert cli.main(["predict", str(tiny_run.run_dir), "--file", str(path)]) == 2
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 3
    assert output.err.startswith(f"error: {path}:4: the text 'no mask' has no [MASK]")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "there is no text: give some after MODEL, or a file with --file"),
        (["[MASK]", "--top_k", "0"], "--top_k: 0 is too few; it must be at least 1"),
        (["[MASK]", "--file", ""], "--file: a path is needed"),
        (["--file", "a", "--file", "b"], "--file: given twice; give it once"),
        (["no mask"], "has no [MASK]; write [MASK]"),
        (["[MASK]", "--file", "nowhere.txt"], "nowhere.txt: cannot be read: No such file"),
        (["[MASK] " + "cat " * 80], "the model has 64 positions"),
    ],
)
def test_a_mistake_is_one_line(tiny_run, capsys, texts, message):
    assert cli.main(["predict", str(tiny_run.run_dir), *texts]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_too_few_texts_for_a_task_are_said_before_the_model_is_looked_for(capsys):
    for argv in (
        ["predict", "nowhere", "a", "--task", "answer"],
        ["embed", "x", "a", "--similarity"],
    ):
        assert cli.main(argv) == 2
        assert "1 text where 2 are needed" in capsys.readouterr().err


def test_a_missing_model_is_one_line(capsys):
    assert cli.main(["predict", "nowhere", "a [MASK]"]) == 2
    assert capsys.readouterr().err == ("error: nowhere is no model: there is no such folder\n")


def test_pairs_are_two_texts_or_a_line_with_a_tab(tiny_run, tmp_path, capsys):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("the cat ran.\tthe dog slept.\n")
    argv = ["predict", str(tiny_run.run_dir), "--task", "next_sentence"]
    assert cli.main([*argv, "a cat", "a dog", "--file", str(pairs), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(f["first"], f["second"]) for f in found] == [
        ("a cat", "a dog"),
        ("the cat ran.", "the dog slept."),
    ]
    assert all(0 < f["probability"] < 1 for f in found)
    assert cli.main([*argv, "a cat", "a dog"]) == 0
    assert capsys.readouterr().out.startswith("a cat | a dog  ->  ")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["a", "b", "c", "--task", "next-sentence"], "3 texts where 2 are needed, one after"),
        (["a", "b", "--task", "next-sentence", "--top_k", "2"], "--top_k is for masks"),
        (["a", "--task", "classify"], "cannot classify texts"),
        (["a", "b", "--task", "sentence-order"], "no SOP head"),
        (
            ["a", "--task", "guess"],
            "there is no task 'guess'; there are fill-mask, next-sentence,",
        ),
    ],
)
def test_a_task_that_cannot_be_is_one_line(tiny_run, capsys, argv, message):
    assert cli.main(["predict", str(tiny_run.run_dir), *argv]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_line_without_its_tab_is_named(tiny_run, tmp_path, capsys):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a\tb\nno tab\n")
    argv = ["predict", str(tiny_run.run_dir), "--task", "next-sentence", "--file", str(pairs)]
    assert cli.main(argv) == 2
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 1
    assert f"error: {pairs}:2: 1 text where 2 are needed, with a tab between" in output.err


def answers(monkeypatch, capsys, head, *argv):
    """Status and output of `predict` with a model that has this head."""
    monkeypatch.setattr("bert_jax.inference.load.load", lambda *_, **__: loaded_model(head))
    status = cli.main(["predict", "model", *map(str, argv)])
    return status, capsys.readouterr()


def test_choices_are_arguments_or_a_line_and_as_many_as_are_there(monkeypatch, capsys, tmp_path):
    head = HeadConfig(task="multiple_choice")
    path = tmp_path / "choices.tsv"
    path.write_text("the cat\tsat\tran\n\nthe dog\tran\n")
    status, found = answers(monkeypatch, capsys, head, "--file", path, "--json")
    assert status == 0
    lines = [json.loads(line) for line in found.out.splitlines()]
    assert [line and line["choices"] for line in lines] == [["sat", "ran"], None, ["ran"]]

    status, found = answers(monkeypatch, capsys, head, "the cat", "sat", "ran", "on", "--json")
    assert (status, json.loads(found.out)["choices"]) == (0, ["sat", "ran", "on"])
    status, found = answers(monkeypatch, capsys, head, "the cat")
    assert (status, found.err) == (
        2,
        "error: 1 text where 2 or more are needed, one after another\n",
    )
    path.write_text("the cat\tsat\nthe dog\n")
    status, found = answers(monkeypatch, capsys, head, "--file", path)
    assert (status, len(found.out.splitlines())) == (2, 1)
    assert found.err == (
        f"error: {path}:2: 1 text where 2 or more are needed, with a tab between them\n"
    )


@pytest.mark.parametrize("texts", [["the cat"], ["the", "cat", "sat"]])
def test_an_answer_needs_a_question_and_a_context(monkeypatch, capsys, texts):
    head = HeadConfig(task="question_answering")
    status, found = answers(monkeypatch, capsys, head, *texts)
    assert (status, found.out) == (2, "")
    assert "where 2 are needed, one after another" in found.err


def test_lines_of_pairs_are_classified_and_one_without_its_tab_is_named(
    monkeypatch, capsys, tmp_path
):
    head = HeadConfig(task="sequence_classification", labels=("yes", "no"))
    path = tmp_path / "pairs.tsv"
    path.write_text("the cat\tsat\nthe dog\tran\nthe mat\n")
    status, found = answers(monkeypatch, capsys, head, "--file", path, "--json")
    assert [json.loads(line)["second"] for line in found.out.splitlines()] == ["sat", "ran"]
    assert (status, found.err.startswith(f"error: {path}:3: 1 text where 2 are needed as")) == (
        2,
        1,
    )


@pytest.mark.parametrize("task", ["sequence_classification", "token_classification"])
def test_a_label_that_a_terminal_would_obey_is_shown_escaped(task, tmp_path, capsys):
    labels = ("good", "\x1b]0;owned\x07\x1b[2J\nfake line")
    small_folder(tmp_path / "m", HeadConfig(task=task, labels=labels), tokenizer=True)
    change_config(tmp_path / "m", id2label={"0": labels[1], "1": labels[1] + "2"})
    argv = ["predict", str(tmp_path / "m"), "w1 w2", "a\u3000\u200db"]
    assert cli.main(argv) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert r"\x1b]0;owned\x07\x1b[2J\nfake line" in lines[0]
    assert lines[0].isprintable()
    assert cli.main([*argv, "--json"]) == 0
    [found, _] = map(json.loads, capsys.readouterr().out.splitlines())
    assert found[{"sequence": "labels", "token": "words"}[task.split("_")[0]]][0]["label"] in (
        labels[1],
        labels[1] + "2",
    )


LONG = "the cat " * 80


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["[MASK] " + LONG], "the model has 64 positions"),
        (["[MASK] " + LONG + "[MASK]", "--truncate"], "1 [MASK] would be cut off"),
        ([LONG, "a dog", "--task", "next-sentence"], "the model has 64 positions"),
        (["[MASK]", "--cased"], "is uncased, as its files say"),
        (["[MASK]", "--cased", "--uncased"], "--uncased: not allowed with argument --cased"),
    ],
)
def test_how_a_text_is_read_that_cannot_be(tiny_run, capsys, argv, message):
    assert cli.main(["predict", str(tiny_run.run_dir), *argv]) == 2
    assert message in capsys.readouterr().err


def test_a_text_that_is_too_long_is_cut_if_it_may_be(tiny_run, capsys):
    for argv in (["[MASK] " + LONG], [LONG, "a dog", "--task", "next-sentence"]):
        assert cli.main(["predict", str(tiny_run.run_dir), *argv, "--truncate", "--uncased"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (HeadConfig(task="token_classification", labels=("a", "b")), "would have no label"),
        (HeadConfig(task="question_answering"), "an answer that is cut off"),
    ],
)
def test_what_needs_the_whole_text_is_not_cut(head, said, tmp_path, capsys):
    small_folder(tmp_path / "m", head, tokenizer=True)
    assert cli.main(["predict", str(tmp_path / "m"), "w1", "w2", "--truncate"]) == 2
    assert said in capsys.readouterr().err


def test_a_bare_vocabulary_is_read_as_it_is_said_to_be(tmp_path, capsys):
    small_folder(tmp_path / "m", tokenizer=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "m" / name).unlink()
    for command in (["embed", "w1"], ["predict", "w1 [MASK]"]):
        argv = [command[0], str(tmp_path / "m"), command[1]]
        assert cli.main(argv) == 2
        assert "say --cased or --uncased" in capsys.readouterr().err
        assert cli.main([*argv, "--uncased"]) == 0
        capsys.readouterr()
