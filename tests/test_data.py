"""Where the store meets the trainer."""

import dataclasses
import os

import numpy as np
import pytest

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.recipes import data as module
from bert_jax.recipes.data import data_facts, open_data, open_store
from bert_jax.recipes.data_config import DataConfig
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import TokenStore

OBJECTIVE = PretrainingObjective(max_length=32, max_predictions=4)
TRAIN = TrainConfig(batch_size=8, eval_examples=12, seed=3)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    from runs import make_store

    return TokenStore.open(make_store(tmp_path_factory.mktemp("data")))


def test_a_named_store_is_opened(store, tmp_path):
    found = open_store(DataConfig(store=str(store.path)), tmp_path)
    assert found.fingerprint == store.fingerprint
    assert os.listdir(tmp_path) == []


def test_the_embedded_corpus_is_kept_beside_the_runs_by_its_size(monkeypatch, tmp_path):
    asked = []

    def documentation_store(folder, vocab_size, progress):
        asked.append((folder, vocab_size))
        return "store"

    monkeypatch.setattr(module, "documentation_store", documentation_store)
    config = DataConfig(corpus="documentation", corpus_vocab_size=300)
    assert open_store(config, tmp_path / "runs") == "store"
    assert asked == [(tmp_path / "runs" / "data" / "documentation_300", 300)]


def test_training_and_held_out_batches_come_from_their_own_splits(store, tmp_path):
    data = open_data(store, OBJECTIVE, TRAIN, tmp_path / "plans")
    assert data.training(0)["input_ids"].shape == (8, 32)
    assert data.held_out.num_examples == 12
    assert len(data.held_out) == 2
    assert data.training.examples_per_epoch > 100
    other = open_data(store, OBJECTIVE, TrainConfig(batch_size=8, seed=4), tmp_path / "plans")
    assert not np.array_equal(other.training(0)["input_ids"], data.training(0)["input_ids"])
    # The seed of a run leaves what it is compared on as it is.
    for name, array in other.held_out[0].items():
        np.testing.assert_array_equal(array, data.held_out[0][name])


def test_plans_are_kept_in_the_store_or_where_that_is_read_only_in_the_run(
    store, tmp_path, monkeypatch
):
    open_data(store, OBJECTIVE, TRAIN, tmp_path / "plans").training(0)
    assert (store.path / "plans").is_dir()
    assert not (tmp_path / "plans").exists()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    open_data(store, OBJECTIVE, TRAIN, tmp_path / "plans").training(0)
    assert list((tmp_path / "plans").glob("plan-*.npy"))


def test_facts_are_the_manifests_without_checksums(store):
    found = data_facts(store)
    assert found["fingerprint"] == store.fingerprint
    assert found["path"] == str(store.path)
    assert found["splits"] == store.manifest["splits"]
    assert "files" not in found


def test_a_single_held_out_document_is_an_error_that_says_what_to_do(store, tmp_path, monkeypatch):
    split = store.eval
    sentences = int(split.document_offsets[1])
    tokens = int(split.sentence_offsets[sentences])
    one = dataclasses.replace(
        split,
        tokens=split.tokens[:tokens],
        sentence_offsets=split.sentence_offsets[: sentences + 1],
        document_offsets=split.document_offsets[:2],
    )
    few = TokenStore(store.path, store.manifest, {"train": store.train, "eval": one})
    with pytest.raises(UserError, match=r"holds out 1 document .* larger --eval_share"):
        open_data(few, OBJECTIVE, TRAIN, tmp_path / "plans")
    # Nothing of another document is needed where no partner is random.
    monkeypatch.setattr(module, "evaluation_batches", lambda *_, **__: "held out")
    for pairs in ("sentence_order", "none"):
        objective = PretrainingObjective(max_length=64, pairs=pairs)
        assert open_data(few, objective, TRAIN, tmp_path / "plans").held_out == "held out"
