"""The curves of a run, as matplotlib figures.

Figures are made without pyplot, whose state is global: a report may be written in a thread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bert_jax.label_places import LABEL_HEIGHT, free_corner
from bert_jax.plot_style import BASELINE, EVALUATION, MUTED, PAPER, TRAIN, dress_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 1000
_DASHED: dict[str, Any] = {"linewidth": 1.2, "linestyle": (0, (5, 3)), "zorder": 1}


@dataclass(frozen=True)
class Baseline:
    """A horizontal line to compare a curve with."""

    value: float
    label: str


@dataclass(frozen=True)
class Border:
    """A vertical line, after the update with this number, and what begins there."""

    step: int
    label: str


@dataclass(frozen=True)
class Band:
    """A stretch to compare a curve with: `low` to `high` at each step.

    Where `low` is minus infinity, the stretch has no lower end.
    """

    steps: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    label: str


@dataclass(frozen=True)
class Plot:
    """One figure: a name in `metrics.jsonl`, how to show it, and what to compare it with."""

    name: str
    title: str
    percent: bool = False
    smooth: bool = True
    baselines: tuple[Baseline, ...] = ()
    band: Band | None = None


def draw(
    plot: Plot, lines: Sequence[Mapping[str, Any]], borders: Sequence[Border] = ()
) -> Figure | None:
    """Draw one metric over steps, training and evaluation; None where no line has it.

    Args:
        plot: what to draw.
        lines: of `metrics.jsonl`.
        borders: those that the curve does not reach are left out.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    scale = 100.0 if plot.percent else 1.0
    train_x, train_y = _curve(lines, plot.name, scale)
    eval_x, eval_y = _curve(lines, f"eval_{plot.name}", scale)
    if not len(train_x) and not len(eval_x):
        return None

    figure = Figure(figsize=(5.0, 3.0), layout="constrained", facecolor=PAPER)
    axes = figure.add_subplot(facecolor=PAPER)
    if len(train_x):
        x, y = _thin(train_x, train_y)
        smooth = plot.smooth and len(x) >= 20
        axes.plot(x, y, color=TRAIN, linewidth=1.0 if smooth else 1.8, alpha=0.3 if smooth else 1)
        if smooth:
            axes.plot(x, smoothed(y), color=TRAIN, linewidth=1.8)
        axes.plot([], [], color=TRAIN, linewidth=1.8, label="training")
    if len(eval_x):
        axes.plot(
            eval_x,
            eval_y,
            color=EVALUATION,
            linewidth=1.0,
            marker="o",
            markersize=5,
            markeredgecolor=PAPER,
            label="held out",
            zorder=4,
        )
    draw_borders(axes, borders, np.concatenate([train_x, eval_x]))
    axes.margins(x=0.01, y=0.08)
    _draw_baselines(axes, plot.baselines, scale)
    if plot.band is not None:
        _draw_band(axes, plot.band)

    if len(eval_x) or plot.band is not None:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 0.99),
            ncols=3,
            frameon=False,
            fontsize=9,
            labelcolor=MUTED,
            handlelength=1.4,
            borderaxespad=0.2,
            columnspacing=1.2,
        )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, plot.percent)))
    dress_steps(axes, plot.title)
    return figure


def _draw_baselines(axes: Any, baselines: Sequence[Baseline], scale: float) -> None:
    """All lines, and the labels that fit: of several in one place the first, as is their order."""
    for baseline in baselines:
        axes.axhline(baseline.value * scale, color=BASELINE, **_DASHED)
    axes.get_ylim()  # Makes the axis fit the lines, which matplotlib otherwise puts off.
    # Heights of the labels, in shares of the axis.
    taken: list[float] = []
    for baseline in baselines:
        value = baseline.value * scale
        height = axes.transAxes.inverted().transform(axes.transData.transform((0, value)))[1]
        corner = free_corner(axes, baseline.label, height)
        middle = height + (0.5 if corner.is_above else -0.5) * LABEL_HEIGHT
        if any(abs(middle - other) < LABEL_HEIGHT for other in taken):
            continue
        taken.append(middle)
        axes.annotate(
            baseline.label,
            xy=(1.0 if corner.side == "right" else 0.0, value),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3 if corner.is_above else -3),
            textcoords="offset points",
            ha=corner.side,
            va="bottom" if corner.is_above else "top",
            fontsize=8.5,
            color=MUTED,
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            zorder=5,
        )


def draw_borders(axes: Any, borders: Sequence[Border], steps: np.ndarray) -> None:
    """Those that a curve over these steps reaches."""
    first, last = steps.min(), steps.max()
    for border in borders:
        if not first <= border.step < last:
            continue
        late = border.step - first > 0.7 * (last - first)
        axes.axvline(border.step, color=BASELINE, linewidth=1.0, zorder=1)
        axes.annotate(
            border.label,
            xy=(border.step, 0.0),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if late else 3, 3),
            textcoords="offset points",
            ha="right" if late else "left",
            va="bottom",
            fontsize=8.5,
            color=MUTED,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.0},
            zorder=5,
        )


def _draw_band(axes: Any, band: Band) -> None:
    """Behind everything, and without widening what the curve fills."""
    limits = axes.get_ylim()
    axes.fill_between(
        band.steps,
        np.maximum(band.low, limits[0]),
        band.high,
        color=BASELINE,
        alpha=0.15,
        linewidth=0,
        zorder=0,
        label=band.label,
    )
    axes.set_ylim(limits)


def _curve(
    lines: Sequence[Mapping[str, Any]], name: str, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    xy = np.array(points, dtype=np.float64).reshape(-1, 2)
    return xy[:, 0], xy[:, 1] * scale


def _thin(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `MOST_POINTS` points, each the mean of a piece of the curve."""
    if len(x) <= MOST_POINTS:
        return x, y
    starts = np.linspace(0, len(x), MOST_POINTS, endpoint=False).astype(int)
    sizes = np.diff(np.append(starts, len(x)))
    return np.add.reduceat(x, starts) / sizes, np.add.reduceat(y, starts) / sizes


def smoothed(y: np.ndarray) -> np.ndarray:
    """A centred moving average over a twentieth of the curve; values not finite are left out.

    Near an end the window shrinks on both sides alike, so that the curve starts and ends where the
    data do.
    """
    n = len(y)
    middle = np.arange(n)
    half = np.minimum(max(1, n // 40), np.minimum(middle, n - 1 - middle))
    finite = np.isfinite(y)
    counts = np.insert(np.cumsum(finite), 0, 0)
    sums = np.insert(np.cumsum(np.where(finite, y, 0.0)), 0, 0.0)
    first, last = middle - half, middle + half + 1
    smooth = np.full(n, math.nan)
    np.divide(sums[last] - sums[first], counts[last] - counts[first], out=smooth, where=finite)
    return smooth


def _tick(value: float, percent: bool) -> str:
    if percent:
        return f"{value:g} %"
    if value and abs(value) < 0.01:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value / 1000:,g}k" if abs(value) >= 1000 else f"{value:g}"
