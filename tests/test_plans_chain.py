import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.plans.chain import follow


def step_by_step(steps: np.ndarray, entry: int) -> tuple[list[int], int]:
    touched, at = [], entry
    while at < len(steps):
        touched.append(at)
        at += int(steps[at])
    return touched, at


@given(
    st.lists(st.integers(1, 150), max_size=400).map(lambda steps: np.array(steps, np.int64)),
    st.integers(0, 450),
)
def test_a_chain_is_the_one_walked_step_by_step(steps: np.ndarray, entry: int) -> None:
    positions, beyond = follow(steps, entry)
    assert (positions.tolist(), beyond) == step_by_step(steps, entry)


@pytest.mark.parametrize("longest", [1, 2, 10, 1000])
def test_a_long_chain_is_the_one_walked_step_by_step(longest: int) -> None:
    steps = np.random.default_rng(0).integers(1, longest, 10_007, endpoint=True)
    positions, beyond = follow(steps, 3)
    assert (positions.tolist(), beyond) == step_by_step(steps, 3)


def test_every_short_chain_is_the_one_walked_step_by_step() -> None:
    for n in range(6):
        for choice in itertools.product((1, 2, 3), repeat=n):
            for entry in range(n + 1):
                steps = np.array(choice, np.int64)
                positions, beyond = follow(steps, entry)
                assert (positions.tolist(), beyond) == step_by_step(steps, entry)
