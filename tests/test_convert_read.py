"""Checkpoints of google-research/bert: which head, which weights, what is left."""

import json
import os

import numpy as np
import pytest
from converted import small_model
from test_task_heads import HEADS
from tf1_bundles import write_checkpoint

from bert_jax.convert.layout import flatten, meant_shapes, places, to_theirs
from bert_jax.convert.names import GOOGLE
from bert_jax.convert.open_model import open_model
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 16,
    "initializer_range": 0.02,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": 130,
}


def google_folder(folder, head=None, *, slots=False, config=CONFIG, change=lambda tensors: tensors):
    """A checkpoint as the original's scripts leave it, and its weights."""
    model, params = small_model(head)
    tensors = to_theirs(places(model.config, model.head, GOOGLE), params)
    if slots:
        for name in list(tensors):
            tensors[f"{name}/adam_m"] = tensors[f"{name}/adam_v"] = np.ones_like(tensors[name])
        tensors["global_step"] = np.asarray(7, np.int64)
    folder.mkdir()
    write_checkpoint(folder / "bert_model.ckpt", change(tensors))
    (folder / "bert_config.json").write_text(json.dumps(config))
    return model, params


def assert_same(model, one, other):
    one, other = flatten(one), flatten(other)
    for path, shape in meant_shapes(model.config, model.head).items():
        np.testing.assert_array_equal(one[path][: shape[0]], other[path][: shape[0]])


@pytest.mark.parametrize("slots", [False, True])
@pytest.mark.parametrize("name", ["", "bert_model.ckpt", "bert_model.ckpt.index"])
def test_a_release_opens_by_its_folder_and_by_its_prefix(name, slots, tmp_path):
    model, params = google_folder(tmp_path / "m", slots=slots)
    found = open_model(tmp_path / "m" / name)
    assert (found.kind, found.config, found.head) == ("google", model.config, model.head)
    assert_same(model, params, found.weights.read())
    assert len(found.weights.notes) == 2 * slots
    if slots:
        assert any("of the optimiser's slots" in note for note in found.weights.notes)


@pytest.mark.parametrize(
    "name",
    ["bert_config.json", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"],
)
def test_a_named_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(name, tmp_path):
    google_folder(tmp_path / "m")
    (tmp_path / "m" / name).unlink()
    os.mkfifo(tmp_path / "m" / name)
    for given in (tmp_path / "m", tmp_path / "m" / "bert_model.ckpt"):
        with pytest.raises(UserError, match=f"{name} is no regular file but a named pipe"):
            open_model(given)


def test_question_answering_is_known_by_its_names(tmp_path):
    model, params = google_folder(tmp_path / "m", HEADS["question_answering"])
    found = open_model(tmp_path / "m")
    assert found.head == model.head
    assert_same(model, params, found.weights.read())


def test_a_fine_tuned_classifier_must_be_told_what_it_classifies(tmp_path):
    head = HeadConfig(task="sequence_classification", labels=("a", "b", "c"))
    model, params = google_folder(tmp_path / "m", head)
    with pytest.raises(UserError, match="give --head with one of sequence_classification"):
        open_model(tmp_path / "m")
    with pytest.raises(UserError, match=r"output_weights is \[3, 16\] and must be \[2, 16\]"):
        open_model(tmp_path / "m", task="sequence_classification")
    labels = {"id2label": {"0": "a", "1": "b", "2": "c"}}
    (tmp_path / "m" / "bert_config.json").write_text(json.dumps(CONFIG | labels))
    found = open_model(tmp_path / "m", task="sequence_classification")
    assert found.head == head
    assert_same(model, params, found.weights.read())


def test_what_is_missing_or_left_over_is_named_as_the_checkpoint_names_it(tmp_path):
    def change(tensors):
        tensors["mine/kernel"] = tensors.pop("bert/pooler/dense/kernel")
        return tensors

    google_folder(tmp_path / "m", change=change)
    with pytest.raises(UserError, match=r"missing: bert/pooler/dense/kernel; .*mine/kernel"):
        open_model(tmp_path / "m")
    found = open_model(tmp_path / "m", drop=["mine/*"], new=["bert/pooler/*"])
    assert len(found.weights.notes) == 2


@pytest.mark.parametrize("field", sorted(set(CONFIG) & {"vocab_size", "hidden_size"}))
@pytest.mark.parametrize("value", [None, -1, 0, 10**12, "16", [16], True])
def test_a_wrong_size_is_one_line_that_names_the_file(field, value, tmp_path):
    google_folder(tmp_path / "m", config=CONFIG | {field: value})
    with pytest.raises(UserError, match=rf"bert_config\.json: .*{field}") as caught:
        open_model(tmp_path / "m")
    assert "\n" not in str(caught.value)
