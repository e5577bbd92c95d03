"""A run's loss beside the bands of the kept curves, as sentences for a person."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bert_jax.formatting import format_count, format_rate
from bert_jax.loss_bands import PAIR_MARGIN, SLACK, Bands, Range, shipped_bands
from bert_jax.loss_curve import WINDOW, Levels, curve_of, noise
from bert_jax.metrics import is_evaluation

# A few lines tell nothing; a best to compare with must not be luck.
_FEWEST_LINES, _FEWEST_FOR_BEST = 3, 15


class LossVerdict(NamedTuple):
    """Where a loss stands.

    Attributes:
      status: `early`, `falling`, `unigram` or `learning`, as it should be; `above_start`,
        `not_reached`, `stuck` or `rising`, as it should not.
      text: a sentence.
      remedy: what to look at; None where all is as it should be.
    """

    status: str
    text: str
    remedy: str | None = None

    def __str__(self) -> str:
        return self.text if self.remedy is None else f"{self.text}; look at {self.remedy}"


class LossWatch:
    """Follows a run, one logged line after the other.

    Args:
      levels: of the run's data.
      bands: of the kept curves.
    """

    def __init__(self, levels: Levels, bands: Bands) -> None:
        self._levels, self._bands = levels, bands
        self._recent: deque[float] = deque(maxlen=5 * WINDOW)
        self._pairs: deque[float] = deque(maxlen=WINDOW)
        self._lines = 0
        self._step = self._tokens = self._rate = self._lr_sum = 0.0
        self._loss, self._window = math.nan, 1
        self._best, self._best_step = math.inf, 0.0
        self._left_step: float | None = None
        self._said: set[str] = set()

    def add(self, line: Mapping[str, Any]) -> LossVerdict | None:
        """Take one line of `metrics.jsonl`; what is wrong, the first time that it is."""
        points = curve_of([line])
        if not len(points.step) or not math.isfinite(points.loss[0]):
            return None
        step, rate = float(points.step[0]), float(line["learning_rate"])
        self._lr_sum += (step - self._step) * (rate + self._rate) / 2
        self._step, self._tokens, self._rate = step, float(points.tokens[0]), rate
        self._lines += 1
        self._recent.append(float(points.loss[0]))
        self._pairs.append(float(points.pair_loss[0]))
        window = min(max(self._lines // 5, 1), WINDOW)
        self._loss, self._window = float(np.mean(list(self._recent)[-window:])), window
        # What one loss says is worth less than what the mean of several does.
        margin = self._bands.margin * math.sqrt(WINDOW / window)
        if self._left_step is None and self._progress < -margin:
            self._left_step = step
        if self._lines >= _FEWEST_FOR_BEST and self._loss < self._best:
            self._best, self._best_step = self._loss, step
        verdict = self.verdict()
        if verdict.remedy is None or verdict.status in self._said:
            return None
        self._said.add(verdict.status)
        return verdict

    @property
    def _progress(self) -> float:
        return float(self._levels.progress(self._loss))

    def _status(self) -> str:
        if self._lines < _FEWEST_LINES:
            return "early"
        bands, levels, progress = self._bands, self._levels, self._progress
        scale = levels.start - levels.no_context
        noise_here = 4 * noise(np.array(self._recent)) / math.sqrt(self._window)
        if self._loss - self._best > max(SLACK * bands.rise * scale, noise_here):
            return "rising"
        margin = max(bands.margin, noise_here / scale)
        if progress > max(1.0, bands.highest) + margin:
            return "above_start"
        if self._left_step is not None:
            return "learning"
        if progress > levels.progress(levels.unigram) + margin:
            late = bands.reached.is_late(self._tokens, self._lr_sum)
            return "not_reached" if late else "falling"
        late = bands.left.is_late(self._tokens, self._lr_sum)
        return "stuck" if late and progress > -bands.margin else "unigram"

    def verdict(self) -> LossVerdict:
        """Where the loss stands now."""
        status = self._status()
        if status == "early":
            return LossVerdict(status, "too few losses were logged to say where the loss stands")
        levels, bands = self._levels, self._bands
        loss, step = f"{self._loss:.2f}", f"step {int(self._step):,}"
        unigram = f"the unigram level ({levels.no_context:.2f} to {levels.unigram:.2f})"
        if status == "rising":
            text = (
                f"the MLM loss is rising: {loss} at {step}, after {self._best:.2f} at step "
                f"{int(self._best_step):,}"
            )
            return LossVerdict(status, text, "the learning rate (too high) and the warm-up")
        if status == "above_start":
            text = (
                f"the MLM loss is above where it should start: {loss} at {step}, and holding every "
                f"token alike gives {levels.start:.2f}"
            )
            return LossVerdict(
                status,
                text,
                "the first weights (initializer_range), the learning rate, the warm-up",
            )
        if status == "learning":
            below = levels.no_context - self._loss
            side = "below" if below >= 0 else "above"
            return LossVerdict(
                status,
                f"the MLM loss left {unigram} by step {int(self._left_step or 0):,}: "
                f"{loss} at {step}, {abs(below):.2f} nat {side} it",
            )
        if status in ("falling", "not_reached"):
            text = f"the MLM loss has not come down to {unigram}: {loss} at {step}"
            if status == "falling":
                return LossVerdict(status, f"{text}. {self._when('came to it', bands.reached)}")
            return LossVerdict(
                status,
                f"{text}, {self._than(bands.reached)}",
                "the learning rate (too low, or a warm-up too long) and the text: "
                "bert-jax inspect STORE",
            )
        if status == "unigram":
            return LossVerdict(
                status,
                f"the MLM loss is at {unigram}, where it knows how common each token is and reads "
                f"no context: {loss} at {step}. {self._when('left it', bands.left)}",
            )
        return LossVerdict(
            status,
            f"the MLM loss is stuck at {unigram}, as if no context were read: {loss} at {step}, "
            f"{self._than(bands.left)}",
            "the learning rate (too high or too low), a larger batch, and the text (repeated, too "
            "uniform, another case): bert-jax inspect STORE",
        )

    def _so_far(self) -> str:
        return f"{format_count(int(self._tokens))} tokens"

    def _than(self, kept: Range) -> str:
        return (
            f"{self._so_far()} and a sum of learning rates of {self._lr_sum:.2g}, more than "
            f"{SLACK:g} times those of any kept curve "
            f"({format_rate(kept.tokens[1])} and {kept.lr_sum[1]:.2g})"
        )

    def _when(self, what: str, kept: Range) -> str:
        tokens = " to ".join(dict.fromkeys(format_rate(n) for n in kept.tokens))
        sums = " to ".join(dict.fromkeys(f"{n:.2g}" for n in kept.lr_sum))
        return (
            f"Kept curves {what} after {tokens} tokens, when their learning rates summed to "
            f"{sums}; this run had {self._so_far()} and {self._lr_sum:.2g}"
        )

    def about_pairs(self) -> str | None:
        """A sentence where the loss of pairs is still at the level of its labels; else None."""
        level, kept = self._levels.pairs, self._bands.pairs_left
        if level is None or kept is None or len(self._pairs) < WINDOW:
            return None
        loss = float(np.mean(self._pairs))
        if not loss > level - PAIR_MARGIN:
            return None
        return (
            f"The loss of pairs, {loss:.2f}, is still that of knowing how common each label is "
            f"({level:.2f}): pairs are learned late, in kept curves after "
            f"{' to '.join(dict.fromkeys(format_rate(n) for n in kept.tokens))} tokens"
        )


def about_losses(watch: LossWatch) -> list[str]:
    """Sentences about the losses of a run, for a report."""
    verdict = str(watch.verdict())
    pairs = watch.about_pairs()
    return [f"{text[0].upper()}{text[1:]}." for text in (verdict, pairs) if text]


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
        if not is_evaluation(line):
            watch.add(line)
    return watch
