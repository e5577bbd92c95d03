import dataclasses
import hashlib
from collections import Counter

import numpy as np
import pytest
from scipy import stats
from splits import random_split, split_of
from statistics_bounds import CHANCE

from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.document_walk import Corpus, walk
from data_pipeline.plans.sentence_pairs import Plan, count_examples, make_plan
from data_pipeline.store.token_store import Split

SMALL = PretrainingObjective(max_length=24, max_predictions=4)


def rows_of(plan: Plan) -> list[tuple]:
    return sorted(plan.examples.tolist())


def walk_of(split: Split, seed: int, epoch: int = 0) -> np.ndarray:
    """The examples of the walk alone, in its order."""
    chunks = walk(Corpus.of(split), SMALL, seed, epoch)
    return np.concatenate([piece.examples() for piece in chunks])


def test_every_epoch_of_every_seed_has_the_same_number_of_examples() -> None:
    split = random_split(2, documents=200)
    wanted = count_examples(split, SMALL)
    lengths = []
    for seed in range(3):
        for epoch in range(4):
            assert len(make_plan(split, SMALL, seed, epoch)) == wanted
            lengths.append(len(walk_of(split, seed, epoch)))
    # Both cases were among them: a walk with more examples, and one with fewer.
    assert min(lengths) < wanted < max(lengths)


def test_a_short_walk_is_kept_whole_and_followed_by_further_visits() -> None:
    split = random_split(3, documents=50)
    walked = walk_of(split, seed=5)
    wanted = 3 * len(walked) + 7
    plan = make_plan(split, SMALL, seed=5, epoch=0, num_examples=wanted)
    assert len(plan) == wanted
    have, first = Counter(rows_of(plan)), Counter(rows_of(Plan(walked)))
    assert not first - have
    # The other visits draw their own numbers.
    assert sum((have - first).values()) == wanted - len(walked)
    assert len(have) > 1.9 * len(first)


def test_a_long_walk_loses_a_random_part() -> None:
    split = random_split(3, documents=50)
    walked = walk_of(split, seed=5)
    half = len(walked) // 2
    plan = make_plan(split, SMALL, seed=5, epoch=0, num_examples=half)
    assert not Counter(rows_of(plan)) - Counter(rows_of(Plan(walked)))
    kept_of_first_half = np.isin(walked["a_start"][:half], plan.a_start).sum()
    assert 0.3 * half < kept_of_first_half < 0.7 * half


def test_examples_are_shuffled_anew_in_every_epoch() -> None:
    split = random_split(4, documents=400)
    plans = [make_plan(split, SMALL, seed=0, epoch=epoch) for epoch in range(2)]
    for plan in plans:
        ranks = stats.rankdata(plan.a_start)
        limit = -stats.norm.ppf(CHANCE / 2) / np.sqrt(len(plan))
        assert abs(np.corrcoef(ranks, np.arange(len(plan)))[0, 1]) < limit
    assert rows_of(plans[0]) != rows_of(plans[1])


def test_a_plan_is_a_pure_function() -> None:
    split = random_split(5, documents=80)
    plan = make_plan(split, SMALL, seed=9, epoch=3)
    assert (make_plan(split, SMALL, seed=9, epoch=3).examples == plan.examples).all()
    assert (make_plan(split, SMALL, seed=8, epoch=3).examples != plan.examples).any()


@pytest.mark.parametrize(
    ("pairs", "examples", "digest"),
    [
        ("next_sentence", 100, "9f9d198686484da6"),
        ("next_sentence", 500, "ec01f3e5195be002"),  # further visits too
        ("sentence_order", 74, "b7368d8dcd427fb8"),
        ("sentence_order", 500, "55b66aa470539613"),
        ("none", 74, "6b58cc35fed4d66a"),
        ("none", 500, "a2b54d8b25d4fb11"),
    ],
)
def test_a_seed_means_the_same_plan_for_good(pairs, examples: int, digest: str) -> None:
    # Runs are repeated by seed: with another digest raise PLAN_FORMAT, and say so in the changelog.
    split = split_of([[4 + (3 * d + 5 * s) % 17 for s in range(1 + d % 9)] for d in range(40)])
    objective = PretrainingObjective(40, 6, pairs=pairs)
    if examples < 500:
        assert count_examples(split, objective) == examples
    plan = make_plan(split, objective, seed=42, epoch=3, num_examples=examples)
    assert hashlib.sha256(plan.examples.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("pairs", ["next_sentence", "sentence_order", "none"])
def test_with_static_epochs_an_epoch_has_the_plan_of_an_earlier_one(pairs) -> None:
    split = random_split(5, documents=80)
    objective = PretrainingObjective(24, 4, pairs=pairs)
    static = dataclasses.replace(objective, static_epochs=3)
    assert count_examples(split, static) == count_examples(split, objective)
    for epoch in (0, 2, 3, 7, 3_000_001):
        expected = make_plan(split, objective, seed=9, epoch=epoch % 3)
        assert (make_plan(split, static, seed=9, epoch=epoch).examples == expected.examples).all()


@pytest.mark.parametrize("lengths", [[], [[5, 6, 7]], [[5, 6], [], [0]]])
def test_a_corpus_without_a_second_document_is_an_error(lengths: list[list[int]]) -> None:
    with pytest.raises(DataError, match=r"two documents .* got [01]\."):
        make_plan(split_of(lengths), SMALL, seed=0, epoch=0)
