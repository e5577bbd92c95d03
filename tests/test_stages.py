import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splits import IDS, random_split

from data_pipeline.batches import PretrainingBatches
from data_pipeline.errors import DataError
from data_pipeline.mixture import MixtureBatches
from data_pipeline.mixture_shares import shares_of
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.cache import PlanSource
from data_pipeline.prefetch import Prefetch
from data_pipeline.stages import BEGUN_BEFORE, StagedBatches, stage_seed

SPLIT = random_split(0, documents=60)
SHORT = PretrainingObjective(max_length=32, max_predictions=5)
LONG = PretrainingObjective(max_length=64, max_predictions=10)


def batches_of(
    objective: PretrainingObjective, seed: int, batch_size: int = 8
) -> PretrainingBatches:
    return PretrainingBatches(SPLIT, IDS, objective, seed=seed, batch_size=batch_size)


class Named:
    """Batches that say whose they are and which, and keep what was begun."""

    def __init__(self, name: str) -> None:
        self.name, self.begun, self.released = name, list[int](), 0

    def __call__(self, step: int) -> dict[str, np.ndarray]:
        return {self.name: np.array(step)}

    def begin(self, step: int) -> None:
        self.begun.append(step)

    def release(self) -> None:
        self.released += 1


def found(batches: StagedBatches, step: int) -> tuple[str, int]:
    ((name, number),) = batches(step).items()
    return name, int(number)


@given(st.sets(st.integers(1, 60), max_size=4), st.lists(st.integers(0, 80), min_size=1))
def test_a_step_is_that_of_its_stage_since_the_stage_began(starts: set[int], steps: list[int]):
    bounds = [0, *sorted(starts)]
    batches = StagedBatches([Named(str(start)) for start in bounds], bounds)
    for step in steps:  # in any order
        start = max(bound for bound in bounds if bound <= step)
        assert found(batches, step) == (str(start), step - start)


@pytest.mark.parametrize("packed", [1, 4])
@pytest.mark.parametrize("static", [0, 2])
def test_the_first_stage_is_what_it_is_without_others(packed: int, static: int) -> None:
    objectives = [
        PretrainingObjective(
            max_length=length, max_predictions=6, max_sequences=packed, static_epochs=static
        )
        for length in (32, 64)
    ]
    batches = StagedBatches(
        [batches_of(objectives[0], 7), batches_of(objectives[1], stage_seed(7, 1), 4)], [0, 3]
    )
    alone = batches_of(objectives[0], 7)
    for step in (0, 2):
        staged, plain = batches(step), alone(step)
        assert staged.keys() == plain.keys()
        for name in plain:
            np.testing.assert_array_equal(staged[name], plain[name])
    assert batches(3)["input_ids"].shape == (4, 64)


def test_a_later_stage_of_the_same_shape_draws_other_pairs_and_masks() -> None:
    seeds = [stage_seed(5, stage) for stage in range(3)]
    assert seeds[0] == 5
    assert max(seeds) < 2**32
    firsts = [batches_of(SHORT, seed)(0) for seed in seeds]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(firsts[one]["input_ids"], firsts[other]["input_ids"])


def test_batches_made_ahead_across_a_border_are_those_asked_for_one_by_one() -> None:
    parts = [batches_of(SHORT, 1), batches_of(LONG, 2, 4), batches_of(SHORT, 3)]
    with Prefetch(StagedBatches(parts, [0, 3, 5]), 2, 7) as ahead:
        made = dict(ahead)
    alone = StagedBatches(parts, [0, 3, 5])
    assert [made[step]["input_ids"].shape for step in range(2, 7)] == [
        *((8, 32), (4, 64), (4, 64), (8, 32), (8, 32))
    ]
    for step, batch in made.items():
        np.testing.assert_array_equal(batch["input_ids"], alone(step)["input_ids"])


