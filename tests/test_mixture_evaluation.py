import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splits import IDS, random_split

from data_pipeline.evaluation import evaluation_batches
from data_pipeline.mixture import shares_of
from data_pipeline.mixture_evaluation import (
    FEWEST_EXAMPLES,
    MixtureEvaluation,
    examples_of_stores,
)
from data_pipeline.objective import PretrainingObjective

OBJECTIVE = PretrainingObjective(max_length=40, max_predictions=6)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9), st.integers(1, 20_000))
def test_examples_are_never_too_many_and_every_store_gives_enough_to_tell_its_loss(
    weights: list[float], most: int
) -> None:
    counts = examples_of_stores(shares_of(weights), most)
    stores = len(weights)
    assert most - stores <= sum(counts) <= max(most, stores)
    assert min(counts) >= max(1, min(FEWEST_EXAMPLES, most // (2 * stores)))


def test_examples_are_in_the_shares_of_training_where_each_store_has_enough() -> None:
    assert examples_of_stores(shares_of([3, 1]), 10_000) == [7500, 2500]
    # 1 % of 1,000 would be 10.
    assert examples_of_stores(shares_of([99, 1]), 1_000) == [900, 100]


def test_batches_are_those_of_each_store_one_store_after_the_other() -> None:
    parts = {
        name: evaluation_batches(
            random_split(seed, documents=20), IDS, OBJECTIVE, batch_size=8, max_examples=count
        )
        for seed, (name, count) in enumerate({"en": 20, "sw": 9}.items())
    }
    mixed = MixtureEvaluation(parts, shares_of([9, 1]))
    assert (len(mixed), mixed.num_examples, mixed.num_rows) == (5, 29, 29)
    wanted = [*parts["en"], *parts["sw"]]
    for found, batch in zip(mixed, wanted, strict=True):
        np.testing.assert_array_equal(found["input_ids"], batch["input_ids"])
    np.testing.assert_array_equal(mixed[-1]["input_ids"], wanted[-1]["input_ids"])
    assert len(mixed[1:4]) == 3
    # 20 rows stand for nine tenths, and 9 rows for one.
    assert mixed.weights == pytest.approx({"en": 0.9 * 29 / 20, "sw": 0.1 * 29 / 9})
    with pytest.raises(IndexError, match="batch 5 of 5"):
        mixed[5]
