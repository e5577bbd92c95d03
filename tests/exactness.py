"""Differences of our numbers from those of others: measured, held to their bounds, and kept.

A test measures a difference and calls `hold`. `make exactness` collects what was measured and
writes it to `docs/exactness.md` (`write_exactness.py`).
"""

import json
import os
from typing import Any

import numpy as np
from exactness_rows import ROWS

# A file that measured differences are added to, a JSON object a line; not set: none are kept.
VARIABLE = "BERT_JAX_EXACTNESS"


def hold(key: str, difference: Any, versions: str = "", case: str = "") -> None:
    """Check a measured difference against its bound in `ROWS`, and keep it for the page.

    Args:
      key: of `ROWS`.
      difference: of one case; a number.
      versions: of the peer, if it has one.
      case: which one, for the message.
    """
    row, value = ROWS[key], float(difference)
    holds = value > row.bound if row.is_least else value <= row.bound
    sign = ">" if row.is_least else "<="
    assert holds, f"{case or key}: {row.what}: {row.measure} {value:.3g}, not {sign} {row.bound:g}"
    record(key, value, versions)


def record(key: str, value: float, versions: str = "") -> None:
    """Add a measured difference to the file that `VARIABLE` names, if it names one."""
    path = os.environ.get(VARIABLE)
    if path:
        line = json.dumps({"key": key, "difference": value, "versions": versions})
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def absolute(found: Any, expected: Any) -> float:
    """The largest absolute difference of two arrays of the same shape."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, f"{found.shape} beside {expected.shape}"
    difference = np.abs(found - expected)
    assert np.isfinite(difference).all()
    return float(difference.max())


def relative(found: Any, expected: Any) -> float:
    """The largest difference, divided by the largest magnitude that is expected."""
    return absolute(found, expected) / max(float(np.abs(expected).max()), 1e-30)


def of_norm(found: Any, expected: Any, floor: float = 0.0) -> float:
    """The norm of the difference, divided by that of what is expected, or by a higher `floor`."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, f"{found.shape} beside {expected.shape}"
    return float(np.linalg.norm(found - expected) / max(np.linalg.norm(expected), floor, 1e-30))
