"""Mean, deviation and largest of a tensor, of any type, a part of it at a time."""

import ml_dtypes
import numpy as np
import pytest

from bert_jax.convert import tensor_numbers
from bert_jax.convert.tensor_numbers import TensorNumbers, numbers_of


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.bfloat16, np.int64])
def test_a_tensor_is_measured_in_float64_whatever_its_parts(dtype, monkeypatch):
    array = np.random.default_rng(0).normal(3, 40, (7, 9)).astype(dtype)
    wide = array.astype(np.float64)
    wanted = (wide.mean(), wide.std(), np.abs(wide).max())
    for size in (1, 10, 1 << 20):
        monkeypatch.setattr(tensor_numbers, "_CHUNK", size)
        found = numbers_of(array)
        np.testing.assert_allclose(found[:3], wanted, rtol=1e-12)
        assert found[3:] == (False, 0, 0)


def test_what_is_no_number_is_counted_and_left_out():
    array = np.array([1, np.nan, np.inf, -np.inf, -3, np.nan], np.float32)
    assert numbers_of(array) == TensorNumbers(-1.0, 2.0, 3.0, False, 2, 2)
    assert numbers_of(array[1:4]) == TensorNumbers(None, None, None, False, 1, 2)
    assert numbers_of(array[:0]) == TensorNumbers(None, None, None, False, 0, 0)


def test_equal_numbers_are_seen_and_a_lone_one_is_not():
    tenth = np.full((3, 1000), 0.1, np.float32)
    found = numbers_of(tenth)
    assert found.constant
    assert found.std == 0.0
    assert not numbers_of(tenth[0, :1]).constant
    assert not numbers_of(np.array([1.0, -1.0])).constant
