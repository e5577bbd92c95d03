"""What is exported runs at any shape, on every platform named, and computes what the model does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import small_config
from test_task_heads import HEADS, random_params

from bert_jax import models
from bert_jax.convert import stablehlo
from bert_jax.convert.stablehlo import read_stablehlo, write_stablehlo
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.sentence_config import SentenceConfig

pytestmark = pytest.mark.heavy

CONFIG = small_config(num_hidden_layers=1)


@pytest.fixture(autouse=True)
def one_shape(monkeypatch):
    """Each shape that is compared is compiled twice."""
    monkeypatch.setattr(stablehlo, "_SHAPES", ((2, 5),))


@pytest.mark.parametrize("task", ["encoder", "multiple_choice"])
def test_the_program_serves_other_shapes_than_it_was_checked_with(task, tmp_path):
    config, head = CONFIG, HEADS[task]
    params = random_params(config, head)
    assert write_stablehlo(config, head, params, tmp_path).largest_difference < 1e-6
    weights, program = read_stablehlo(tmp_path)
    shape = (2, 5, 9) if task == "multiple_choice" else (5, 9)
    ids = np.random.default_rng(0).integers(5, 130, shape).astype(np.int32)
    inputs = {"input_ids": ids, "token_type_ids": ids * 0, "attention_mask": ids * 0 + 1}
    wanted = models.make_model(config, head).apply({"params": params}, *inputs.values())
    found = program(weights, inputs)
    name = "last_hidden_state" if task == "encoder" else "logits"
    wanted = wanted.encoder.sequence if task == "encoder" else wanted.logits
    np.testing.assert_allclose(found[name], wanted, atol=1e-6)
    signature = json.loads((tmp_path / "signature.json").read_text())
    assert signature["platforms"] == ["cpu", "cuda", "rocm", "tpu"]
    assert "batch" in signature["inputs"]["input_ids"]


def test_a_masked_lm_scores_every_position_and_only_words(tmp_path):
    config = CONFIG
    params = random_params(config, HeadConfig())
    write_stablehlo(config, HeadConfig(), params, tmp_path)
    signature = json.loads((tmp_path / "signature.json").read_text())
    assert signature["outputs"] == {
        "logits": "float32[batch,length,130]",
        "seq_relationship_logits": "float32[batch,2]",
    }


def test_an_encoder_of_sentences_pools_in_its_program(tmp_path):
    head = HeadConfig(task="encoder", has_pooler=False, pooling="mean", normalize=True)
    params = random_params(CONFIG, head)
    sentences = SentenceConfig(truncate_dim=5)
    assert write_stablehlo(CONFIG, head, params, tmp_path, sentences).signature["outputs"] == {
        "last_hidden_state": "float32[batch,length,16]",
        "sentence_embedding": "float32[batch,5]",
    }
    weights, program = read_stablehlo(tmp_path)
    ids = np.random.default_rng(0).integers(5, 130, (3, 7)).astype(np.int32)
    mask = (np.arange(7) < [[7], [4], [2]]).astype(np.int32)
    ids *= mask
    inputs = {"input_ids": ids, "token_type_ids": ids * 0, "attention_mask": mask}
    found = program(weights, inputs)
    states = np.asarray(found["last_hidden_state"])
    means = np.stack([row[:length].mean(0) for row, length in zip(states, (7, 4, 2), strict=True)])
    wanted = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(found["sentence_embedding"], wanted[:, :5], atol=1e-6)


def test_a_row_that_is_too_long_is_said_and_the_longest_stands_in_the_signature(tmp_path):
    head = HEADS["encoder"]
    found = write_stablehlo(CONFIG, head, random_params(CONFIG, head), tmp_path)
    assert found.signature["max_length"] == CONFIG.max_length == 32
    weights, program = read_stablehlo(tmp_path)
    ids = np.ones((1, 33), np.int32)
    inputs = dict.fromkeys(("input_ids", "token_type_ids", "attention_mask"), ids)
    with pytest.raises(UserError, match="rows have 33 tokens; the program takes at most 32"):
        program(weights, inputs)


def test_the_page_on_models_says_how_a_program_is_used(tmp_path):
    """As it stands there, and without anything of this project."""
    write_stablehlo(CONFIG, HEADS["encoder"], random_params(CONFIG, HEADS["encoder"]), tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
    code = page[page.index("from jax import device_put, export") :].partition("```")[0]
    assert "bert_jax" not in code
    found: dict[str, Any] = {}
    exec(
        code.replace("101, 7592, 2088, 102", "2, 7, 9, 3").replace("program/", f"{tmp_path}/"),
        found,
    )
    assert found["outputs"]["last_hidden_state"].shape == (1, 4, 16)


def test_a_missing_library_is_said_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(stablehlo.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"jax needs flatbuffers for it.*pip install flatbuffers"):
        write_stablehlo(CONFIG, HEADS["encoder"], None, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_program_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    config, head = CONFIG, HEADS["question_answering"]
    params = random_params(config, head)
    original = stablehlo.read_stablehlo

    def other_weights(folder):
        weights, program = original(folder)
        return {**weights, "qa_outputs/bias": weights["qa_outputs/bias"] + 0.1}, program

    monkeypatch.setattr(stablehlo, "read_stablehlo", other_weights)
    with pytest.raises(UserError, match="computes something else than the model"):
        write_stablehlo(config, head, params, tmp_path)
