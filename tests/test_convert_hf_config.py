"""`config.json` of Hugging Face's: what is read, what is refused, and that nothing else happens."""

import json

import pytest
from converted import any_json, small_folder
from hypothesis import given
from hypothesis import strategies as st
from test_task_heads import HEADS

from bert_jax.config import BertConfig
from bert_jax.convert.hf_config import parse_config, read_config, to_hugging_face
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

# As bert-base-uncased of the Hub has it, smaller.
BERT = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 16,
    "initializer_range": 0.02,
    "intermediate_size": 32,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 32,
    "model_type": "bert",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "transformers_version": "4.6.0.dev0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 130,
}
DISTILBERT = {
    "model_type": "distilbert",
    "architectures": ["DistilBertForMaskedLM"],
    "activation": "gelu",
    "attention_dropout": 0.2,
    "dim": 16,
    "dropout": 0.3,
    "hidden_dim": 32,
    "max_position_embeddings": 32,
    "n_heads": 4,
    "n_layers": 2,
    "sinusoidal_pos_embds": False,
    "tie_weights_": True,
    "vocab_size": 130,
}

DROP_OUT = ("sequence_classification", "token_classification", "multiple_choice")


def refused(values):
    with pytest.raises(UserError) as caught:
        parse_config(values)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


def test_a_config_of_the_hub_is_read():
    found = parse_config(BERT)
    assert found.task == "pretraining"
    assert found.model_type == "bert"
    assert (found.config.hidden_size, found.config.pair_task) == (16, "none")


def test_distilbert_has_names_of_its_own():
    config = parse_config(DISTILBERT).config
    assert (config.hidden_size, config.num_hidden_layers, config.intermediate_size) == (16, 2, 32)
    assert (config.attention_probs_dropout_prob, config.hidden_dropout_prob) == (0.2, 0.3)
    assert (config.type_vocab_size, config.pooler_act) == (0, "relu")


def test_what_distilbert_of_transformers_does_not_obey_is_not_obeyed_and_said():
    assert parse_config({**DISTILBERT, "layer_norm_eps": 1e-12}).notes == ()
    found = parse_config({**DISTILBERT, "layer_norm_eps": 1e-5})
    assert found.config.layer_norm_eps == 1e-12
    [note] = found.notes
    assert note.startswith("layer_norm_eps 1e-05 of config.json is not obeyed")
    # Its table of positions is in the file either way.
    sinusoidal = parse_config({**DISTILBERT, "sinusoidal_pos_embds": True})
    assert sinusoidal.config == parse_config(DISTILBERT).config


def test_other_names_of_distilbert_are_its_own_or_contradict_them():
    other = {**DISTILBERT, "hidden_size": 16, "num_attention_heads": 4}
    assert parse_config(other).config == parse_config(DISTILBERT).config
    del other["dim"]
    assert parse_config(other).config == parse_config(DISTILBERT).config
    said = refused({**other, "num_attention_heads": 8})
    assert "n_heads is 4 and num_attention_heads, another name of it, is 8" in said


@pytest.mark.parametrize(
    ("model_type", "values", "heeded"),
    [
        ("bert", {}, {}),
        ("bert", {"classifier_dropout": 0.3}, dict.fromkeys(DROP_OUT, 0.3)),
        ("roberta", {"classifier_dropout": 0.3}, dict.fromkeys(DROP_OUT[:2], 0.3)),
        ("distilbert", {"classifier_dropout": 0.3}, dict.fromkeys(DROP_OUT[::2], 0.2)),
        ("distilbert", {"seq_classif_dropout": 0.4}, dict.fromkeys(DROP_OUT[::2], 0.4)),
    ],
)
def test_dropout_before_the_last_layer_is_what_the_class_of_transformers_heeds(
    model_type, values, heeded
):
    base = DISTILBERT if model_type == "distilbert" else {**BERT, "model_type": model_type}
    assert parse_config({**base, **values}).classifier_dropout == heeded


def test_what_changes_no_number_is_read_over():
    same = {"chunk_size_feed_forward": 8, "tie_word_embeddings": None, "pruned_heads": {}}
    assert parse_config({**BERT, **same}) == parse_config(BERT)


