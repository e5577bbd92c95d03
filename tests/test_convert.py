"""`bert-jax convert`: what it prints, writes and refuses."""

import json
import shutil

import numpy as np
import pytest
from converted import change_config, change_tensors, small_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bert_jax.cli import main
from bert_jax.commands import convert_arguments
from bert_jax.convert import write
from bert_jax.convert.stablehlo import Compared
from bert_jax.head_config import TASKS, HeadConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained model with its tokeniser; to read only."""
    path = tmp_path_factory.mktemp("hf") / "m"
    small_folder(path, tokenizer=True)
    return path


@pytest.fixture(autouse=True)
def without_transformers(monkeypatch):
    """What is compared with transformers is in tests/peers."""
    monkeypatch.setattr("bert_jax.convert.self_check.transformers_is_there", lambda: False)


def refused(capsys, *argv):
    assert main(["convert", *map(str, argv)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [line] = captured.err.splitlines()
    return line.removeprefix("error: ")


def test_a_folder_becomes_a_run_and_a_run_a_folder_and_all_is_said(
    folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["convert", str(folder), str(tmp_path / "run")]) == 0
    first = capsys.readouterr().out
    assert (tmp_path / "run" / "checkpoints" / "0").is_dir()
    assert main(["convert", str(tmp_path / "run"), str(tmp_path / "back")]) == 0
    second = capsys.readouterr().out
    for name in ("model.safetensors", "config.json", "vocab.txt", "tokenizer.json"):
        assert (tmp_path / "back" / name).read_bytes() == (folder / name).read_bytes()
    assert "Hugging Face's layout" in first
    assert "a run of bert-jax, step 0" in second
    for shown in (first, second):
        assert "head: masked LM and NSP" in shown
        assert "weights equal, to the bit" in shown
        assert "transformers and PyTorch are not installed" in " ".join(shown.split())
        paths = [line for line in shown.splitlines() if str(tmp_path.parent) not in line]
        assert max(map(len, paths)) <= 80


def test_programs_are_told_the_same_as_one_object(folder, tmp_path, capsys):
    assert main(["convert", str(folder), str(tmp_path / "m"), "--to", "hf", "--json"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["kind"], found["to"], found["head"]) == ("hugging_face", "hf", "pretraining")
    assert found["largest_weight_difference"] == 0
    assert found["largest_output_difference"] is None
    assert found["files"]["model.safetensors"] > 0
    assert sum(np.prod(x) for x in ([130, 16], [32, 16], [2, 16])) < found["parameters"] < 10_000


def test_a_type_of_half_the_width_is_checked_to_its_rounding(folder, tmp_path, capsys):
    command = ["convert", str(folder), str(tmp_path / "m"), "--to", "hf", "--dtype", "bfloat16"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["largest_weight_difference"] <= 2**-8


def test_a_run_that_was_trained_gets_a_card_of_what_is_known(tiny_run, tmp_path, capsys):
    command = ["convert", str(tiny_run.run_dir), str(tmp_path / "m"), "--license", "mit"]
    assert main(command) == 0
    assert "a run of bert-jax, step 4" in capsys.readouterr().out
    card = (tmp_path / "m" / "README.md").read_text()
    assert "license: mit" in card
    assert "language: en" in card
    assert "| steps | 4 |" in card
    assert "masked LM accuracy" in card
    assert "text.txt" in card
    assert str(tiny_run.store.parent) not in card


def test_results_of_another_checkpoint_are_not_on_the_card(tiny_run, tmp_path):
    assert main(["convert", str(tiny_run.run_dir), str(tmp_path / "m"), "--step", "2"]) == 0
    card = (tmp_path / "m" / "README.md").read_text()
    assert "for 2 steps" in card
    assert "accuracy" not in card


def test_what_is_left_out_is_said(folder, tmp_path, capsys):
    command = ["convert", str(folder), str(tmp_path / "m"), "--head", "encoder", "--drop", "cls.*"]
    assert main([*command, "--to", "hf", "--weights_only"]) == 0
    shown = capsys.readouterr().out
    assert "note     7 dropped as asked for: cls." in shown
    assert "head: an encoder without a head" in shown
    assert {p.name for p in (tmp_path / "m").iterdir()} == {"config.json", "model.safetensors"}


def test_an_activation_that_no_class_of_transformers_has_is_refused(tmp_path, capsys):
    small_folder(tmp_path / "m", position_offset=2, type_vocab_size=1, pair_task="none")
    command = ["convert", str(tmp_path / "m"), str(tmp_path / "run"), "--weights_only"]
    assert main([*command, "--hidden_act", "relu"]) == 2
    assert "--hidden_act relu: the masked LM head" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_an_activation_can_be_corrected(folder, tmp_path, capsys):
    command = ["convert", str(folder), str(tmp_path / "m"), "--hidden_act", "gelu_new"]
    assert main([*command, "--to", "hf"]) == 0
    assert json.loads((tmp_path / "m" / "config.json").read_text())["hidden_act"] == "gelu_new"
    assert json.loads((folder / "config.json").read_text())["hidden_act"] == "gelu"
    capsys.readouterr()


def test_mistakes_are_one_line_and_write_nothing(folder, tmp_path, capsys):
    dest = tmp_path / "new"
    for argv, said in (
        ((tmp_path / "nowhere", dest), "there is no such folder"),
        ((folder, folder), "is there and not empty"),
        ((folder, dest, "--to", "onnx"), "there is no layout 'onnx'"),
        ((folder, dest, "--head", "squad"), "there is no head 'squad'"),
        ((folder, dest, "--dtype", "int8"), "there is no type 'int8'"),
        ((folder, dest, "--dtype", "float16"), "with --to run weights are float32"),
        ((folder, dest, "--license", "mit"), "for the model card of --to hf"),
        ((folder, dest, "--to", "hf", "--license", "a b\n"), "is no code"),
        ((folder, dest, "--head", "encoder"), "unexpected: cls."),
        ((folder, dest, "--step", "3"), "it is no run"),
        ((folder,), "missing: DEST"),
    ):
        assert said in refused(capsys, *argv)
    assert list(tmp_path.iterdir()) == []


WRONG = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        3,
        2**31,
        2**63,
        10**400,
        0.5,
        float("nan"),
        "16",
        "",
        [],
        [16],
        {},
        {"a": 1},
    ]
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_config_claims_is_a_model_or_one_line_with_nothing_written(
    data, folder, tmp_path, capsys
):
    source, dest = tmp_path / "source", tmp_path / "dest"
    if not source.is_dir():
        shutil.copytree(folder, source)
    values = json.loads((folder / "config.json").read_text())
    fields = data.draw(st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3))
    values |= {field: data.draw(WRONG) for field in fields}
    (source / "config.json").write_text(json.dumps(values))
    status = main(["convert", str(source), str(dest), "--to", "hf"])
    captured = capsys.readouterr()
    if status:
        assert status == 2
        assert captured.err.startswith("error: ")
        assert len(captured.err.splitlines()) == 1
        assert not dest.exists()
    shutil.rmtree(dest, ignore_errors=True)
    assert {path.name for path in tmp_path.iterdir()} == {"source"}


@pytest.mark.parametrize("place", ["../secret.safetensors", "/etc/passwd", "a\0b", "x/../../y"])
def test_an_index_that_leads_out_of_the_folder_is_refused(place, folder, tmp_path, capsys):
    shutil.copytree(folder, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").rename(tmp_path / "secret.safetensors")
    index = {"weight_map": {"cls.predictions.bias": place}}
    (tmp_path / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "model.safetensors.index.json" in refused(capsys, tmp_path / "m", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_conversion_whose_check_fails_leaves_nothing(folder, tmp_path, capsys, monkeypatch):
    def wrong(config, head, params):
        tensors = right(config, head, params)
        tensors["cls.seq_relationship.bias"] = tensors["cls.seq_relationship.bias"] + 1
        return tensors

    right = write.hugging_face_tensors
    monkeypatch.setattr(write, "hugging_face_tensors", wrong)
    assert "cls/seq_relationship/bias is not what was read: it differs by up to 1" in refused(
        capsys, folder, tmp_path / "m", "--to", "hf"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_tokeniser_goes_into_a_run_and_out_again(tmp_path, capsys):
    small_folder(tmp_path / "m", HeadConfig(task="question_answering"))
    assert main(["convert", str(tmp_path / "m"), str(tmp_path / "run")]) == 0
    assert "no tokeniser" in capsys.readouterr().out
    assert main(["convert", str(tmp_path / "run"), str(tmp_path / "back")]) == 0
    one, other = (tmp_path / name / "model.safetensors" for name in ("m", "back"))
    assert one.read_bytes() == other.read_bytes()


def test_a_vocabulary_with_spare_rows_keeps_them(tmp_path, capsys):
    small_folder(tmp_path / "m", tokenizer=True)

    def longer(tensors):
        name = "bert.embeddings.word_embeddings.weight"
        bias = tensors["cls.predictions.bias"]
        return tensors | {
            name: np.pad(tensors[name], [(0, 6), (0, 0)], constant_values=0.5),
            "cls.predictions.bias": np.pad(bias, (0, 6), constant_values=0.5),
        }

    change_tensors(tmp_path / "m", longer)
    change_config(tmp_path / "m", vocab_size=136)
    assert main(["convert", str(tmp_path / "m"), str(tmp_path / "run")]) == 0
    assert main(["convert", str(tmp_path / "run"), str(tmp_path / "back")]) == 0
    one, other = (tmp_path / name / "model.safetensors" for name in ("m", "back"))
    assert one.read_bytes() == other.read_bytes()
    capsys.readouterr()


def test_a_model_becomes_a_program_with_its_tokeniser(folder, tmp_path, capsys, monkeypatch):
    """What the program computes is in test_convert_stablehlo.py."""

    def program(config, head, params, folder, sentences):
        (folder / "model.stablehlo").write_bytes(b"program")
        return Compared(1e-7, ((1, 7),), signature)

    shapes = {"input_ids": "int32[batch,length]", "attention_mask": "int32[batch,length]"}
    signature = {"inputs": shapes, "outputs": {"logits": "float32[batch,3]"}, "platforms": ["cpu"]}
    monkeypatch.setattr(write, "write_stablehlo", program)
    assert main(["convert", str(folder), str(tmp_path / "shown"), "--to", "stablehlo"]) == 0
    out = capsys.readouterr().out
    assert "         outputs  logits: float32[batch,3]\n         runs on  cpu\n" in out
    command = ["convert", str(folder), str(tmp_path / "m"), "--to", "stablehlo", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["files"]) > {"model.stablehlo", "vocab.txt", "tokenizer.json"}
    assert found["largest_output_difference"] == 1e-7
    assert found["compared_with"] == "the program read again"
    assert found["program"] == signature


def test_the_heads_and_types_of_the_help_are_those_there_are():
    assert tuple(TASKS) == convert_arguments.HEADS
    assert tuple(write.DTYPES) == convert_arguments.DTYPES
