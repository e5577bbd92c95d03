"""What we write opens in transformers as the same model, and what it writes opens here."""

import json
import logging
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.torch
import torch
import transformers
from exactness import hold, relative
from models import small_config
from test_task_heads import HEADS, random_params
from test_tokenization_byte_level_tokenizer import LINES, learn, write

from bert_jax.convert.hf_classes import class_of, model_type_of
from bert_jax.convert.model import Model, Weights
from bert_jax.convert.open_model import open_model
from bert_jax.convert.self_check import TOLERANCE, check_outputs, check_weights, our_outputs
from bert_jax.convert.self_check import random_batch as make_batch
from bert_jax.convert.write import write_hugging_face, write_run
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

FAMILIES = {
    "bert": {"pair_task": "none"},
    "bert_pairs": {},
    "bert_tanh": {"hidden_act": "gelu_new", "layer_norm_eps": 1e-5},
    "roberta": {"position_offset": 2, "type_vocab_size": 1, "pair_task": "none"},
    "distilbert": {"type_vocab_size": 0, "pair_task": "none", "pooler_act": "relu"},
}
ALL_HEADS = {"pretraining": HeadConfig(), **HEADS}
AUTO = {
    "pretraining": transformers.AutoModelForMaskedLM,
    "sequence_classification": transformers.AutoModelForSequenceClassification,
    "token_classification": transformers.AutoModelForTokenClassification,
    "question_answering": transformers.AutoModelForQuestionAnswering,
    "multiple_choice": transformers.AutoModelForMultipleChoice,
    "encoder": transformers.AutoModel,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def a_model(family, task, **fields):
    """A model of ours with random weights, and a head that the family's config belongs to."""
    head = ALL_HEADS[task]
    fields = {**FAMILIES[family], **fields}
    if task != "pretraining":
        fields["pair_task"] = "none"
    if family == "distilbert" and task == "encoder":
        head = HeadConfig(task="encoder", has_pooler=False)
    config = small_config(**fields)
    params = random_params(config, head, scale=0.3)
    return Model("run", Path("none"), Weights(config, head, lambda: params), None), params


def their_outputs(auto, folder, batch, caplog):
    """Outputs of a class of transformers that may say nothing of missing or unused weights."""
    transformers.logging.enable_propagation()
    transformers.logging.set_verbosity_warning()
    with caplog.at_level(logging.WARNING):
        caplog.clear()
        model, said = auto.from_pretrained(folder, output_loading_info=True)
    assert not any(said[f"{key}_keys"] for key in ("missing", "unexpected", "mismatched")), said
    assert [record.message for record in caplog.records] == []
    inputs = {name: torch.from_numpy(array).long() for name, array in batch.items()}
    if "DistilBert" in type(model).__name__:
        del inputs["token_type_ids"]
    with torch.no_grad():
        return type(model).__name__, {
            name: x.numpy() for name, x in model.eval()(**inputs).items() if hasattr(x, "numpy")
        }


def hold_outputs(how, model, batch, ours, theirs):
    """The bound of the family on a difference of outputs, where there is no padding."""
    real = batch["attention_mask"].astype(bool)
    one, other = (x[real] if x.shape[: real.ndim] == real.shape else x for x in (ours, theirs))
    key = f"files_{model_type_of(model.config)}_{how}"
    hold(key, relative(one, other), f"transformers {transformers.__version__}")


@pytest.mark.parametrize("task", ALL_HEADS)
@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_opens_what_we_write_without_a_word_and_computes_the_same(
    family, task, tmp_path, caplog
):
    model, params = a_model(family, task)
    write_hugging_face(model, params, tmp_path / "hf")
    auto = AUTO[task]
    if model.config.pair_task != "none":
        auto = transformers.AutoModelForPreTraining
    batch = make_batch(model.config, model.head)
    name, theirs = their_outputs(auto, tmp_path / "hf", batch, caplog)
    assert name == class_of(model.config, model.head)
    ours = our_outputs(model.config, model.head, params, batch)
    assert set(ours) == set(theirs)
    for key, array in ours.items():
        hold_outputs("written", model, batch, array, theirs[key])


CLASSES = [
    *("BertForPreTraining", "BertForMaskedLM", "BertModel", "BertForSequenceClassification"),
    *("BertForTokenClassification", "BertForQuestionAnswering", "BertForMultipleChoice"),
    *("RobertaForMaskedLM", "RobertaModel", "RobertaForSequenceClassification"),
    *("RobertaForTokenClassification", "RobertaForQuestionAnswering"),
    *("DistilBertForMaskedLM", "DistilBertModel", "DistilBertForSequenceClassification"),
    *("DistilBertForTokenClassification", "DistilBertForQuestionAnswering"),
]


def their_model(name, **fields):
    """A small model of a class of transformers, with random weights of which none is 0 or 1."""
    sizes = {"vocab_size": 130, "max_position_embeddings": 32, **fields}
    if name.startswith("DistilBert"):
        sizes |= {"dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 32}
    else:
        sizes |= {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
        sizes |= {"intermediate_size": 32}
    if name.startswith("Roberta"):
        sizes |= {"type_vocab_size": 1}
    if "Classification" in name:
        sizes |= {"id2label": {0: "no", 1: "yes", 2: "maybe"}}
    cls = getattr(transformers, name)
    torch.manual_seed(0)
    model = cls(cls.config_class(**sizes)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.3)
    return model


def tensors_in(folder):
    return safetensors.torch.load_file(folder / "model.safetensors")


def same_tensors(one, other):
    assert set(one) == set(other)
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", CLASSES)
def test_what_transformers_writes_opens_here_and_goes_back_equal_to_the_bit(name, tmp_path):
    theirs = their_model(name)
    theirs.save_pretrained(tmp_path / "theirs")
    model = open_model(tmp_path / "theirs")
    assert class_of(model.config, model.head) == name
    assert model.weights.notes == ()
    params = model.weights.read()
    write_hugging_face(model, params, tmp_path / "ours")
    assert same_tensors(tensors_in(tmp_path / "theirs"), tensors_in(tmp_path / "ours"))
    batch = make_batch(model.config, model.head)
    inputs = {key: torch.from_numpy(array).long() for key, array in batch.items()}
    if name.startswith("DistilBert"):
        del inputs["token_type_ids"]
    with torch.no_grad():
        found = theirs(**inputs)
    for key, array in our_outputs(model.config, model.head, params, batch).items():
        hold_outputs("read", model, batch, array, found[key].numpy())


@pytest.mark.parametrize("name", ["BertForPreTraining", "RobertaForSequenceClassification"])
def test_through_a_run_and_back_every_bit_is_the_same(name, tmp_path):
    their_model(name).save_pretrained(tmp_path / "theirs")
    model = open_model(tmp_path / "theirs")
    write_run(model, model.weights.read(), tmp_path / "run")
    run = open_model(tmp_path / "run")
    assert (run.config, run.head) == (model.config, model.head)
    write_hugging_face(run, run.weights.read(), tmp_path / "ours")
    assert same_tensors(tensors_in(tmp_path / "theirs"), tensors_in(tmp_path / "ours"))


def rewritten(folder, change):
    """The folder with its tensors changed by a function of them."""
    tensors = change(tensors_in(folder))
    safetensors.torch.save_file(
        {name: x.clone().contiguous() for name, x in tensors.items()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    return folder


def test_a_masked_lm_by_its_config_that_carries_the_head_for_pairs_is_taken_whole(tmp_path):
    """google-research's checkpoints on the Hub are so."""
    their_model("BertForPreTraining").save_pretrained(tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace("BertForPreTraining", "BertForMaskedLM"))
    model = open_model(tmp_path / "m")
    assert model.config.pair_task == "next_sentence"
    found = check_outputs(model.config, model.head, model.weights.read(), tmp_path / "m")
    assert found.largest <= TOLERANCE


def test_old_names_buffers_and_tied_weights_under_their_second_name_are_the_same_model(tmp_path):
    their_model("BertForPreTraining").save_pretrained(tmp_path / "new")
    their_model("BertForPreTraining").save_pretrained(tmp_path / "old")

    def old(tensors):
        found = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): x
            for name, x in tensors.items()
        }
        table = found.pop("bert.embeddings.word_embeddings.weight")
        found["cls.predictions.decoder.weight"] = table
        found["cls.predictions.decoder.bias"] = found["cls.predictions.bias"]
        found["bert.embeddings.position_ids"] = torch.arange(32)[None]
        return found

    rewritten(tmp_path / "old", old)
    one, other = open_model(tmp_path / "new"), open_model(tmp_path / "old")
    assert other.weights.notes == ("1 buffer that is no weight: bert.embeddings.position_ids",)
    for x, y in zip(
        jax.tree.leaves(one.weights.read()), jax.tree.leaves(other.weights.read()), strict=True
    ):
        np.testing.assert_array_equal(x, y)


def test_a_masked_lm_with_an_unused_pooler_leaves_it_and_says_so(tmp_path):
    their_model("RobertaForMaskedLM").save_pretrained(tmp_path / "m")
    pooler = {
        "roberta.pooler.dense.weight": torch.ones(16, 16),
        "roberta.pooler.dense.bias": torch.ones(16),
    }
    rewritten(tmp_path / "m", lambda tensors: tensors | pooler)
    model = open_model(tmp_path / "m")
    [note] = model.weights.notes
    assert note.startswith("2 of a pooler that this head does not read")
    check_outputs(model.config, model.head, model.weights.read(), tmp_path / "m")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_files_are_read_exactly(dtype, tmp_path):
    theirs = their_model("BertForPreTraining").to(dtype)
    theirs.save_pretrained(tmp_path / "m")
    model = open_model(tmp_path / "m")
    params = model.weights.read()
    check_outputs(model.config, model.head, params, tmp_path / "m")
    table = params["bert"]["embeddings"]["word_embeddings"][:130]
    np.testing.assert_array_equal(
        table, theirs.bert.embeddings.word_embeddings.weight.detach().float().numpy()
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_written_rounded_to_the_nearest(dtype, tmp_path):
    model, params = a_model("bert_pairs", "pretraining")
    write_hugging_face(model, params, tmp_path / "m", dtype)
    found = check_weights(model, params, tmp_path / "m", dtype)
    assert 0 < found.largest < 2**-8
    theirs = transformers.BertForPreTraining.from_pretrained(tmp_path / "m", dtype="auto")
    assert str(theirs.dtype) == f"torch.{dtype}"
    table = np.asarray(params["bert"]["embeddings"]["word_embeddings"])[:130]
    torch.testing.assert_close(
        theirs.bert.embeddings.word_embeddings.weight.detach(),
        torch.from_numpy(table).to(theirs.dtype),
        rtol=0,
        atol=0,
    )


def test_a_model_that_computes_something_else_is_refused(tmp_path):
    model, params = a_model("bert", "pretraining")
    write_hugging_face(model, params, tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace('"hidden_act": "gelu"', '"hidden_act": "relu"'))
    with pytest.raises(UserError, match="computes something else than transformers 5"):
        check_outputs(model.config, model.head, params, tmp_path / "m")


@pytest.mark.parametrize("name", ["BertLMHeadModel", "RobertaForCausalLM"])
def test_a_language_model_that_is_no_decoder_is_a_masked_lm(name, tmp_path):
    their_model(name).save_pretrained(tmp_path / "m")
    model = open_model(tmp_path / "m")
    assert model.head == HeadConfig()
    check_outputs(model.config, model.head, model.weights.read(), tmp_path / "m")


def test_a_model_of_next_sentences_alone_gives_its_encoder(tmp_path):
    their_model("BertForNextSentencePrediction").save_pretrained(tmp_path / "m")
    model = open_model(tmp_path / "m", task="encoder", drop=["cls.*"])
    check_outputs(model.config, model.head, model.weights.read(), tmp_path / "m")


def test_distilbert_computes_with_an_epsilon_of_its_own_whatever_is_said(tmp_path):
    theirs = their_model("DistilBertForMaskedLM")
    theirs.config.layer_norm_eps = 0.1
    theirs.save_pretrained(tmp_path / "m")
    model = open_model(tmp_path / "m")
    assert "layer_norm_eps 0.1" in model.weights.notes[0]
    check_outputs(model.config, model.head, model.weights.read(), tmp_path / "m")


def test_a_tokeniser_that_transformers_saved_for_roberta_goes_out_as_it_came(tmp_path):
    learned = json.loads(learn().to_str())["model"]
    peer = transformers.RobertaTokenizerFast(
        learned["vocab"], [tuple(pair) for pair in learned["merges"]]
    )
    model = their_model("RobertaForMaskedLM", vocab_size=len(peer), pad_token_id=peer.pad_token_id)
    for made in (peer, model):
        made.save_pretrained(tmp_path / "theirs")
    opened = open_model(tmp_path / "theirs")
    write_run(opened, opened.weights.read(), tmp_path / "run")
    run = open_model(tmp_path / "run")
    write_hugging_face(run, run.weights.read(), tmp_path / "ours")
    said = json.loads((tmp_path / "ours" / "tokenizer_config.json").read_text())
    assert said["tokenizer_class"] == "RobertaTokenizer"
    assert said["model_max_length"] == opened.config.max_length
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "ours")
    assert type(again) is type(peer)
    assert again.model_max_length == opened.config.max_length
    texts = [*LINES, "a <mask> b", "a<mask>b", "<s> two  spaces</s>", ""]
    assert again(texts)["input_ids"] == peer(texts)["input_ids"]
    assert again(texts, texts)["input_ids"] == peer(texts, texts)["input_ids"]


def test_a_roberta_with_its_tokeniser_comes_in_and_goes_out(tmp_path):
    texts = ["The walk walks, walking: it's the hound's café!", "  two  spaces"]
    peer = write(tmp_path / "tokenizer", learn())
    config = transformers.RobertaConfig(
        vocab_size=360,
        max_position_embeddings=34,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        type_vocab_size=1,
        pad_token_id=3,
    )
    transformers.RobertaForMaskedLM(config).save_pretrained(tmp_path / "theirs")
    for file in peer.iterdir():
        (tmp_path / "theirs" / file.name).write_bytes(file.read_bytes())
    model = open_model(tmp_path / "theirs")
    write_run(model, model.weights.read(), tmp_path / "run")
    run = open_model(tmp_path / "run")
    write_hugging_face(run, run.weights.read(), tmp_path / "ours")
    assert same_tensors(tensors_in(tmp_path / "theirs"), tensors_in(tmp_path / "ours"))
    one, other = (
        transformers.AutoTokenizer.from_pretrained(tmp_path / name) for name in ("theirs", "ours")
    )
    assert one(texts)["input_ids"] == other(texts)["input_ids"]
    assert other.mask_token_id == run.tokenizer.mask_id
