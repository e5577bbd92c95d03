"""The training batches of one store or of several."""

import os

import numpy as np
import pytest
from small_runs import make_two_stores

from bert_jax.config import TrainConfig
from bert_jax.recipes.stores import Stores
from bert_jax.recipes.training_batches import make_training, plan_folder
from data_pipeline.batches import PretrainingBatches
from data_pipeline.mixture import MixtureBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import TokenStore

OBJECTIVE = PretrainingObjective(max_length=32, max_predictions=4)
TRAIN = TrainConfig(batch_size=8, seed=3)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return [TokenStore.open(path) for path in make_two_stores(tmp_path_factory.mktemp("two"))]


@pytest.mark.parametrize("count", [1, 2])
def test_each_process_makes_its_part_of_the_batch_of_any_step(two, count):
    stores = Stores.of(two[:count], [1, 2][:count])
    whole = make_training(stores, OBJECTIVE, TRAIN, [None] * count)
    assert isinstance(whole, MixtureBatches if count == 2 else PretrainingBatches)
    parts = [
        make_training(stores, OBJECTIVE, TRAIN, [None] * count, process_index=i, process_count=4)
        for i in range(4)
    ]
    for name, values in whole(40).items():
        np.testing.assert_array_equal(np.concatenate([part(40)[name] for part in parts]), values)


def test_plans_lie_in_the_store_where_it_can_be_written(two, monkeypatch):
    assert plan_folder(two[0]) == two[0].path / "plans"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert plan_folder(two[0]) is None
