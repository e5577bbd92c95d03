"""Encoders of sentences: `modules.json` in and out."""

import json
import os

import pytest
from converted import any_json, small_folder, small_model
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.convert.open_model import open_model
from bert_jax.convert.self_check import check_weights
from bert_jax.convert.sentence_encoder import read_pooling
from bert_jax.convert.write import write_hugging_face, write_run
from bert_jax.errors import UserError
from bert_jax.head_config import POOLINGS, HeadConfig
from bert_jax.sentence_config import SentenceConfig


def modules(*kinds, place="1_Pooling"):
    names = {"Transformer": "", "Pooling": place, "Normalize": "2_Normalize"}
    return [
        {"idx": i, "path": names.get(kind, kind), "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]


def write_modules(folder, listed, **pooling):
    (folder / "1_Pooling").mkdir(exist_ok=True, parents=True)
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


@pytest.mark.parametrize("pooling", [*POOLINGS, "cls+mean", "mean+cls"])
@pytest.mark.parametrize("normalize", [True, False])
def test_what_is_written_is_read_again(pooling, normalize, tmp_path):
    head = HeadConfig(task="encoder", pooling=pooling, normalize=normalize)
    model, params = small_model(head, tokenizer=True)
    write_hugging_face(model, params, tmp_path / "m")
    assert open_model(tmp_path / "m").head == head
    assert open_model(tmp_path / "m").sentences == SentenceConfig(max_length=32)
    assert (tmp_path / "m" / "2_Normalize").is_dir() == normalize
    card = (tmp_path / "m" / "README.md").read_text()
    assert "library_name: sentence-transformers" in card
    assert "pipeline_tag: sentence-similarity" in card


def test_an_encoder_with_mean_pooling_opens_as_one_of_sentences(tmp_path):
    small_folder(tmp_path / "m", HeadConfig(task="encoder"))
    write_modules(
        tmp_path / "m",
        modules("Transformer", "Pooling", "Normalize"),
        word_embedding_dimension=16,
        pooling_mode_cls_token=False,
        pooling_mode_mean_tokens=True,
    )
    head = open_model(tmp_path / "m").head
    assert (head.pooling, head.normalize) == ("mean", True)


def test_of_a_masked_lm_with_modules_the_vectors_are_those_of_its_encoder(tmp_path):
    small_folder(tmp_path / "m")
    write_modules(tmp_path / "m", modules("Transformer", "Pooling"), pooling_mode="max")
    with_head = open_model(tmp_path / "m")
    assert with_head.head == HeadConfig()
    assert "modules.json is not looked at: the model has a head" in with_head.weights.notes
    encoder = open_model(tmp_path / "m", encoder_will_do=True)
    assert (encoder.head.task, encoder.head.pooling) == ("encoder", "max")
    assert any("vectors of sentences are made without it" in n for n in encoder.weights.notes)
    encoder.weights.read()


def test_a_named_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(tmp_path):
    small_folder(tmp_path / "m", HeadConfig(task="encoder"), tokenizer=True)
    write_modules(tmp_path / "m", modules("Transformer", "Pooling"), pooling_mode="cls")
    for name in (
        "config_sentence_transformers.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
        "modules.json",
    ):
        (tmp_path / "m" / name).unlink(missing_ok=True)
        os.mkfifo(tmp_path / "m" / name)
        with pytest.raises(UserError, match="is no regular file but a named pipe"):
            open_model(tmp_path / "m")
        (tmp_path / "m" / name).unlink()
        write_modules(tmp_path / "m", modules("Transformer", "Pooling"), pooling_mode="cls")


ALL = {
    "max_length": 24,
    "lowercase": True,
    "prompts": {"query": "q: ", "passage": "p: "},
    "default_prompt": "query",
    "include_prompt": False,
    "truncate_dim": 8,
    "similarity": "dot",
}


def said_encoder(folder, **settings):
    """An encoder of sentences; `settings` are by file."""
    small_folder(folder, HeadConfig(task="encoder"), tokenizer=True)
    write_modules(folder, modules("Transformer", "Pooling"), **settings.pop("pooling", {}))
    for name, values in settings.items():
        (folder / f"{name}.json").write_text(json.dumps(values))


def test_how_a_text_is_read_goes_through_every_layout(tmp_path):
    said_encoder(
        tmp_path / "m",
        pooling={"pooling_mode": "mean", "include_prompt": False},
        sentence_bert_config={"max_seq_length": 24, "do_lower_case": True},
        config_sentence_transformers={
            "__version__": {"transformers": "5"},
            "prompts": ALL["prompts"],
            "default_prompt_name": "query",
            "truncate_dim": 8,
            "similarity_fn_name": "dot",
        },
    )
    model = open_model(tmp_path / "m")
    assert model.sentences == SentenceConfig(**ALL)
    params = model.weights.read()
    write_run(model, params, tmp_path / "run")
    run = open_model(tmp_path / "run")
    check_weights(model, params, tmp_path / "run")
    write_hugging_face(run, params, tmp_path / "again")
    assert open_model(tmp_path / "again").sentences == model.sentences
    path = tmp_path / "again" / "sentence_bert_config.json"
    path.write_text('{"max_seq_length": 23}')
    with pytest.raises(UserError, match="how it reads a text is not what it was"):
        check_weights(model, params, tmp_path / "again")


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({"sentence_bert_config": {"max_seq_length": 24}}, 24),
        # It is the tokeniser's where it is said, though longer than that the tokeniser says.
        (
            {
                "sentence_bert_config": {"max_seq_length": 24},
                "tokenizer_config": {"model_max_length": 20, "do_lower_case": True},
            },
            24,
        ),
        ({"sentence_bert_config": {"max_seq_length": 99}}, 32),
        ({"sentence_bert_config": {"max_seq_length": None}}, 32),
        # As version 6 writes it.
        (
            {
                "sentence_bert_config": {
                    "transformer_task": "feature-extraction",
                    "modality_config": {
                        "text": {"method": "forward", "method_output_name": "last_hidden_state"}
                    },
                    "module_output_name": "token_embeddings",
                }
            },
            32,
        ),
        ({"sentence_distilbert_config": {"max_seq_length": 16}}, 16),
        ({"tokenizer_config": {"model_max_length": 20, "do_lower_case": True}}, 20),
        ({"tokenizer_config": {"model_max_length": 1e30, "do_lower_case": True}}, 32),
    ],
)
def test_the_length_is_what_sentence_transformers_takes(settings, length, tmp_path):
    said_encoder(tmp_path / "m", **settings)
    assert open_model(tmp_path / "m").sentences == SentenceConfig(max_length=length)


