"""Whether weights are finite: one that is not makes whatever is computed with it so."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bert_jax.convert.difference import listed
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError


def count_not_finite(array: np.ndarray[Any, Any]) -> int:
    """How many numbers of an array are NaN or infinite; 80 ms for the weights of BERT-base."""
    return array.size - int(np.count_nonzero(np.isfinite(array)))


def check_finite(where: str, counts: Mapping[str, int]) -> None:
    """Raise `UserError` where a weight is not finite.

    Args:
      where: what the weights are of.
      counts: name of a weight -> how many of its numbers are not.
    """
    found = {name: count for name, count in counts.items() if count}
    if not found:
        return
    total = sum(found.values())
    named = listed([f"{printable(name)} ({count:,})" for name, count in found.items()])
    values = "values are" if total > 1 else "value is"
    raise UserError(
        f"{where}: {total:,} {values} NaN or infinite, in {named}; a file is damaged, or the "
        "training had diverged: take another copy, or an earlier checkpoint"
    )
