"""Within what a masked LM's loss is expected to lie, computed from the kept curves.

What transfers between runs is when a loss comes down to the unigram level, how long it stays there,
how much it wavers, and how far above its start it can be. Each is read off the kept curves, in
units of the data's own levels and on both clocks (`bert_jax.loss_curve`), and widened by `SLACK`.
How far below that level a loss comes, and how fast, does not transfer, and no bound is made of it.
All kept curves are of small models. That larger ones take as long by these clocks is reasoned from
the optimiser, not measured: no curve of BERT-base is among them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bert_jax.errors import UserError
from bert_jax.kept_curves import KeptCurve, curves_folder, kept_curves
from bert_jax.loss_curve import FEWEST_FOR_BEST, WINDOW, Curve, Floats, Levels

Bools = npt.NDArray[np.bool_]

# A run may take this many times as long as the slowest one known before it is said to be late.
SLACK = 2.0
# Tokens and sum of learning rates until which runs are known that had not left the unigram level
# and were still on their way: rows of 32 x 128 at 1.5e-3, 2,441 steps without regard to warm-up
# (docs/performance.md, "How soon a small model learns").
SLOWEST_LEFT = (10e6, 3.7)
# Nats below the entropy of the labels at which a pair task has begun to learn.
PAIR_MARGIN = 0.05


class Range(NamedTuple):
    """When something happened in the kept curves in which it did, on both clocks.

    Attributes:
      tokens: seen until then: (earliest, latest).
      lr_sum: the sum of the learning rates until then: (earliest, latest).
      curves: in how many it happened.
      slowest: tokens and sum until which it had not in a run that is known but not kept.
    """

    tokens: tuple[float, float]
    lr_sum: tuple[float, float]
    curves: int = 1
    slowest: tuple[float, float] = (0.0, 0.0)

    @property
    def latest(self) -> tuple[float, float]:
        """Tokens and sum of the slowest run known."""
        return max(self.tokens[1], self.slowest[0]), max(self.lr_sum[1], self.slowest[1])

    def is_late(self, tokens: float, lr_sum: float) -> bool:
        """Whether this is later than in any run known, with `SLACK`, by both clocks."""
        return tokens > SLACK * self.latest[0] and lr_sum > SLACK * self.latest[1]


class Bands(NamedTuple):
    """What the kept curves say. Losses are in units of `Levels.progress`.

    Attributes:
      curves: what they were computed from.
      margin: what noise can make of a mean of `WINDOW` logged losses: 3 standard deviations.
      highest: above the start, at most.
      rise: the largest rise over the best until then, of at least `FEWEST_FOR_BEST` lines.
      reached: when curves came near the unigram entropy (`Levels.near_unigram`).
      left: when they went below the level of no context.
      pairs_left: when the loss of pairs went below the entropy of the labels.
    """

    curves: tuple[KeptCurve, ...]
    margin: float
    highest: float
    rise: float
    reached: Range
    left: Range
    pairs_left: Range | None

    @property
    def largest(self) -> tuple[int, int]:
        """Layers and width of the largest model among the curves."""
        sizes = [(kept.facts["hidden_size"], kept.facts["layers"]) for kept in self.curves]
        width, layers = max(sizes)
        return layers, width

    def edges(self, curve: Curve, levels: Levels) -> tuple[Floats, Floats]:
        """Lowest and highest expected loss at each point of a run, in nats.

        The kept curves, `SLACK` times as fast and as slow. A clock that runs ahead of the other
        does not count: both must have come so far. Both edges end at the level of no context: the
        upper one stays there, and from where a curve can have gone below it the lower one is minus
        infinity.
        """
        low, high = [], []
        for kept in self.curves:
            loss = _progress(kept)
            falling = np.minimum.accumulate(loss)
            staying = np.maximum.accumulate(loss[::-1])[::-1]
            clocks = [(curve.tokens, kept.curve.tokens), (curve.lr_sum, kept.curve.lr_sum)]
            fast = [_before(x * SLACK, at, falling) for x, at in clocks]
            low.append(np.max(fast, axis=0))
            # A curve that ended says nothing of later times.
            ends = [np.interp(x / SLACK, at, staying, right=-math.inf) for x, at in clocks]
            high.append(np.max(ends, axis=0))
        lowest, highest = np.min(low, axis=0), np.maximum(np.max(high, axis=0), 0.0)
        lowest = np.where(lowest > 0, lowest - self.margin, -math.inf)
        return levels.loss(lowest), levels.loss(highest + self.margin)


def make_bands(
    curves: Sequence[KeptCurve], slowest_left: tuple[float, float] = (0.0, 0.0)
) -> Bands:
    """Bands out of curves; at least one must come to the unigram level, and one leave it.

    Args:
      curves: kept ones.
      slowest_left: tokens and sum of learning rates until which another run had not left it.

    Raises:
      UserError: none has.
    """
    margin = max((_noise(kept) for kept in curves), default=0.0) * 3 / math.sqrt(WINDOW)
    progress = [_progress(kept) for kept in curves]
    near = [kept.levels.progress(kept.levels.near_unigram) for kept in curves]
    reached = _range(curves, [p <= level for p, level in zip(progress, near, strict=True)])
    left = _range(curves, [p < -margin for p in progress])
    if reached is None or left is None:
        raise UserError(
            "what losses are compared with needs a kept curve that comes to the unigram level, and "
            f"one that leaves it; of the {len(curves)} in {curves_folder()} none does: "
            "install bert-jax anew, or keep such a curve (python -m bert_jax.recipes.keep_curve)"
        )
    return Bands(
        curves=tuple(curves),
        margin=margin,
        highest=max(float(p.max()) for p in progress),
        rise=max(_rise(kept) for kept in curves),
        reached=reached,
        left=left._replace(slowest=slowest_left),
        pairs_left=_range(curves, [_pairs_below(kept) for kept in curves]),
    )


@functools.cache
def shipped_bands() -> Bands:
    """Those of the curves that are shipped."""
    return make_bands(kept_curves(), SLOWEST_LEFT)


def _progress(kept: KeptCurve) -> Floats:
    loss: Floats = kept.levels.progress(_centred(kept.curve.loss))
    return loss


def _noise(kept: KeptCurve) -> float:
    return float(kept.facts["noise"]) / kept.levels.length


def _rise(kept: KeptCurve) -> float:
    # The first step is of a single line (`thinned`).
    progress = _progress(kept)[kept.curve.step >= FEWEST_FOR_BEST * kept.curve.step[0]]
    return float((progress - np.minimum.accumulate(progress)).max(initial=0.0))


def _pairs_below(kept: KeptCurve) -> Bools:
    level = math.nan if kept.levels.pairs is None else kept.levels.pairs
    return _centred(kept.curve.pair_loss) < level - PAIR_MARGIN


def _range(curves: Sequence[KeptCurve], happened: Sequence[Bools]) -> Range | None:
    """When it had happened for good, in the curves in which it did: noise crosses a line twice."""
    found = []
    for kept, where in zip(curves, happened, strict=True):
        first = len(where) - int((~where)[::-1].argmax()) if not where.all() else 0
        if first < len(where):
            found.append((kept.curve.tokens[first], kept.curve.lr_sum[first]))
    if not found:
        return None
    low, high = np.min(found, axis=0).tolist(), np.max(found, axis=0).tolist()
    return Range((low[0], high[0]), (low[1], high[1]), curves=len(found))


def _before(x: Floats, at: Floats, falling: Floats) -> Floats:
    """A falling curve at other times; at the start (1) before its first point."""
    start = max(1.0, falling[0])
    return np.interp(x, np.concatenate([[0.0], at]), np.concatenate([[start], falling]))


def _centred(loss: Floats) -> Floats:
    """The mean of a point and its neighbours: points of a kept curve are means already."""
    padded = np.pad(loss, 1, mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3