def test_roberta_begins_its_positions_after_the_row_of_padding():
    roberta = {**BERT, "model_type": "roberta", "architectures": ["RobertaForMaskedLM"]}
    assert parse_config({**roberta, "pad_token_id": 1}).config.position_offset == 2
    assert parse_config({**roberta, "pad_token_id": 3}).config.max_length == 28
    assert "pad_token_id is -1" in refused({**roberta, "pad_token_id": -1})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_type": "albert"}, "only bert, roberta and distilbert"),
        ({"vocab_size": None}, "it does not say vocab_size"),
        ({"hidden_size": -16}, "hidden_size"),
        ({"hidden_size": "16"}, "hidden_size"),
        ({"hidden_size": 16.5}, "hidden_size"),
        ({"hidden_size": True}, "hidden_size"),
        ({"hidden_size": 10**30}, "no model has more than 131072"),
        ({"num_hidden_layers": 10**9}, "no model has more than 1024"),
        ({"vocab_size": 2**60}, "no model has more than"),
        ({"type_vocab_size": 2**40}, "no model has more than"),
        ({"max_position_embeddings": 0}, "max_position_embeddings"),
        ({"num_attention_heads": 3}, "must be a multiple of"),
        ({"hidden_act": "swish"}, "hidden_act is 'swish'; known are gelu"),
        ({"hidden_act": ["gelu"]}, "hidden_act is"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps"),
        ({"hidden_dropout_prob": 2}, "hidden_dropout_prob"),
        ({"position_embedding_type": "relative_key"}, "it must be 'absolute'"),
        ({"is_decoder": True}, "is_decoder is True: causal attention in transformers"),
        ({"add_cross_attention": True}, "it must be False"),
        ({"pruned_heads": {"0": [1]}}, "it must be {}"),
        ({"quantization_config": {"bits": 4}}, "it must be None"),
        ({"tie_word_embeddings": "no"}, "it must be true or false"),
        ({"architectures": "BertModel"}, "must be a list of names"),
        ({"architectures": ["BertForDance"]}, "names BertForDance, which is not known"),
        ({"id2label": {"0": "a", "2": "b"}}, "must name the ids 0 to 1, each once"),
        ({"id2label": ["a"]}, "must be an object"),
        ({"num_labels": 10**12, "id2label": None}, "num_labels is"),
        ({"classifier_dropout": "0.1"}, "classifier_dropout is '0.1'"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(values, said):
    assert said in refused({**BERT, **values})


ANY = any_json(st.text(max_size=5))
FIELDS = sorted({*BERT, *DISTILBERT, "id2label", "num_labels", "problem_type", "pair_task"})


@given(values=st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=4), base=st.booleans())
def test_any_values_are_a_model_or_one_line(values, base):
    said = ""
    try:
        found = parse_config({**(BERT if base else DISTILBERT), **values})
    except UserError as error:
        said = str(error)
    else:
        assert isinstance(found.config, BertConfig)
    assert "\n" not in said
    assert len(said) < 1000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[1]", "it must hold a JSON object"),
        (b'{"vocab_size": ' + b"9" * 10_000 + b"}", "it has a number of 10,000 digits"),
        (json.dumps(BERT | {"vocab_size": 10**4000}).encode(), "no model has more than"),
        (json.dumps(BERT | {"layer_norm_eps": -1}).replace("-1", "1e400").encode(), "eps is inf"),
        (json.dumps(BERT | {"hidden_size": "x" * 10**5}).encode(), "must be of type int"),
        (b" " * 20_000_000, "a config has a few thousand"),
    ],
)
def test_a_file_that_is_no_config_is_one_line(content, said, tmp_path):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_config(tmp_path / "config.json")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_config_that_claims_far_more_than_the_file_holds_is_refused_at_once(tmp_path):
    small_folder(tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    values = json.loads(path.read_text())
    for claim, said in (
        ({"num_hidden_layers": 1024}, "1,024 layers"),
        ({"hidden_size": 131072, "num_attention_heads": 1}, "of another shape"),
        ({"vocab_size": 1 << 24}, "of another shape"),
        ({"intermediate_size": 1 << 20}, "of another shape"),
    ):
        path.write_text(json.dumps(values | claim))
        with pytest.raises(UserError, match=said):
            open_model(tmp_path / "m")


@pytest.mark.parametrize("head", [HeadConfig(), *HEADS.values()], ids=lambda head: head.task)
def test_what_is_written_is_read_as_the_same(head):
    config = BertConfig.tiny(
        pair_task="next_sentence" if head.task == "pretraining" else "none", hidden_act="gelu_new"
    )
    found = parse_config(json.loads(json.dumps(to_hugging_face(config, head, "float32"))))
    assert found.config == config
    assert found.task == head.task
    if head.labels:
        assert found.labels == head.labels


def test_a_masked_lm_of_roberta_computes_the_exact_gelu_or_is_refused():
    config = BertConfig.tiny(
        position_offset=2, type_vocab_size=1, pair_task="none", hidden_act="gelu_new"
    )
    with pytest.raises(UserError, match="computes the exact GELU whatever its hidden_act"):
        to_hugging_face(config, HeadConfig(), "float32")
    assert to_hugging_face(config, HEADS["question_answering"], "float32")["architectures"]