@pytest.mark.parametrize("said", [None, "right"])
def test_the_side_that_is_cut_may_be_said_by_either_file(said, tmp_path):
    said_encoder(tmp_path / "m", tokenizer_config={"truncation_side": said, "do_lower_case": True})
    path = tmp_path / "m" / "tokenizer.json"
    truncation = {"direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"truncation": truncation}))
    if said:
        assert open_model(tmp_path / "m").sentences == SentenceConfig(max_length=32)
        return
    with pytest.raises(UserError, match="the direction of its truncation is 'Left', and texts"):
        open_model(tmp_path / "m")


def test_a_default_prompt_that_is_always_there_is_empty(tmp_path):
    prompts = {"prompts": {"other": None}, "default_prompt_name": "document"}
    said_encoder(tmp_path / "m", config_sentence_transformers=prompts)
    sentences = open_model(tmp_path / "m").sentences
    assert (sentences.prompts, sentences.prompt_of()) == ({"other": "", "document": ""}, "")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sentence_bert_config": {"max_seq_length": "x"}}, "max_length is 'x'; it must be a who"),
        ({"sentence_bert_config": {"max_seq_length": 1}}, "max_length is 1; it must be a whole"),
        ({"sentence_bert_config": {"do_lower_case": 3}}, "lowercase must be true or false"),
        (
            {"sentence_bert_config": {"processing_kwargs": {"text": 1}}},
            "processing_kwargs is given",
        ),
        (
            {"sentence_bert_config": {"transformer_task": "fill-mask"}},
            "transformer_task is 'fill-m",
        ),
        ({"sentence_bert_config": {"modality_config": {"text": {}}}}, "says another thing of tex"),
        ({"config_sentence_transformers": {"prompts": [1]}}, "prompts must be an object"),
        ({"config_sentence_transformers": {"prompts": {"a": 1}}}, "prompts must be an object"),
        (
            {"config_sentence_transformers": {"prompts": {"a": ""}, "default_prompt_name": "b"}},
            "the default prompt: there is no prompt 'b'; the model has a",
        ),
        ({"config_sentence_transformers": {"default_prompt_name": [3]}}, "there is no prompt"),
        ({"config_sentence_transformers": {"model_type": "SparseEncoder"}}, "of a SparseEncoder"),
        (
            {"config_sentence_transformers": {"similarity_fn_name": "angle"}},
            "similarity is 'angle'; known are cosine, dot, euclidean, manhattan",
        ),
        ({"config_sentence_transformers": {"truncate_dim": 0}}, "truncate_dim is 0; it must be a"),
        ({"config_sentence_transformers": {"truncate_dim": "8"}}, "truncate_dim is '8'; it must"),
        (
            {"config_sentence_transformers": {"rotate": 3, "prompts": {}}},
            r"has rotate, which is not known and could change a vector; take it out",
        ),
        ({"pooling": {"include_prompt": "no"}}, "include_prompt must be true or false"),
        (
            {"tokenizer_config": {"truncation_side": "left", "do_lower_case": True}},
            "the truncation_side is 'left', and texts are cut at their end alone",
        ),
    ],
)
def test_what_cannot_be_how_a_text_is_read_is_one_line(settings, said, tmp_path):
    said_encoder(tmp_path / "m", **settings)
    with pytest.raises(UserError, match=said) as error:
        open_model(tmp_path / "m")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("listed", "pooling", "said"),
    [
        (modules("Transformer", "Pooling", "Dense"), {"pooling_mode": "cls"}, "Normalize after it"),
        (modules("Transformer"), {}, "known are Transformer -> Pooling"),
        (modules("Transformer", "Pooling"), {"pooling_mode": []}, "pools by nothing"),
        (modules("Transformer", "Pooling"), {"pooling_mode": 3}, "pools by 3; known are cls, max"),
        (
            modules("Transformer", "Pooling"),
            {"pooling_mode_mean_tokens": True, "pooling_mode_median": True},
            "pools by mean, pooling_mode_median; known are cls, max, mean, .*, lasttoken, and sev",
        ),
        ([{"type": "own.Transformer", "path": ""}], {}, "lists own.Transformer; known are"),
        ([], {}, "lists nothing"),
        (modules("Transformer", "Pooling", place="../x"), {}, "names ../x, which is outside"),
        (modules("Transformer", "Pooling", place="/etc"), {}, "names /etc, which is outside"),
        ({"a": 1}, {}, "is no list of modules"),
        ([3], {}, "is no list of modules"),
    ],
)
def test_what_we_do_not_have_is_named(listed, pooling, said, tmp_path):
    write_modules(tmp_path, listed, **pooling)
    with pytest.raises(UserError, match=said):
        read_pooling(tmp_path)