def test_the_next_stage_is_begun_once_and_not_long_before_it() -> None:
    first, second, third = parts = [Named("first"), Named("second"), Named("third")]
    border = BEGUN_BEFORE + 5
    batches = StagedBatches(parts, [0, border, border + 2])
    batches(4)
    assert second.begun == []
    batches(5)
    batches(6)
    assert (first.begun, second.begun, third.begun) == ([], [0], [])
    batches(border)
    batches(border + 1)
    assert (second.begun, third.begun) == ([0], [0])


@pytest.mark.parametrize("kind", ["plain", "packed", "mixture"])
def test_what_is_begun_is_made_in_a_thread_and_not_again(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers = []
    done = threading.Event()

    def noted(make):
        def noting(*arguments):
            makers.append(threading.current_thread())
            result = make(*arguments)
            done.set()
            return result

        return noting

    from data_pipeline.plans import cache, packed_cache

    monkeypatch.setattr(cache, "make_plan", noted(cache.make_plan))
    monkeypatch.setattr(packed_cache, "make_packed_plan", noted(packed_cache.make_packed_plan))
    if kind == "mixture":
        splits, shares = [SPLIT], shares_of([1])
        batches = MixtureBatches(splits, shares, IDS, SHORT, seed=1, batch_size=4)
    else:
        packed = 4 if kind == "packed" else 1
        objective = PretrainingObjective(max_length=64, max_predictions=10, max_sequences=packed)
        batches = batches_of(objective, 1)
    batches.begin(0)
    assert done.wait(10)
    batches(0)
    assert len(makers) == 1
    assert makers[0] is not threading.main_thread()


@pytest.mark.parametrize(
    ("parts", "starts", "said"),
    [
        (0, [], "at least one part; got 0 parts"),
        (2, [0], "got 2 parts and 1 start$"),
        (1, [3], r"start at step 0 and then ever later; got \[3\]"),
        (3, [0, 5, 5], r"ever later; got \[0, 5, 5\]"),
    ],
)
def test_stages_that_do_not_fit_are_an_error(parts: int, starts: list[int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        StagedBatches([Named("part")] * parts, starts)


def test_there_is_no_step_before_the_first() -> None:
    with pytest.raises(DataError, match="numbered from 0; got -1"):
        StagedBatches([Named("only")], [0])(-1)


def test_stages_of_the_past_let_go_of_what_they_keep_once_and_can_still_be_asked() -> None:
    parts = [Named("a"), Named("b"), Named("c")]
    batches = StagedBatches(parts, [0, 3, 5])
    for step in range(5):
        batches(step)
        assert [part.released for part in parts] == [int(step >= 3), 0, 0]
    assert found(batches, 6) == ("c", 1)
    assert found(batches, 2) == ("a", 2)
    assert found(batches, 6) == ("c", 1)
    assert [part.released for part in parts] == [1, 1, 0]


def _plans_in_memory(batches: PretrainingBatches) -> int:
    plans = batches._source._plans
    return len(plans._plans._jobs if isinstance(plans, PlanSource) else plans._jobs)


@pytest.mark.parametrize("packed", [1, 4])
def test_the_plans_of_a_past_stage_are_free_and_its_batches_come_again(packed: int) -> None:
    objective = PretrainingObjective(max_length=32, max_predictions=6, max_sequences=packed)
    for batches in (
        batches_of(objective, seed=0),
        MixtureBatches([SPLIT, SPLIT], shares_of([1, 2]), IDS, objective, seed=0, batch_size=8),
    ):
        before = [batches(step) for step in range(3)]
        parts = [batches] if isinstance(batches, PretrainingBatches) else batches._parts
        assert all(_plans_in_memory(part) for part in parts)
        batches.release()
        assert not any(_plans_in_memory(part) for part in parts)
        assert not batches._in_turn._ahead
        for step, expected in enumerate(before):
            for name, values in batches(step).items():
                assert np.array_equal(values, expected[name])
