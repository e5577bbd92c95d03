"""Where the store meets the trainer."""

import dataclasses
import os

import numpy as np
import pytest

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.recipes import data as module
from bert_jax.recipes.data import describe_epochs, open_data
from bert_jax.recipes.stores import Stores
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import TokenStore

OBJECTIVE = PretrainingObjective(max_length=32, max_predictions=4)
TRAIN = TrainConfig(batch_size=8, eval_examples=12, seed=3)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    from small_runs import make_two_stores

    return [TokenStore.open(path) for path in make_two_stores(tmp_path_factory.mktemp("two"))]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    from small_runs import make_store

    return TokenStore.open(make_store(tmp_path_factory.mktemp("data")))


def first_document(split):
    sentences = int(split.document_offsets[1])
    tokens = int(split.sentence_offsets[sentences])
    return dataclasses.replace(
        split,
        tokens=split.tokens[:tokens],
        sentence_offsets=split.sentence_offsets[: sentences + 1],
        document_offsets=split.document_offsets[:2],
    )


def test_training_and_held_out_batches_come_from_their_own_splits(store, tmp_path):
    data = open_data(Stores.of([store]), OBJECTIVE, TRAIN, tmp_path / "plans")
    assert data.training(0)["input_ids"].shape == (8, 32)
    assert data.held_out.num_examples == 12
    assert len(data.held_out) == 2
    assert data.training.examples_per_epoch > 100
    other = open_data(
        Stores.of([store]), OBJECTIVE, TrainConfig(batch_size=8, seed=4), tmp_path / "plans"
    )
    assert not np.array_equal(other.training(0)["input_ids"], data.training(0)["input_ids"])
    # The seed of a run leaves what it is compared on as it is.
    for name, array in other.held_out[0].items():
        np.testing.assert_array_equal(array, data.held_out[0][name])


def test_plans_are_kept_in_the_store_or_where_that_is_read_only_in_the_run(
    store, tmp_path, monkeypatch
):
    open_data(Stores.of([store]), OBJECTIVE, TRAIN, tmp_path / "plans").training(0)
    assert (store.path / "plans").is_dir()
    assert not (tmp_path / "plans").exists()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    open_data(Stores.of([store]), OBJECTIVE, TRAIN, tmp_path / "plans").training(0)
    assert list((tmp_path / "plans").glob("plan-*.npy"))


def test_a_single_held_out_document_is_an_error_that_says_what_to_do(store, tmp_path, monkeypatch):
    one = first_document(store.eval)
    few = TokenStore(store.path, store.manifest, {"train": store.train, "eval": one})
    with pytest.raises(UserError, match=r"holds out 1 document .* larger --eval_share"):
        open_data(Stores.of([few]), OBJECTIVE, TRAIN, tmp_path / "plans")
    # Nothing of another document is needed where no partner is random.
    monkeypatch.setattr(module, "evaluation_batches", lambda *_, **__: "held out")
    for pairs in ("sentence_order", "none"):
        objective = PretrainingObjective(max_length=64, pairs=pairs)
        assert (
            open_data(Stores.of([few]), objective, TRAIN, tmp_path / "plans").held_out == "held out"
        )


def test_a_mixture_trains_in_its_shares_and_is_held_out_by_store(two, tmp_path):
    data = open_data(Stores.of(two, [3, 1]), OBJECTIVE, TRAIN, tmp_path / "plans")
    assert data.training(0)["input_ids"].shape == (8, 32)
    assert data.held_out.stores.keys() == {"en", "sw"}
    assert [part.num_examples for part in data.held_out.stores.values()] == [9, 3]
    own = open_data(Stores.of(two[1:]), OBJECTIVE, TRAIN, tmp_path / "plans").held_out
    # A store's held-out examples do not depend on what it is mixed with.
    np.testing.assert_array_equal(
        data.held_out.stores["sw"][0]["input_ids"][:3], own[0]["input_ids"][:3]
    )
    assert all((store.path / "plans").is_dir() for store in two)


def test_plans_of_a_mixture_that_cannot_be_kept_in_its_stores_are_kept_apart(
    two, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    open_data(Stores.of(two, [1, 1]), OBJECTIVE, TRAIN, tmp_path / "plans").training(0)
    assert {path.name for path in (tmp_path / "plans").iterdir()} == {"en", "sw"}


def test_a_store_of_a_mixture_with_too_little_text_is_named(two, store, tmp_path):
    one = first_document(store.eval)
    for splits, said in (
        ({"train": two[1].train, "eval": one}, "sw holds out 1 document"),
        ({"train": one, "eval": two[1].eval}, "sw has 1 document to train on, and needs 2"),
    ):
        few = TokenStore(two[1].path, two[1].manifest, splits)
        with pytest.raises(UserError, match=said):
            open_data(Stores.of([two[0], few], [1, 1]), OBJECTIVE, TRAIN, tmp_path / "plans")


def test_epochs_are_said_by_store(two):
    assert describe_epochs(Stores.of(two[:1]), [1.04]) == "1.0 epochs"
    assert describe_epochs(Stores.of(two[:1]), [0.02]) == "0.02 epochs"
    mixture = Stores.of(two, [1, 1])
    assert describe_epochs(mixture, [0.042, 12.06]) == "en 0.04 epochs, sw 12.06 epochs"
    many = dataclasses.replace(mixture, names=tuple("abcdefg"))
    assert describe_epochs(many, [3, 0.5, 1, 1, 1, 1, 7]) == "0.5 to 7.0 epochs of a store"
