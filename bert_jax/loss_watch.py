"""Follow a run's masked LM loss beside the bands of the kept curves."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from bert_jax.loss_bands import SLACK, Bands, shipped_bands
from bert_jax.loss_curve import WINDOW, Levels, noise, point_of

# A few lines tell nothing, and the best of many means is partly luck: so many standard deviations.
_FEWEST_LINES, _FEWEST_FOR_BEST = 3, 5 * 5
_LUCK = 8.0
# A rise counts that has lasted for this share of the run so far: text has harder stretches.
_LASTING = 0.05

WRONG = frozenset({"above_start", "not_reached", "stuck", "rising"})


class Standing(NamedTuple):
    """Where a loss stands.

    Attributes:
      status: `early`, `falling`, `unigram` or `learning`, as it should be, or one of `WRONG`.
      step: of the newest line.
      tokens: seen until then.
      lr_sum: of the learning rates until then.
      loss: mean of the newest ones.
      pair_loss: the same; NaN where there is none or too few.
      best, best_step: the lowest mean until then; infinite where there were too few.
      left_step: when the loss was seen below the level of no context.
    """

    status: str
    step: float = 0.0
    tokens: float = 0.0
    lr_sum: float = 0.0
    loss: float = math.nan
    pair_loss: float = math.nan
    best: float = math.inf
    best_step: float = 0.0
    left_step: float | None = None


class LossWatch:
    """Follows a run, one logged line after the other.

    Args:
      levels: of the run's data.
      bands: of the kept curves.

    Attributes:
      standing: after the newest line.
    """

    def __init__(self, levels: Levels, bands: Bands) -> None:
        self.levels, self.bands = levels, bands
        self.standing = Standing("early")
        self._recent: deque[float] = deque(maxlen=5 * WINDOW)
        self._pairs: deque[float] = deque(maxlen=WINDOW)
        self._lines, self._rate, self._window = 0, 0.0, 1
        self._risen_step: float | None = None
        self._said: set[str] = set()

    def add(self, line: Mapping[str, Any]) -> bool:
        """Take one line of `metrics.jsonl`; whether something is wrong for the first time."""
        point, before = point_of(line), self.standing
        if point is None or not math.isfinite(point.loss):
            return False
        self._lines += 1
        self._recent.append(point.loss)
        self._pairs.append(point.pair_loss)
        self._window = min(max(self._lines // 5, 1), WINDOW)
        loss = sum(islice(reversed(self._recent), self._window)) / self._window
        now = before._replace(
            step=point.step,
            tokens=point.tokens,
            lr_sum=before.lr_sum + (point.step - before.step) * (point.rate + self._rate) / 2,
            loss=loss,
            pair_loss=sum(self._pairs) / WINDOW if len(self._pairs) == WINDOW else math.nan,
        )
        self._rate = point.rate
        if now.left_step is None and self.levels.progress(loss) < -self._margin():
            now = now._replace(left_step=point.step)
        if self._lines >= _FEWEST_FOR_BEST and loss < now.best:
            now = now._replace(best=loss, best_step=point.step)
        if not self._has_risen(now):
            self._risen_step = None
        elif self._risen_step is None:
            self._risen_step = point.step
        self.standing = now._replace(status=self._status(now))
        first = self.standing.status in WRONG - self._said
        self._said.add(self.standing.status)
        return first

    def _status(self, now: Standing) -> str:
        if self._lines < _FEWEST_LINES:
            return "early"
        if self._risen_step is not None and now.step - self._risen_step > _LASTING * now.step:
            return "rising"
        bands, margin = self.bands, self._margin()
        progress = self.levels.progress(now.loss)
        above = progress - max(1.0, bands.highest)
        if above > margin and self.levels.length * above > _LUCK * self._noise():
            return "above_start"
        if now.left_step is not None:
            return "learning"
        if progress > self.levels.progress(self.levels.near_unigram) + margin:
            return "not_reached" if bands.reached.is_late(now.tokens, now.lr_sum) else "falling"
        late = bands.left.is_late(now.tokens, now.lr_sum)
        return "stuck" if late and progress > -bands.margin else "unigram"

    def _has_risen(self, now: Standing) -> bool:
        rise = now.loss - now.best
        return rise > SLACK * self.bands.rise * self.levels.length and rise > _LUCK * self._noise()

    def _margin(self) -> float:
        """The bands' margin, for a mean of fewer losses."""
        return self.bands.margin * math.sqrt(WINDOW / self._window)

    def _noise(self) -> float:
        """Standard deviation of the mean of the newest losses, by this run's own."""
        return noise(np.array(self._recent)) / math.sqrt(self._window)


def watch_of(lines: Iterable[Mapping[str, Any]], levels: Any) -> LossWatch | None:
    """A watch that has seen the lines of a `metrics.jsonl`.

    Args:
      lines: of training or evaluation.
      levels: `loss_levels` of a `provenance.json`, or None.

    Returns:
      None where the levels are not known, as in a run of an older version.
    """
    known = Levels.from_facts(levels)
    if known is None:
        return None
    watch = LossWatch(known, shipped_bands())
    for line in lines:
        watch.add(line)
    return watch