@pytest.mark.parametrize(
    ("said", "pooling"),
    [
        ({"pooling_mode": "lasttoken"}, "lasttoken"),
        ({"pooling_mode": ["mean", "cls"]}, "mean+cls"),
        ({"pooling_mode": "max", "pooling_mode_cls_token": True}, "max"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, "cls+mean"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len_tokens"),
        ({"pooling_mode_mean_tokens": False}, "mean"),
        ({"embedding_dimension": 16, "include_prompt": True}, "mean"),
    ],
)
def test_a_pooling_is_what_sentence_transformers_takes_it_for(said, pooling, tmp_path):
    write_modules(tmp_path, modules("Transformer", "Pooling"), **said)
    assert read_pooling(tmp_path).pooling == pooling


def test_the_classes_may_have_their_newer_names(tmp_path):
    listed = modules("Transformer", "Pooling")
    listed[0]["type"] = "sentence_transformers.base.modules.transformer.Transformer"
    listed[1]["type"] = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
    write_modules(tmp_path, listed, pooling_mode="cls")
    assert read_pooling(tmp_path) == ("cls", False)


def test_a_division_of_something_else_than_the_vector_is_refused(tmp_path):
    write_modules(tmp_path, modules("Transformer", "Pooling", "Normalize"), pooling_mode="cls")
    (tmp_path / "2_Normalize").mkdir()
    config = tmp_path / "2_Normalize" / "config.json"
    config.write_text('{"module_input_name": "sentence_embedding"}')
    assert read_pooling(tmp_path) == ("cls", True)
    config.write_text('{"module_input_name": "token_embeddings"}')
    with pytest.raises(UserError, match="module_input_name is 'token_embeddings'; it must be sen"):
        read_pooling(tmp_path)


def test_an_encoder_in_a_folder_of_its_own_is_opened(tmp_path):
    params = small_folder(tmp_path / "m" / "0_Transformer", HeadConfig(task="encoder"))
    listed = modules("Transformer", "Pooling")
    listed[0]["path"] = "0_Transformer/"
    write_modules(tmp_path / "m", listed, pooling_mode_cls_token=True)
    # What an old version wrote there, which is no config of the encoder.
    (tmp_path / "m" / "config.json").write_text('{"__version__": "0.2.6"}')
    model = open_model(tmp_path / "m")
    assert model.head.pooling == "cls"
    assert model.path == tmp_path / "m"
    write_hugging_face(model, model.weights.read(), tmp_path / "again")
    check_weights(model, params, tmp_path / "again")


def test_an_encoder_outside_the_folder_is_refused(tmp_path):
    small_folder(tmp_path / "other", HeadConfig(task="encoder"))
    listed = modules("Transformer", "Pooling")
    listed[0]["path"] = "../other"
    write_modules(tmp_path / "m", listed, pooling_mode="cls")
    with pytest.raises(UserError, match=r"names ../other, which is outside its folder"):
        open_model(tmp_path / "m")


def test_a_list_of_modules_that_is_no_list_but_a_flood_is_refused(tmp_path):
    (tmp_path / "modules.json").write_bytes(b" " * 2_000_000)
    with pytest.raises(UserError, match="it has 2,000,000 bytes"):
        read_pooling(tmp_path)


def test_modules_beside_a_head_are_left_and_that_is_said(tmp_path):
    small_folder(tmp_path / "m")
    write_modules(tmp_path / "m", modules("Transformer", "Pooling"), pooling_mode="cls")
    model = open_model(tmp_path / "m")
    assert model.head.pooling == "none"
    assert model.weights.notes == ("modules.json is not looked at: the model has a head",)


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    write_modules(tmp_path / "m", modules("Transformer", "Pooling", place="out"))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "config.json").write_text('{"pooling_mode": "cls"}')
    (tmp_path / "m" / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(UserError, match="outside its folder"):
        read_pooling(tmp_path / "m")


@pytest.mark.parametrize("place", ["\ud800", "\0", "a\n", "x" * 5000, "1_Pooling/../../x"])
def test_a_name_that_no_folder_can_have_is_one_line(place, tmp_path):
    write_modules(tmp_path, modules("Transformer", "Pooling", place=place))
    with pytest.raises(UserError, match=r"outside its folder|cannot be read") as caught:
        read_pooling(tmp_path)
    assert str(caught.value).isprintable()


JSON = any_json(st.sampled_from(["type", "path", "pooling_mode", "pooling_mode_cls_token", "x"]))


@given(listed=JSON, pooling=JSON)
def test_any_json_is_one_line_or_a_pooling(listed, pooling, tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    (folder / "1_Pooling").mkdir()
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    said = ""
    try:
        assert set(read_pooling(folder).pooling.split("+")) <= set(POOLINGS)
    except UserError as error:
        said = str(error)
    assert "\n" not in said
