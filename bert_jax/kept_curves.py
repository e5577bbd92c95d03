"""Curves of runs, kept in `experiments/curves` to compare others with.

A file is JSON lines: what the run was, then its points. `bert_jax.recipes.keep_curve` writes them.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bert_jax.errors import UserError
from bert_jax.loss_curve import Curve, Floats, Levels

MOST_POINTS = 80
_DIGITS = 5


class KeptCurve(NamedTuple):
    """One kept run.

    Attributes:
      name: of its file.
      facts: what the run was: the shipped `experiment` that it began from and the settings in
        which it `differs`, `levels`, `noise` (standard deviation of one logged loss, in nats), the
        main settings, versions and data.
      levels: of its data.
      curve: thinned.
    """

    name: str
    facts: Mapping[str, Any]
    levels: Levels
    curve: Curve


def curves_folder() -> Path:
    """`experiments/curves`: it lies beside the package, in a checkout and a wheel."""
    return Path(__file__).parents[1] / "experiments" / "curves"


@functools.cache
def kept_curves() -> tuple[KeptCurve, ...]:
    """All that are shipped, by name."""
    return tuple(read_curve(path) for path in sorted(curves_folder().glob("*.jsonl")))


def read_curve(path: Path) -> KeptCurve:
    """Read one file.

    Raises:
      UserError: it is no kept curve.
    """
    try:
        facts, *points = (
            json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()
        )
        levels = Levels.from_facts(facts["levels"])
        rows = [[_number(point[name]) for name in Curve._fields] for point in points]
        if levels is None or not rows:
            raise ValueError
        curve = Curve(*np.array(rows, np.float64).T)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no kept curve: write it again from a run") from error
    return KeptCurve(path.stem, facts, levels, curve)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def write_curve(path: Path, facts: Mapping[str, Any], curve: Curve) -> None:
    """Write one file, with at most `MOST_POINTS` points.

    Args:
      path: its name ends in `.jsonl`.
      facts: `levels` among them.
      curve: of all logged steps.
    """
    points = zip(*thinned(curve), strict=True)
    lines = [dict(facts)] + [
        {
            name: None if math.isnan(value) else float(f"{value:.{_DIGITS}g}")
            for name, value in zip(Curve._fields, point, strict=True)
        }
        for point in points
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def thinned(curve: Curve) -> Curve:
    """At most `MOST_POINTS` points, the mean losses of each piece at its last step.

    Pieces grow with the step, because a curve's shape does: the first points stay single.
    """
    n = len(curve.step)
    if not n:
        return curve
    ends = np.unique(np.round(np.geomspace(1, n, MOST_POINTS)).astype(int))
    starts = np.concatenate([[0], ends[:-1]])

    def mean(losses: Floats) -> Floats:
        return np.add.reduceat(losses, starts) / (ends - starts)

    step, tokens, lr_sum = (array[ends - 1] for array in curve[:3])
    return Curve(step, tokens, lr_sum, mean(curve.loss), mean(curve.pair_loss))
