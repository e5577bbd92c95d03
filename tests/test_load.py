"""Opening a model: what it needs, and what is said where a part is missing."""

import json
import shutil

import jax
import numpy as np
import pytest

from bert_jax.errors import UserError
from bert_jax.inference.load import load
from data_pipeline.tokenization.tokenizer import load_tokenizer


@pytest.fixture
def model(tiny_run, tmp_path):
    """A copy of a run that a test may damage."""
    return shutil.copytree(tiny_run.run_dir, tmp_path / "model")


def test_a_run_opens_and_fills_masks(tiny_run):
    model = load(tiny_run.run_dir)
    assert model.tokenizer.fingerprint == load_tokenizer(tiny_run.store / "tokenizer").fingerprint
    [filled] = model.fill_mask("The cat sat on the [MASK].", top_k=3)
    assert len(filled.masks[0]) == 3


def test_a_checkpoint_can_be_chosen_and_the_newest_is_the_default(tiny_run):
    newest, fourth, second = (load(tiny_run.run_dir, step=step).params for step in (None, 4, 2))

    def equal(a, b):
        return all(jax.tree.leaves(jax.tree.map(lambda x, y: np.array_equal(x, y), a, b)))

    assert equal(newest, fourth)
    assert not equal(newest, second)


def test_a_model_is_shown_on_one_line(tiny_run):
    assert repr(load(tiny_run.run_dir)) == (
        "<LoadedModel: a model with a masked LM head and one for NSP; 1 layer, width 16, "
        "vocabulary 80>"
    )


def test_a_tokenizer_that_contradicts_itself_is_a_mistake_of_the_users(model):
    path = model / "tokenizer" / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"strip_accents": False}))
    with pytest.raises(UserError, match="disagree about strip_accents: false and true"):
        load(model)


def test_a_model_is_what_four_parts_make_and_nothing_else_of_the_run(model):
    for name in ("operative.gin", "provenance.json", "metrics.jsonl", "report.html"):
        (model / name).unlink()
    assert load(model).config.hidden_size == 16


@pytest.mark.parametrize("part", ["config.json", "tokenizer", "checkpoints"])
def test_a_missing_part_is_named(model, part):
    (model / part).rename(model / "elsewhere")
    with pytest.raises(
        UserError, match=rf"is no model: it has no {part}\. Give the folder of a run"
    ):
        load(model)


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(UserError, match="nowhere is no model: there is no such folder"):
        load(tmp_path / "nowhere")


def test_a_checkpoint_that_is_not_there_is_an_error_with_those_that_are(model):
    with pytest.raises(UserError, match=r"step 3 .* those of steps 2, 4"):
        load(model, step=3)
    shutil.rmtree(model / "checkpoints")
    (model / "checkpoints").mkdir()
    with pytest.raises(UserError, match="has no checkpoint yet"):
        load(model)


@pytest.mark.parametrize("part", ["tokenizer/vocab.txt", "config.json"])
def test_parts_of_different_models_are_refused(model, part):
    if part == "config.json":
        config = json.loads((model / part).read_text())
        (model / part).write_text(json.dumps(config | {"vocab_size": 81}))
        with pytest.raises(
            UserError, match=r"80 tokens and the model 81 .* do not belong together"
        ):
            load(model)
    else:
        with (model / part).open("a") as vocab:
            vocab.write("more\n")
        with pytest.raises(UserError, match="different vocabularies"):
            load(model)


def test_a_damaged_config_is_named(model):
    (model / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json cannot be read as a model's"):
        load(model)


@pytest.mark.parametrize(
    ("model", "how", "message"),
    [
        (7, {}, r"model is 7 \(int\); a path \(str or pathlib.Path\) is needed, or hf:OWNER/NAME"),
        (None, {}, "model is None; a path"),
        (b"runs/base", {}, r"model is b'runs/base' \(bytes\); a path"),
        ("", {}, r"model is '' \(str\); a path"),
        ("runs/base", {"step": "3"}, "step is '3'; it must be a whole number, at least 0"),
        ("runs/base", {"step": True}, "step is True; it must be"),
    ],
)
def test_what_names_no_model_is_said(model, how, message):
    with pytest.raises(UserError, match=message):
        load(model, **how)
