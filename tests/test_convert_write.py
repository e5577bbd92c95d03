"""What is written: the files, their contents, and nothing at all where something is wrong."""

import json
import os

import jax
import numpy as np
import pytest
from converted import small_model
from test_task_heads import HEADS

from bert_jax.convert.layout import flatten, meant_shapes
from bert_jax.convert.open_model import open_model
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.write import write_hugging_face, write_run
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig


def assert_same(model, one, other):
    one, other = flatten(one), flatten(other)
    for path, shape in meant_shapes(model.config, model.head).items():
        np.testing.assert_array_equal(one[path][: shape[0]], other[path][: shape[0]])


@pytest.mark.parametrize("head", [HeadConfig(), *HEADS.values()], ids=lambda head: head.task)
def test_what_is_written_opens_as_the_same_model(head, tmp_path):
    model, params = small_model(head, tokenizer=True)
    written = write_hugging_face(model, params, tmp_path / "m")
    assert set(written.files) == {
        *("README.md", "config.json", "model.safetensors"),
        *("tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    }
    assert written.files["config.json"] == (tmp_path / "m" / "config.json").stat().st_size
    again = open_model(tmp_path / "m")
    assert (again.config, again.head) == (model.config, model.head)
    assert again.tokenizer.fingerprint == model.tokenizer.fingerprint
    assert_same(model, params, again.weights.read())


def test_a_tied_table_is_there_once_and_an_encoder_has_no_prefix(tmp_path):
    model, params = small_model()
    write_hugging_face(model, params, tmp_path / "m")
    names = set(open_tensors(tmp_path / "m").tensors())
    assert "bert.embeddings.word_embeddings.weight" in names
    assert not {name for name in names if "decoder" in name}
    model, params = small_model(HeadConfig(task="encoder"))
    write_hugging_face(model, params, tmp_path / "encoder")
    names = set(open_tensors(tmp_path / "encoder").tensors())
    assert {name.partition(".")[0] for name in names} == {"embeddings", "encoder", "pooler"}


def test_sentence_order_stays_what_the_pairs_mean(tmp_path):
    model, params = small_model(pair_task="sentence_order")
    write_hugging_face(model, params, tmp_path / "m")
    assert open_model(tmp_path / "m").config == model.config


def test_a_run_that_is_written_opens_as_the_same_model(tmp_path):
    head = HeadConfig(task="token_classification", labels=("O", "B"), classifier_dropout=0.2)
    model, params = small_model(head, tokenizer=True)
    written = write_run(model, params, tmp_path / "deep" / "run")
    assert "checkpoints/0/" in written.files
    again = open_model(tmp_path / "deep" / "run")
    assert (again.kind, again.step) == ("run", 0)
    assert (again.config, again.head) == (model.config, model.head)
    assert again.tokenizer.fingerprint == model.tokenizer.fingerprint
    for one, other in zip(
        jax.tree.leaves(params), jax.tree.leaves(again.weights.read()), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_run_whose_training_diverged_is_named_with_its_step(tmp_path):
    model, params = small_model()
    params["cls"]["seq_relationship"]["bias"] = np.array([np.nan, 0], np.float32)
    write_run(model, params, tmp_path / "run")
    with pytest.raises(
        UserError, match=r"run, step 0: 1 value is NaN .* cls/seq_relationship/bias"
    ):
        open_model(tmp_path / "run").weights.read()


def test_weights_only_leaves_out_tokeniser_and_card(tmp_path):
    model, params = small_model(tokenizer=True)
    written = write_hugging_face(model, params, tmp_path / "m", weights_only=True)
    assert set(written.files) == {"config.json", "model.safetensors"}
    write_run(model, params, tmp_path / "run", weights_only=True)
    assert open_model(tmp_path / "run").tokenizer is None


@pytest.mark.parametrize(("said", "written"), [(512, 30), (16, 16)])
def test_a_tokeniser_says_no_longer_input_than_the_model_reads(said, written, tmp_path):
    model, params = small_model(
        tokenizer=True, position_offset=2, type_vocab_size=1, pair_task="none"
    )
    model = model._replace(tokenizer=model.tokenizer.with_max_length(said))
    write_hugging_face(model, params, tmp_path / "m")
    config = json.loads((tmp_path / "m" / "tokenizer_config.json").read_text())
    assert config["model_max_length"] == written
    assert model.tokenizer.model_max_length == said


@pytest.mark.parametrize(("dtype", "bits"), [("bfloat16", 8), ("float16", 11)])
def test_half_precision_rounds_each_weight_to_the_nearest(dtype, bits, tmp_path):
    model, params = small_model()
    params = jax.tree.map(lambda x: np.where(np.abs(x) < 1e-3, 1e-3, x).astype(np.float32), params)
    write_hugging_face(model, params, tmp_path / "m", dtype)
    assert json.loads((tmp_path / "m" / "config.json").read_text())["dtype"] == dtype
    read = flatten(open_model(tmp_path / "m").weights.read())
    before = flatten(params)
    for path, shape in meant_shapes(model.config, model.head).items():
        one, other = before[path][: shape[0]], read[path][: shape[0]]
        assert (np.abs(one - other) <= 2.0**-bits * np.abs(one)).all()
        assert not np.array_equal(one, other)


def test_a_weight_that_a_type_cannot_hold_is_named_and_nothing_is_written(tmp_path):
    model, params = small_model()
    params["cls"]["predictions"]["bias"][3] = 1e5
    with pytest.raises(UserError, match=r"cls\.predictions\.bias has weights up to 1e\+05"):
        write_hugging_face(model, params, tmp_path / "m", "float16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_hugging_face, write_run])
def test_what_is_there_is_never_written_over(write, tmp_path):
    model, params = small_model()
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name, said in (
        ("m", "is there and not empty"),
        ("file", "is there and no folder"),
        ("file/m", "file is a file, and must be a folder"),
    ):
        with pytest.raises(UserError, match=said):
            write(model, params, tmp_path / name)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "m", "mine.txt"]


@pytest.mark.parametrize("write", [write_hugging_face, write_run])
@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError, OSError])
def test_where_anything_goes_wrong_nothing_is_left(write, error, tmp_path):
    model, params = small_model(tokenizer=True)

    def fail(folder):
        assert any(folder.iterdir())
        raise error("no")

    with pytest.raises(error):
        write(model, params, tmp_path / "a" / "b", check=fail)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_has_the_permissions_of_any_new_one(tmp_path):
    model, params = small_model()
    (tmp_path / "m").mkdir()
    write_hugging_face(model, params, tmp_path / "m")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o777 & ~mask
    assert (tmp_path / "m" / "model.safetensors").stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_no_class_of_transformers_is_is_refused_with_why(tmp_path):
    for fields, said in (
        ({"position_offset": 2, "type_vocab_size": 1}, "no roberta with a head for pairs"),
        ({"type_vocab_size": 0, "position_offset": 2}, "no family has a position_offset"),
        ({"pooler_act": "relu"}, "pools with tanh, not relu"),
    ):
        model, params = small_model(**fields)
        with pytest.raises(UserError, match=said):
            write_hugging_face(model, params, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
