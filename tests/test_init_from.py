"""Starting from another run's weights: which run will do, and that its weights are taken."""

import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import random_params, small_config

from bert_jax.checkpoint import Checkpoints
from bert_jax.config_file import read_config_file
from bert_jax.errors import UserError
from bert_jax.inference.load import load
from bert_jax.recipes.init_from import (
    Source,
    about_new_weights,
    check_source,
    new_weights,
    read_weights,
)
from bert_jax.recipes.run_folder import write_json
from bert_jax.train_step import TrainState
from data_pipeline.tokenization.tokenizer import Tokenizer, load_tokenizer


@pytest.fixture(scope="module")
def config(tiny_run):
    return read_config_file(tiny_run.run_dir / "config.json")[0]


@pytest.fixture(scope="module")
def tokenizer(tiny_run):
    return load_tokenizer(tiny_run.store / "tokenizer")


def test_without_a_source_there_is_none(config, tokenizer, tmp_path):
    assert check_source(None, tmp_path, config, tokenizer) is None


def test_a_run_of_the_same_model_gives_its_newest_weights(tiny_run, config, tokenizer, tmp_path):
    found = check_source(str(tiny_run.run_dir), tmp_path, config, tokenizer)
    assert found == (tiny_run.run_dir, 4, config)
    wanted = load(tiny_run.run_dir).params
    params = read_weights(found, config, zeros_like(wanted))
    jax.tree.map(np.testing.assert_array_equal, params, wanted)
    assert jax.tree.leaves(params)[0].sharding == jax.tree.leaves(zeros_like(wanted))[0].sharding


def zeros_like(params):
    """Zeros on another device."""
    return jax.tree.map(lambda leaf: jax.device_put(np.zeros_like(leaf), jax.devices()[1]), params)


@pytest.mark.parametrize(
    ("theirs", "ours", "new"),
    [
        ("next_sentence", "next_sentence", ()),
        ("next_sentence", "sentence_order", ("cls/seq_relationship",)),
        ("next_sentence", "none", ("bert/pooler", "cls/seq_relationship")),
        ("none", "sentence_order", ("bert/pooler", "cls/seq_relationship")),
        ("none", "none", ()),
    ],
)
def test_a_run_of_another_objective_gives_what_means_the_same(theirs, ours, new, tmp_path):
    theirs, ours = small_config(pair_task=theirs), small_config(pair_task=ours)
    assert new_weights(theirs, ours) == new
    saved = random_params(theirs)
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(3, TrainState(jnp.int32(3), saved, ()))
        checkpoints.wait()
    made = zeros_like(random_params(ours))
    found = named(read_weights(Source(tmp_path, 3, theirs), ours, made))
    saved = named(saved)
    assert found.keys() == named(made).keys()
    for name, leaf in found.items():
        wanted = np.zeros_like(leaf) if name.startswith(new) else saved[name]
        np.testing.assert_array_equal(leaf, wanted, err_msg=name)


def named(params):
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def test_a_run_of_another_objective_is_no_other_model(tiny_run, config, tokenizer, tmp_path):
    ours = dataclasses.replace(config, pair_task="none")
    assert check_source(tiny_run.run_dir, tmp_path, ours, tokenizer).config == config


def test_a_folder_that_is_missing_or_no_model_is_named(config, tokenizer, tmp_path):
    with pytest.raises(UserError, match=r"--init_from .*nowhere is no model: there is no such"):
        check_source(tmp_path / "nowhere", tmp_path, config, tokenizer)
    with pytest.raises(UserError, match=r"--init_from .* it has no config\.json"):
        check_source(tmp_path, tmp_path / "run", config, tokenizer)


def test_another_model_is_refused_with_the_difference(tiny_run, config, tokenizer, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_run.run_dir, other)
    values = json.loads((other / "config.json").read_text())
    write_json(other / "config.json", values | {"hidden_act": "gelu_new"})
    with pytest.raises(UserError, match="hidden_act is 'gelu_new' there and 'gelu' here"):
        check_source(other, tmp_path / "run", config, tokenizer)


def test_dropout_and_how_weights_are_drawn_may_be_other(tiny_run, config, tokenizer, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_run.run_dir, other)
    values = json.loads((other / "config.json").read_text())
    changed = {"hidden_dropout_prob": 0.4, "initializer_range": 0.5}
    write_json(other / "config.json", values | changed)
    source = check_source(other, tmp_path / "run", config, tokenizer)
    assert source.config.hidden_dropout_prob == 0.4


def test_another_tokeniser_of_the_same_size_is_refused(tiny_run, config, tokenizer, tmp_path):
    vocab = list(tokenizer.vocab)
    vocab[-2:] = reversed(vocab[-2:])
    other = Tokenizer(vocab, tokenizer.rules)
    with pytest.raises(UserError, match="has another tokeniser than the data"):
        check_source(tiny_run.run_dir, tmp_path, config, other)


def test_a_run_without_a_checkpoint_is_refused(tiny_run, config, tokenizer, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_run.run_dir, other)
    for step in ("2", "4"):
        shutil.rmtree(other / "checkpoints" / step)
    with pytest.raises(UserError, match="has no checkpoint yet"):
        check_source(other, tmp_path / "run", config, tokenizer)


def test_a_run_that_was_begun_otherwise_is_refused(tiny_run, config, tokenizer, tmp_path):
    source = tiny_run.run_dir
    write_json(
        tmp_path / "provenance.json",
        {"data": {"fingerprint": "feed"}, "init_from": {"run": str(source), "step": 4}},
    )
    assert check_source(source, tmp_path, config, tokenizer) == (source, 4, config)
    with pytest.raises(UserError, match=f"begun with --init_from {source}, .* with new weights"):
        check_source(None, tmp_path, config, tokenizer)
    write_json(tmp_path / "provenance.json", {"data": {"fingerprint": "feed"}})
    with pytest.raises(UserError, match=f"begun with new weights, .* with --init_from {source}"):
        check_source(source, tmp_path, config, tokenizer)


def test_what_another_pair_task_does_not_give_is_said_in_plain_words(config):
    def said(theirs, ours):
        source = Source("RUN", 4, dataclasses.replace(config, pair_task=theirs))
        return about_new_weights(source, dataclasses.replace(config, pair_task=ours))

    assert said("next_sentence", "next_sentence") is None
    assert said("next_sentence", "sentence_order") == (
        "--init_from RUN: that run was pretrained with pairs 'next_sentence', and this one with "
        "'sentence_order': it takes all weights but cls/seq_relationship, which start at random"
    )
    assert said("none", "sentence_order").endswith(
        "it takes all weights but bert/pooler and cls/seq_relationship, which start at random"
    )
    assert said("sentence_order", "none").endswith(
        "has none: it takes all weights but "
        "bert/pooler and cls/seq_relationship, which it does not need"
    )
