"""Follow a run's masked LM loss beside the bands of the kept curves."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from bert_jax.loss_bands import SLACK, Bands, Range, shipped_bands
from bert_jax.loss_curve import FEWEST_FOR_BEST, WINDOW, Levels, noise, point_of

# A few lines tell nothing.
_FEWEST_LINES = 3
# The best of many averages is luck: so many standard deviations for one of the newest lines, for
# one of the last fifth, and for the fall from a fifth to the next.
_LUCK, _LUCK_OF_FIFTH, _LUCK_OF_FALL = 8.0, 4.0, 2.0
# Of a fifth, so many lines are looked at, evenly spread.
_MOST_OF_FIFTH = 200
# Averages are medians, so that one bad batch changes nothing: their standard deviation is higher.
_OF_MEDIAN = math.sqrt(math.pi / 2)
# Above the start by this share of the way down, no noise explains it, however violent a run is.
_FAR = 0.5
# A fall from one fifth of the run to the next that is smaller than this share of the way is none.
_LEAST_FALL = 0.005
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
      loss: median of the newest ones.
      pair_loss: mean of the newest ones; NaN where there is none or too few.
      best, best_step: the lowest `loss` until then; infinite where there were too few.
      left_step: since when the loss has been below the level of no context.
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
        self._losses: list[float] = []
        self._pairs: deque[float] = deque(maxlen=WINDOW)
        self._rate, self._window = 0.0, 1
        self._risen_step: float | None = None
        self._said: set[str] = set()

    def add(self, line: Mapping[str, Any]) -> bool:
        """Take one line of `metrics.jsonl`; whether something is wrong for the first time."""
        point, before = point_of(line), self.standing
        if point is None or not math.isfinite(point.loss):
            return False
        self._losses.append(point.loss)
        self._pairs.append(point.pair_loss)
        self._window = min(max(len(self._losses) // 5, 1), WINDOW)
        loss = median(self._losses[-self._window :])
        now = before._replace(
            step=point.step,
            tokens=point.tokens,
            lr_sum=before.lr_sum + (point.step - before.step) * (point.rate + self._rate) / 2,
            loss=loss,
            pair_loss=sum(self._pairs) / WINDOW if len(self._pairs) == WINDOW else math.nan,
        )
        self._rate = point.rate
        if not self._has_left(loss):
            now = now._replace(left_step=None)
        elif now.left_step is None:
            now = now._replace(left_step=point.step)
        if len(self._losses) >= FEWEST_FOR_BEST and loss < now.best:
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
        if len(self._losses) < _FEWEST_LINES:
            return "early"
        progress = self.levels.progress(now.loss)
        is_above = self._is_above_start(progress, before=now.status)
        if self._risen_step is not None and (
            is_above or now.step - self._risen_step > _LASTING * now.step
        ):
            return "rising"
        if is_above:
            return "above_start"
        if now.left_step is not None:
            return "learning"
        lasting = self.levels.progress(self._fifth()[0])
        near = self.levels.progress(self.levels.near_unigram) + self.bands.margin
        if min(lasting, progress) > near and self._is_late(self.bands.reached, now):
            return "not_reached"
        if progress > near + self._margin() - self.bands.margin:
            return "falling"
        if lasting <= -self.bands.margin or not self._is_late(self.bands.left, now):
            return "unigram"
        # Once said it stands until the loss has left: a wavering trend is no recovery.
        return "stuck" if now.status == "stuck" or not self._still_falls() else "unigram"

    def _is_late(self, kept: Range, now: Standing) -> bool:
        return self.levels.rates_compare and kept.is_late(now.tokens, now.lr_sum)

    def _is_above_start(self, progress: float, before: str) -> bool:
        above = progress - max(1.0, self.bands.highest)
        if above <= self._margin():
            return False
        # The noise of a run that diverges is as large as its losses, and must not excuse them.
        sure = above > _FAR or self.levels.length * above > _LUCK * self._noise(self._window)
        return sure or before == "above_start"

    def _has_left(self, loss: float) -> bool:
        """Whether the last fifth of the run, or the newest lines by far, used context."""
        lasting, n = self._fifth()
        margin = self.levels.length * self.bands.margin
        for value, lines, luck in (
            (lasting, n, _LUCK_OF_FIFTH),
            (loss, self._window, _LUCK),
        ):
            # The bands' margin, for fewer lines than theirs; noise is not known from a few.
            wide = margin * max(1.0, math.sqrt(WINDOW / lines))
            if self.levels.no_context - value > max(wide, luck * self._noise(lines)):
                return True
        return False

    def _still_falls(self) -> bool:
        """Whether the last fifth of the run is below the one before by more than noise."""
        (newer, n), (older, _) = self._fifth(), self._fifth(back=1)
        fall = max(_LEAST_FALL * self.levels.length, _LUCK_OF_FALL * math.sqrt(2) * self._noise(n))
        return older - newer > fall

    def _has_risen(self, now: Standing) -> bool:
        rise = now.loss - now.best
        if rise <= SLACK * self.bands.rise * self.levels.length:
            return False
        return now.status == "rising" or rise > _LUCK * self._noise(self._window)

    def _fifth(self, back: int = 0) -> tuple[float, int]:
        """Median of the last fifth of the run, or of one before, and of how many lines."""
        size = max(len(self._losses) // 5, 1)
        end = len(self._losses) - back * size
        every = -(-size // _MOST_OF_FIFTH)
        piece = self._losses[end - size : end : every]
        return median(piece), len(piece)

    def _margin(self) -> float:
        """The bands' margin, for an average of fewer losses."""
        return self.bands.margin * math.sqrt(WINDOW / self._window)

    def _noise(self, lines: int) -> float:
        """Standard deviation of the median of so many losses, by this run's own."""
        return _OF_MEDIAN * noise(np.array(self._losses[-5 * WINDOW :])) / math.sqrt(lines)


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
