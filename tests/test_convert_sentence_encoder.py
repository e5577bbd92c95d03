"""Encoders of sentences: `modules.json` in and out."""

import json

import pytest
from converted import any_json, small_folder, small_model
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.convert.open_model import open_model
from bert_jax.convert.sentence_encoder import read_max_length, read_pooling
from bert_jax.convert.write import write_hugging_face
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig


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


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
@pytest.mark.parametrize("normalize", [True, False])
def test_what_is_written_is_read_again(pooling, normalize, tmp_path):
    head = HeadConfig(task="encoder", pooling=pooling, normalize=normalize)
    model, params = small_model(head, tokenizer=True)
    write_hugging_face(model, params, tmp_path / "m")
    assert open_model(tmp_path / "m").head == head
    assert read_max_length(tmp_path / "m") == 32
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


def test_the_length_that_sentences_are_cut_to_is_kept(tmp_path):
    small_folder(tmp_path / "m", HeadConfig(task="encoder"))
    write_modules(tmp_path / "m", modules("Transformer", "Pooling"), pooling_mode="cls")
    (tmp_path / "m" / "sentence_bert_config.json").write_text('{"max_seq_length": 24}')
    model = open_model(tmp_path / "m")
    write_hugging_face(model, model.weights.read(), tmp_path / "again")
    assert read_max_length(tmp_path / "again") == 24


@pytest.mark.parametrize(
    ("listed", "pooling", "said"),
    [
        (modules("Transformer", "Pooling", "Dense"), {"pooling_mode": "cls"}, "Normalize after it"),
        (modules("Transformer"), {}, "known are Transformer -> Pooling"),
        (modules("Transformer", "Pooling"), {}, "pools by nothing"),
        (
            modules("Transformer", "Pooling"),
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            "pools by cls, mean",
        ),
        (
            modules("Transformer", "Pooling"),
            {"pooling_mode_mean_tokens": True, "pooling_mode_weightedmean_tokens": True},
            "it must be one of cls, mean, max",
        ),
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
        assert read_pooling(folder)["pooling"] in ("cls", "mean", "max")
    except UserError as error:
        said = str(error)
    assert "\n" not in said
