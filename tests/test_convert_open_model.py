"""From what a user calls a MODEL to a model: each kind, each way it can be wrong."""

import json
import os
import shutil

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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weights_that_are_nan_or_infinite_are_counted_and_named(model, dtype):
    def damaged(tensors):
        bias = tensors["cls.seq_relationship.bias"].astype(dtype)
        kernel = tensors["bert.pooler.dense.weight"].astype(dtype)
        bias[1], kernel[2:4, 5] = np.nan, -np.inf
        return tensors | {
            "cls.seq_relationship.bias": bias,
            "bert.pooler.dense.weight": kernel,
        }

    change_tensors(model, damaged)
    assert open_model(model).head == HeadConfig()
    said = refused(model)
    assert "3 values are NaN or infinite, in " in said
    assert "cls.seq_relationship.bias (1)" in said
    assert "bert.pooler.dense.weight (2)" in said


def test_a_weight_that_float32_cannot_hold_is_found_and_one_that_is_not_taken_is_not(model):
    change_tensors(model, lambda tensors: tensors | {"cls.predictions.bias": np.full(130, 1e300)})
    assert "130 values are NaN or infinite, in cls.predictions.bias (130)" in refused(model)
    open_model(model, task="encoder", drop=["cls.*"]).weights.read()


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


