"""The checks of a conversion: what they find, and what they say when they find it."""

import json
import subprocess

import jax
import numpy as np
import pytest
from converted import small_model
from test_task_heads import HEADS

from bert_jax.convert import self_check
from bert_jax.convert.self_check import check_outputs, check_weights, our_outputs, random_batch
from bert_jax.convert.write import write_hugging_face
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

pytestmark = pytest.mark.heavy

OUTPUTS = {
    "pretraining": {"prediction_logits": (2, 16, 130), "seq_relationship_logits": (2, 2)},
    "sequence_classification": {"logits": (2, 3)},
    "token_classification": {"logits": (2, 16, 3)},
    "question_answering": {"start_logits": (2, 16), "end_logits": (2, 16)},
    "multiple_choice": {"logits": (2, 2)},
    "encoder": {"last_hidden_state": (2, 16, 16), "pooler_output": (2, 16)},
}


def changed(params, path, change):
    """The weights with one of them changed."""
    return jax.tree_util.tree_map_with_path(
        lambda at, x: (
            change(x) if jax.tree_util.keystr(at, simple=True, separator="/") == path else x
        ),
        params,
    )


def test_the_largest_rounding_is_told(tmp_path):
    model, params = small_model()
    write_hugging_face(model, params, tmp_path / "exact")
    found = check_weights(model, params, tmp_path / "exact")
    assert found.largest == 0
    write_hugging_face(model, params, tmp_path / "rounded", "float16")
    rounded = check_weights(model, params, tmp_path / "rounded", "float16")
    assert 0 < rounded.largest <= 2**-11
    assert rounded.compared == found.compared
    with pytest.raises(UserError, match="is not what was read"):
        check_weights(model, params, tmp_path / "rounded")


@pytest.mark.parametrize("path", ["bert/pooler/bias", "bert/encoder/layers/attention/query/kernel"])
def test_one_weight_that_differs_by_one_bit_is_found(path, tmp_path):
    model, params = small_model()
    write_hugging_face(model, params, tmp_path / "m")

    def one_bit(x):
        x = np.array(x)
        x.reshape(-1)[3] = np.nextafter(x.reshape(-1)[3], np.float32(9))
        return x

    with pytest.raises(UserError, match=f"{path} is not what was read"):
        check_weights(model, changed(params, path, one_bit), tmp_path / "m")


def test_a_config_that_is_read_as_another_is_found(tmp_path):
    model, params = small_model()
    write_hugging_face(model, params, tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    path.write_text(path.read_text().replace('"hidden_act": "gelu"', '"hidden_act": "relu"'))
    with pytest.raises(UserError, match="hidden_act was 'gelu' and is read again as 'relu'"):
        check_weights(model, params, tmp_path / "m")


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        (HeadConfig(task="question_answering", classifier_dropout=0.3, has_pooler=False), {}),
        (HeadConfig(task="multiple_choice", classifier_dropout=0.3), {}),
        (HeadConfig(task="encoder"), {"pair_task": "next_sentence"}),
        (HEADS["token_classification"], {"pair_task": "sentence_order"}),
        (HeadConfig(), {"type_vocab_size": 0, "pair_task": "none"}),
    ],
)
def test_what_a_model_has_no_use_for_need_not_survive(head, fields, tmp_path):
    model, params = small_model(head, **fields)
    write_hugging_face(model, params, tmp_path / "m")
    assert check_weights(model, params, tmp_path / "m").largest == 0


@pytest.mark.parametrize("task", OUTPUTS)
def test_the_tokens_have_padding_and_the_outputs_the_names_of_transformers(task):
    model, params = small_model({"pretraining": HeadConfig(), **HEADS}[task])
    batch = random_batch(model.config, model.head)
    assert set(np.unique(batch["token_type_ids"])) == {0, 1}
    assert batch["attention_mask"].min() == 0
    found = our_outputs(model.config, model.head, params, batch)
    assert {name: array.shape for name, array in found.items()} == OUTPUTS[task]


def a_peer(monkeypatch, model, params, *, off=0.0, missing=(), error=""):
    """Stands in for the interpreter that runs transformers: it computes what we do."""

    def run(command, **_):
        *_, given, made = command
        with np.load(given) as batch:
            found = our_outputs(model.config, model.head, params, dict(batch))
        np.savez(made, **{name: x + off * np.abs(x).max() for name, x in found.items()})
        said = {"version": "9.9", "missing": list(missing)}
        return subprocess.CompletedProcess(command, int(bool(error)), json.dumps(said), error)

    monkeypatch.setattr(self_check.subprocess, "run", run)


def test_outputs_are_told_apart_relative_to_the_largest(tmp_path, monkeypatch):
    model, params = small_model()
    a_peer(monkeypatch, model, params, off=5e-5)
    found = check_outputs(model.config, model.head, params, tmp_path)
    assert found.version == "9.9"
    assert found.largest == pytest.approx(5e-5, rel=0.1)
    a_peer(monkeypatch, model, params, off=2e-4)
    with pytest.raises(UserError, match=r"something else than transformers 9\.9: .* 0\.0001 is"):
        check_outputs(model.config, model.head, params, tmp_path)


def test_what_transformers_misses_or_says_is_one_line(tmp_path, monkeypatch):
    model, params = small_model()
    a_peer(monkeypatch, model, params, missing=["bert.pooler.dense.bias"])
    with pytest.raises(UserError, match=r"9\.9 misses bert\.pooler\.dense\.bias"):
        check_outputs(model.config, model.head, params, tmp_path)
    a_peer(monkeypatch, model, params, error="Traceback\nValueError: no\x1b[2J")
    with pytest.raises(UserError, match=r"transformers cannot open it: ValueError: no\\x1b\[2J$"):
        check_outputs(model.config, model.head, params, tmp_path)
