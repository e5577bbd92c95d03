"""How much of a run comes from each of several token stores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError

Floats = npt.NDArray[np.float64]

# Rows of which a share is a whole number. More would differ between machines where weights are
# powers of sizes, and with them the fingerprint of the mixture.
PERIOD = 1 << 32
MOST_STORES = 4096


class Shares(NamedTuple):
    """How many of every `PERIOD` rows come from each store; they add up to `PERIOD`."""

    rows: tuple[int, ...]

    def facts(self) -> list[float]:
        """As fractions."""
        return [rows / PERIOD for rows in self.rows]


def shares_of(weights: Sequence[float] | npt.NDArray[np.number]) -> Shares:
    """Shares in proportion to weights, by the method of largest remainders, at least a row each.

    DataError for weights that are no positive numbers, or for more than `MOST_STORES`.
    """
    exact = _numbers(weights, "weight")
    if not len(exact):
        raise DataError("a mixture needs at least one store")
    for weight, number in zip(weights, exact, strict=True):
        if not (math.isfinite(number) and number > 0):
            raise DataError(f"a weight must be above 0 and finite; got {weight}")
    if len(exact) > MOST_STORES:
        raise DataError(f"a mixture has room for {MOST_STORES} stores; got {len(exact)}")
    # By the largest first: the sum of large weights may be beyond every number, and small ones
    # divided by their sum lose all their digits.
    exact /= exact.max()
    exact /= exact.sum()
    exact *= PERIOD
    rows = np.maximum(np.floor(exact), 1).astype(np.int64)
    # What rounding left over goes to those that lost most by it, to the first of those that lost
    # alike; what it took too much (because each store has a row) is taken from the largest.
    lost = np.round(exact - rows, 3)
    rows[np.argsort(-lost, kind="stable")[: max(0, PERIOD - rows.sum())]] += 1
    rows[np.argmax(rows)] -= rows.sum() - PERIOD
    return Shares(tuple(rows.tolist()))


def smoothed_weights(
    sizes: Sequence[float] | npt.NDArray[np.number], exponent: float = 1.0
) -> list[float]:
    """Weights size^exponent; below 1 small stores come oftener than their size says.

    Multilingual BERT has 0.7 (google-research/bert, multilingual.md), XLM-R 0.3 (arXiv 1911.02116);
    1 is in proportion to the sizes, 0 equal. DataError for an exponent outside 0 to 1.
    """
    if not 0 <= exponent <= 1:
        raise DataError(f"the exponent of a mixture must be between 0 and 1; got {exponent}")
    return [float(size**exponent) for size in _numbers(sizes, "size").tolist()]


def _numbers(given: Sequence[float] | npt.NDArray[np.number], name: str) -> Floats:
    """Python's or numpy's numbers as an array."""
    if isinstance(given, np.ndarray):
        is_list, shown = given.ndim == 1, f"an array of shape {given.shape}"
    else:
        is_list = isinstance(given, Sequence) and not isinstance(given, (str, bytes))
        shown = repr(given)
    if not is_list:
        raise DataError(f"{name}s must be a list of numbers, one for each store; got {shown}")
    for value in given:
        if isinstance(value, (bool, np.bool_)) or not isinstance(
            value, (int, float, np.integer, np.floating)
        ):
            raise DataError(f"a {name} must be a number; got {value!r}")
    try:
        return np.array([float(value) for value in given])
    except OverflowError:
        raise DataError(f"a {name} must be below 10^308; one of them is larger") from None
