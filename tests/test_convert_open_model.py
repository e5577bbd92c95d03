"""From what a user calls a MODEL to a model: each kind, each way it can be wrong."""

import json

import jax
import numpy as np
import pytest
from converted import change_config, change_tensors, small_folder, small_tokenizer

from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from data_pipeline.errors import DataError

CLASSIFIER = HeadConfig(task="sequence_classification", labels=("no", "yes"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pretrained model; to read only."""
    path = tmp_path_factory.mktemp("hf") / "m"
    small_folder(path)
    return path


@pytest.fixture
def model(folder, tmp_path):
    """A copy of it that a test may damage."""
    path = tmp_path / "m"
    path.mkdir()
    for file in folder.iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    return path


def refused(path, **given):
    with pytest.raises((UserError, DataError)) as caught:
        open_model(path, **given).weights.read()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_run_and_a_checkpoint_of_it_open_by_their_folders(tiny_run):
    newest = open_model(tiny_run.run_dir)
    assert (newest.kind, newest.step) == ("run", 4)
    for given in (
        {"source": tiny_run.run_dir / "checkpoints" / "2"},
        {"source": tiny_run.run_dir, "step": 2},
    ):
        assert open_model(**given).step == 2


def test_a_compiled_program_is_no_model_and_is_said_to_be_one(tmp_path):
    (tmp_path / "model.stablehlo").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    message = refused(tmp_path)
    assert "is a compiled program (bert-jax convert --to stablehlo)" in message
    assert "read_stablehlo" in message


def test_a_folder_of_hugging_face_says_its_head_by_its_weights(model):
    found = open_model(model)
    assert (found.kind, found.head, found.config.pair_task) == (
        "hugging_face",
        HeadConfig(),
        "next_sentence",
    )
    change_config(model, architectures=["BertModel"])
    assert open_model(model).head == HeadConfig()


def test_missing_weights_are_listed_and_stop_unless_they_are_named_as_new(model):
    def without_bias(tensors):
        del tensors["cls.seq_relationship.bias"], tensors["bert.pooler.dense.bias"]
        return tensors

    change_tensors(model, without_bias)
    said = refused(model)
    assert "2 missing: " in said
    assert "cls.seq_relationship.bias" in said
    assert "bert.pooler.dense.bias" in said
    assert "--new NAME" in said
    assert "1 missing" in refused(model, new=["bert.pooler.*"])
    opened = open_model(model, new=["bert.pooler.*", "cls.seq_relationship.bias"])
    [note] = opened.weights.notes
    assert note.startswith("2 start at random as asked for: ")
    assert "bert.pooler.dense.bias" in note
    one, other = opened.weights.read(), opened.weights.read()
    assert not one["bert"]["pooler"]["bias"].any()
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_unexpected_weights_are_listed_and_stop_unless_they_are_named_to_drop(model):
    change_tensors(model, lambda tensors: tensors | {"extra.weight": np.ones(3, np.float32)})
    assert "1 unexpected: extra.weight" in refused(model)
    opened = open_model(model, drop=["extra.*"])
    assert opened.weights.notes == ("1 dropped as asked for: extra.weight",)
    opened.weights.read()


def test_weights_of_another_shape_are_named_with_both_shapes(model):
    change_tensors(
        model,
        lambda tensors: tensors | {"cls.seq_relationship.weight": np.ones((3, 16), np.float32)},
    )
    assert "cls.seq_relationship.weight is [3, 16] and must be [2, 16]" in refused(model)
    refused(model, drop=["cls.seq*"], new=["cls.seq*"])


def test_a_pattern_that_fits_nothing_is_an_error(model):
    assert "no weight that is unexpected is called 'typo*'" in refused(model, drop=["typo*"])
    assert "no weight that is missing is called 'typo*'" in refused(model, new=["typo*"])


def test_another_head_is_taken_when_all_that_differs_is_named(model):
    said = refused(model, task="encoder")
    assert "unexpected: cls." in said
    found = open_model(model, task="encoder", drop=["cls.*"])
    assert found.head == HeadConfig(task="encoder")
    assert set(found.weights.read()) == {"bert"}
    change_config(model, id2label={"0": "no", "1": "yes"})
    found = open_model(model, task="sequence_classification", drop=["cls.*"], new=["classifier.*"])
    assert found.head == CLASSIFIER
    one, other = (each.weights.read() for each in (found, open_model(model)))
    np.testing.assert_array_equal(
        one["bert"]["embeddings"]["word_embeddings"],
        other["bert"]["embeddings"]["word_embeddings"],
    )
    assert one["classifier"]["kernel"].any()


def test_half_a_vocabulary_and_integers_are_no_weights(model):
    change_config(model, vocab_size=64)
    assert "is [130, 16] and must be [64, 16]" in refused(model)
    change_config(model, vocab_size=130)
    change_tensors(
        model, lambda tensors: tensors | {"cls.seq_relationship.bias": np.ones(2, np.int64)}
    )
    assert "1 no floating-point numbers: cls.seq_relationship.bias" in refused(model)


def test_two_tensors_that_should_be_one_and_differ_are_refused(model):
    def untied(tensors):
        table = tensors["bert.embeddings.word_embeddings.weight"]
        return tensors | {"cls.predictions.decoder.weight": table + 1}

    change_tensors(model, untied)
    assert "cls.predictions.decoder.weight is not equal to" in refused(model)


def test_old_names_an_encoder_without_prefix_and_buffers_are_the_same_model(tmp_path):
    params = small_folder(tmp_path / "m", HeadConfig(task="encoder"))

    def old(tensors):
        found = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): array
            for name, array in tensors.items()
        }
        return found | {"embeddings.position_ids": np.arange(32)[None]}

    change_tensors(tmp_path / "m", old)
    found = open_model(tmp_path / "m")
    assert found.weights.notes == ("1 buffers that are no weights: embeddings.position_ids",)
    read = found.weights.read()
    for one, other in zip(
        jax.tree.leaves(params["bert"]["encoder"]),
        jax.tree.leaves(read["bert"]["encoder"]),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_classifier_needs_a_config_that_says_what_it_classifies(tmp_path):
    small_folder(tmp_path / "m", CLASSIFIER)
    assert open_model(tmp_path / "m").head == CLASSIFIER
    change_config(tmp_path / "m", architectures=None)
    assert "give --head with one of sequence_classification" in refused(tmp_path / "m")
    found = open_model(tmp_path / "m", task="sequence_classification")
    assert found.head.labels == ("no", "yes")


def test_the_tokeniser_must_fit_and_a_bare_vocabulary_must_be_told_its_case(model):
    small_tokenizer().save(model / "tokenizer")
    for file in (model / "tokenizer").iterdir():
        file.rename(model / file.name)
    (model / "tokenizer").rmdir()
    assert open_model(model).tokenizer.vocab_size == 130
    (model / "tokenizer.json").unlink()
    (model / "tokenizer_config.json").unlink()
    assert "--cased or --uncased" in refused(model)
    assert open_model(model, cased=False).tokenizer.vocab_size == 130
    assert open_model(model, with_tokenizer=False).tokenizer is None
    with (model / "vocab.txt").open("a") as file:
        file.write("more\n")
    assert "131 tokens and the model 130" in refused(model, cased=False)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_a_pickle_is_never_read(model, name):
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(b"\x80\x02}q\x00.")
    assert "is a pickle" in refused(model)
    (model / name).rename(model / "model.safetensors")
    assert "is a pickle" in refused(model)


def test_what_is_no_model_is_said_to_be_none(tmp_path, tiny_run):
    assert "there is no such folder" in refused(tmp_path / "nowhere")
    assert "it has no config.json" in refused(tmp_path)
    assert "it is no run" in refused(small_in(tmp_path / "m"), step=3)
    assert "is a run, whose head is taken as it is" in refused(tiny_run.run_dir, task="encoder")
    (tmp_path / "m" / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    assert "only bert, roberta and distilbert" in refused(tmp_path / "m")


def small_in(path):
    small_folder(path)
    return path