def test_a_last_layer_that_is_not_the_word_table_is_one_that_must_be_there_and_equal(model):
    change_config(model, tie_word_embeddings=False)
    assert "tie_word_embeddings is False" in refused(model)
    open_model(model, task="encoder", drop=["cls.*"]).weights.read()

    def repeated(tensors, more=0):
        return tensors | {
            "cls.predictions.decoder.weight": tensors["bert.embeddings.word_embeddings.weight"]
            + np.float32(more),
            "cls.predictions.decoder.bias": tensors["cls.predictions.bias"],
        }

    change_tensors(model, repeated)
    open_model(model).weights.read()
    change_tensors(model, lambda tensors: repeated(tensors, 1))
    assert "is not equal to" in refused(model)
    said = refused(model, task="encoder", drop=["cls.s*", "cls.predictions.[bt]*"])
    assert "2 unexpected: cls.predictions.decoder.bias, cls.predictions.decoder.weight" in said
    open_model(model, task="encoder", drop=["cls.*"]).weights.read()


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
    assert found.weights.notes == ("1 buffer that is no weight: embeddings.position_ids",)
    read = found.weights.read()
    for one, other in zip(
        jax.tree.leaves(params["bert"]["encoder"]),
        jax.tree.leaves(read["bert"]["encoder"]),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_of_an_encoder_without_prefix_names_are_taken_as_they_stand_there(tmp_path):
    small_folder(tmp_path / "m", HeadConfig(task="encoder"))

    def change(tensors):
        del tensors["encoder.layer.0.output.dense.bias"]
        return tensors | {"encoder.layer.2.output.dense.bias": np.ones(16, np.float32)}

    change_tensors(tmp_path / "m", change)
    said = refused(tmp_path / "m")
    assert "1 missing: encoder.layer.0.output.dense.bias" in said
    assert "1 unexpected: encoder.layer.2.output.dense.bias" in said
    for prefix in ("", "bert."):
        names = [f"{prefix}encoder.layer.{i}.*" for i in (2, 0)]
        found = open_model(tmp_path / "m", drop=names[:1], new=names[1:])
        assert len(found.weights.notes) == 2
        found.weights.read()


def test_a_head_for_next_sentences_alone_is_left_if_that_is_asked_for(model):
    def without_masked_lm(tensors):
        return {name: x for name, x in tensors.items() if "cls.predictions" not in name}

    change_tensors(model, without_masked_lm)
    change_config(model, architectures=["BertForNextSentencePrediction"])
    said = refused(model)
    assert "a head for next sentences alone" in said
    assert "--head encoder --drop 'cls.*'" in said
    asked = open_model(model, task="encoder", drop=["cls.*"])
    will_do = open_model(model, encoder_will_do=True)
    assert asked.head == will_do.head == HeadConfig(task="encoder")
    assert will_do.weights.notes[-1].startswith("2 left: it has a head for next sentences alone")
    jax.tree.map(np.testing.assert_array_equal, asked.weights.read(), will_do.weights.read())


@pytest.mark.parametrize("name", ["BertLMHeadModel", "BertForMaskedLM"])
def test_a_language_model_that_looks_both_ways_is_a_masked_lm(name, model):
    change_config(model, architectures=[name], is_decoder=False)
    assert open_model(model).head == HeadConfig()
    change_config(model, is_decoder=True)
    assert "is_decoder is True: causal attention" in refused(model)


def test_a_masked_lm_of_roberta_with_another_gelu_is_refused_but_for_its_encoder(tmp_path):
    fields = {"position_offset": 2, "type_vocab_size": 1, "pair_task": "none"}
    small_folder(tmp_path / "m", **fields)
    change_config(tmp_path / "m", architectures=["RobertaForCausalLM"])
    assert open_model(tmp_path / "m").head == HeadConfig()
    change_config(tmp_path / "m", hidden_act="gelu_new")
    said = refused(tmp_path / "m")
    assert "computes the exact GELU whatever its hidden_act" in said
    assert "--head encoder --drop 'lm_head.*'" in said
    encoder = open_model(tmp_path / "m", encoder_will_do=True)
    assert encoder.head == HeadConfig(task="encoder", has_pooler=False)
    assert encoder.config.hidden_act == "gelu_new"
    encoder.weights.read()


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
    assert "say cased=True or cased=False" in refused(model)
    assert open_model(model, cased=False).tokenizer.vocab_size == 130
    assert open_model(model, with_tokenizer=False).tokenizer is None
    with (model / "vocab.txt").open("a") as file:
        file.write("more\n")
    assert "131 tokens and the model 130" in refused(model, cased=False)


@pytest.mark.parametrize(("said", "found"), [(None, 32), (1e30, 32), (512, 512), (16, 16)])
def test_the_longest_input_is_what_the_tokeniser_says_or_else_the_models(
    said, found, tmp_path, model
):
    small_tokenizer().save(tmp_path / "tokenizer")
    for file in (tmp_path / "tokenizer").iterdir():
        file.rename(model / file.name)
    path = model / "tokenizer_config.json"
    values = json.loads(path.read_text()) | {"model_max_length": said}
    path.write_text(json.dumps({k: v for k, v in values.items() if v is not None}))
    assert open_model(model).tokenizer.model_max_length == found


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_a_pickle_is_never_read(model, name):
    (model / "model.safetensors").unlink()
    (model / name).write_bytes(b"\x80\x02}q\x00.")
    assert "is a pickle" in refused(model)
    (model / name).rename(model / "model.safetensors")
    assert "is a pickle" in refused(model)


@pytest.mark.parametrize(
    "name",
    [
        *("config.json", "model.safetensors", "model.safetensors.index.json"),
        *("vocab.txt", "tokenizer.json", "tokenizer_config.json", "merges.txt"),
    ],
)
def test_a_named_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(model, name):
    if name.startswith("model.safetensors"):
        (model / "model.safetensors").unlink()
    (model / name).unlink(missing_ok=True)
    os.mkfifo(model / name)
    assert f"{name} is no regular file but a named pipe" in refused(model)


def test_a_named_pipe_in_a_run_is_named_and_not_waited_for(tiny_run, tmp_path):
    for name in ("config.json", "tokenizer/vocab.txt", "checkpoints/4/state/manifest.ocdbt"):
        run = tmp_path / name.replace("/", "_")
        shutil.copytree(tiny_run.run_dir, run)
        (run / name).unlink()
        os.mkfifo(run / name)
        assert "is no regular file but a named pipe" in refused(run)


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


def test_weights_that_a_wrapper_saved_under_its_name_are_known_as_such(model):
    change_tensors(model, lambda tensors: {f"module.{name}": x for name, x in tensors.items()})
    said = refused(model)
    assert "begins with 'module.', as training wrappers save weights" in said
    assert "--new" not in said


def test_a_roberta_whose_padding_is_another_one_for_its_tokeniser_is_refused(tmp_path):
    fields = {"position_offset": 2, "type_vocab_size": 1, "pair_task": "none"}
    small_folder(tmp_path / "m", tokenizer=True, **fields)
    said = refused(tmp_path / "m")
    assert "pad_token_id is 1 in config.json, and the tokeniser pads with 0" in said
    assert open_model(tmp_path / "m", with_tokenizer=False).config.position_offset == 2
