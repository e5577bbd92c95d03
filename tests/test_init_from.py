"""Starting from another run's weights: which run will do, and that its weights are taken."""

import json
import shutil

import jax
import numpy as np
import pytest

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.inference.load import load
from bert_jax.recipes.init_from import check_source, read_weights
from bert_jax.recipes.run_folder import write_json
from data_pipeline.tokenizer import Tokenizer, load_tokenizer


@pytest.fixture(scope="module")
def config(tiny_run):
    return BertConfig.from_json_file(tiny_run.run_dir / "config.json")


@pytest.fixture(scope="module")
def tokenizer(tiny_run):
    return load_tokenizer(tiny_run.store / "tokenizer")


def test_without_a_source_there_is_none(config, tokenizer, tmp_path):
    assert check_source(None, tmp_path, config, tokenizer) is None


def test_a_run_of_the_same_model_gives_its_newest_weights(tiny_run, config, tokenizer, tmp_path):
    found = check_source(str(tiny_run.run_dir), tmp_path, config, tokenizer)
    assert found == (tiny_run.run_dir, 4)
    wanted = load(tiny_run.run_dir).params
    here = jax.sharding.SingleDeviceSharding(jax.devices()[1])
    target = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here), wanted
    )
    params = read_weights(*found, target)
    jax.tree.map(np.testing.assert_array_equal, params, wanted)
    assert jax.tree.leaves(params)[0].sharding == here


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
    assert check_source(source, tmp_path, config, tokenizer) == (source, 4)
    with pytest.raises(UserError, match=f"begun with --init_from {source}, .* with new weights"):
        check_source(None, tmp_path, config, tokenizer)
    write_json(tmp_path / "provenance.json", {"data": {"fingerprint": "feed"}})
    with pytest.raises(UserError, match=f"begun with new weights, .* with --init_from {source}"):
        check_source(source, tmp_path, config, tokenizer)
