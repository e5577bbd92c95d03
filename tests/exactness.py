"""How near our numbers are to those of others: every bound that a test holds, in one place.

A test measures a difference and calls `hold`. `make exactness` collects what was measured and
writes it to `docs/exactness.md` (`write_exactness.py`).
"""

import json
import os
from typing import Any, NamedTuple

import numpy as np

# A file that measured differences are added to, a JSON object a line; not set: none are kept.
VARIABLE = "BERT_JAX_EXACTNESS"


class Row(NamedTuple):
    """One line of the page.

    Attributes:
      section: of `SECTIONS`.
      what: is compared.
      peer: whom it is compared with.
      measure: what the difference is, and over what the largest one is taken.
      bound: that it may not exceed.
      is_least: instead, the bound that it must exceed: an error on purpose must be seen.
    """

    section: str
    what: str
    peer: str
    measure: str
    bound: float
    is_least: bool = False


SECTIONS = {
    "published": "Models that others published",
}
ABSOLUTE = "largest absolute difference"
AXLEARN = "axlearn's tiny BERT"

ROWS = {
    "published_bert_states": Row(
        "published", "last hidden states of the masked LM", AXLEARN, ABSOLUTE, 2e-6
    ),
    "published_bert_logits": Row("published", "logits of every head", AXLEARN, ABSOLUTE, 2e-6),
    "published_bert_losses": Row("published", "loss of every head", AXLEARN, ABSOLUTE, 1e-5),
    "published_distilbert": Row(
        "published", "first position's vector", "axlearn's tiny DistilBERT", ABSOLUTE, 2e-6
    ),
}


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


def of_norm(found: Any, expected: Any) -> float:
    """The norm of the difference, divided by the norm of what is expected."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, f"{found.shape} beside {expected.shape}"
    return float(np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-30))
