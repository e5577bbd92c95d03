"""What the numbers of a tensor are like, so that one that is broken or dead is seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

# Numbers that are in memory as float64 at a time.
_CHUNK = 1 << 20


class TensorNumbers(NamedTuple):
    """Of the finite numbers of a tensor, and how many are not.

    Attributes:
      mean: None where there is no finite number; so are the next two.
      std: the standard deviation.
      largest: the largest magnitude.
      constant: whether there are several finite numbers, and all are the same.
      nan: how many are no number.
      infinite: how many are infinite.
    """

    mean: float | None
    std: float | None
    largest: float | None
    constant: bool
    nan: int
    infinite: int


def numbers_of(array: np.ndarray[Any, Any]) -> TensorNumbers:
    """Measure a tensor of any type with numbers; memory is taken for a part of it at a time."""
    flat = array.reshape(-1)
    nan = infinite = count = 0
    total, low, high = 0.0, math.inf, -math.inf
    for chunk in _chunks(flat):
        finite = chunk[np.isfinite(chunk)]
        nans = int(np.isnan(chunk).sum())
        nan, infinite = nan + nans, infinite + len(chunk) - len(finite) - nans
        if len(finite):
            count, total = count + len(finite), total + float(finite.sum())
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if not count:
        return TensorNumbers(None, None, None, False, nan, infinite)
    mean = total / count
    squares = sum(
        float(np.square(chunk[np.isfinite(chunk)] - mean).sum()) for chunk in _chunks(flat)
    )
    constant = count > 1 and low == high
    # The mean of equal numbers may be one rounding away from them.
    std = 0.0 if constant else math.sqrt(squares / count)
    return TensorNumbers(mean, std, max(abs(low), abs(high)), constant, nan, infinite)


def _chunks(flat: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    for start in range(0, len(flat), _CHUNK):
        chunk = flat[start : start + _CHUNK]
        yield (chunk.real if chunk.dtype.kind == "c" else chunk).astype(np.float64)
