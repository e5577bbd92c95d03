"""The masked LM's loss over a run, in terms that can be compared between runs.

Runs differ in vocabulary, text, batch, learning rate and size. What they have in common is where a
loss starts, the level of a model that reads no context, and how far the optimiser can have carried
the weights: Adam moves each by about the learning rate a step, whatever the size of the gradient
(arXiv 1412.6980, section 2.1), so that the sum of the learning rates is a clock. The number of
tokens seen is a second one, for batches so small that a step tells little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bert_jax.metrics import is_evaluation
from bert_jax.pair_tasks import pair_task_of

Floats = npt.NDArray[np.float64]

_NEEDED = ("step", "tokens", "learning_rate", "mlm_loss")

# The mean of this many logged losses, or of the newest fifth where there are fewer, is one whose
# noise is small beside what is looked for.
WINDOW = 10
# The best of fewer logged losses is luck: their averages are of less than five.
FEWEST_FOR_BEST = 5 * 5


class Levels(NamedTuple):
    """Where a masked LM's loss can stand, in nats, the highest first.

    Attributes:
      start: every token alike: the logarithm of the vocabulary's size.
      unigram: knowing how common each token is; the unigram entropy of the training text.
      no_context: knowing in addition that a token that is shown may have been kept.
      pairs: where the loss of the pair task stands that knows only how common each label is; None
        without pairs.
      rates_compare: whether a learning rate is about what a weight moves by, as with Adam. With
        LAMB it is a share of the weight: such a run has no sum to be late by.
    """

    start: float
    unigram: float
    no_context: float
    pairs: float | None = None
    rates_compare: bool = True

    @property
    def near_unigram(self) -> float:
        """A tenth of the way up: noise in what is learned of rare tokens keeps a loss there."""
        return self.unigram + 0.1 * (self.start - self.unigram)

    @property
    def length(self) -> float:
        """Nats that are one unit of `progress`."""
        return self.start - self.no_context

    def progress(self, loss: Any) -> Any:
        """1 where training starts, 0 at the level of no context, below 0 where context is used."""
        return (loss - self.no_context) / self.length

    def loss(self, progress: Any) -> Any:
        """The loss of a `progress`."""
        return self.no_context + progress * self.length

    def to_facts(self) -> dict[str, Any]:
        """For JSON; what is as usual is left out."""
        usual = self._field_defaults
        return {n: value for n, value in self._asdict().items() if value != usual.get(n, math.nan)}

    @classmethod
    def from_facts(cls, facts: Any) -> Levels | None:
        """Out of JSON; None where it does not hold them, or where they leave nothing to learn."""
        try:
            pairs = facts.get("pairs")
            start, unigram, no_context = (float(facts[name]) for name in cls._fields[:3])
            pairs = None if pairs is None else float(pairs)
            compare = bool(facts.get("rates_compare", True))
            levels = cls(start, unigram, no_context, pairs, compare)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return levels if levels.start > levels.no_context > 0 else None


class Curve(NamedTuple):
    """Points of a run, arrays of one length.

    Attributes:
      step: updates done.
      tokens: seen until then, padding counted.
      lr_sum: of the learning rates of all steps until then.
      loss: the masked LM's, in nats.
      pair_loss: of the pair task; NaN without one.
    """

    step: Floats
    tokens: Floats
    lr_sum: Floats
    loss: Floats
    pair_loss: Floats


class Point(NamedTuple):
    """One logged step: as in `Curve`, with the learning rate of that step."""

    step: float
    tokens: float
    rate: float
    loss: float
    pair_loss: float


def point_of(line: Mapping[str, Any]) -> Point | None:
    """A line of a `metrics.jsonl`; None for an evaluation and for what has no loss or no tokens."""
    if is_evaluation(line) or any(line.get(name) is None for name in _NEEDED):
        return None
    task = pair_task_of(line)
    pair_loss = math.nan if task is None else float(line.get(f"{task.key}_loss", math.nan))
    step, tokens, rate, loss = (float(line[name]) for name in _NEEDED)
    return Point(step, tokens, rate, loss, pair_loss)


def curve_of(lines: Iterable[Mapping[str, Any]]) -> Curve:
    """The training lines of a `metrics.jsonl` that have a masked LM loss, and tokens."""
    points = [point for line in lines if (point := point_of(line)) is not None]
    step, tokens, rate, loss, pairs = np.array(points, np.float64).reshape(-1, 5).T
    return Curve(step, tokens, lr_sums(step, rate), loss, pairs)


def lr_sums(step: Floats, rate: Floats) -> Floats:
    """The sum of the learning rates until each step, taken as straight lines between the steps."""
    means = (rate + np.concatenate([[0.0], rate[:-1]])) / 2
    return np.cumsum(means * np.diff(step, prepend=0.0))


def noise(loss: Floats) -> float:
    """Standard deviation of a single loss about the curve, from the differences of neighbours.

    The median, because a fall is no noise.
    """
    if len(loss) < 2:
        return 0.0
    # The median of |x - y| of two normal values is 0.954 of their standard deviation.
    return float(np.median(np.abs(np.diff(loss))) / 0.954)
