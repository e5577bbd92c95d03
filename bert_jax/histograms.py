"""Histograms of lengths, as matplotlib figures for `figure_output.to_svg`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bert_jax.plot_style import BASELINE, INK, MUTED, PAPER, TRAIN, dress

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Histogram:
    """One histogram.

    Attributes:
        title: what is counted.
        edges: [bins + 1], ascending; the last bin holds all that is longer, too.
        counts: [bins].
        marks: vertical lines to compare with: where, and what it is.
    """

    title: str
    edges: Sequence[int]
    counts: Sequence[int]
    marks: Sequence[tuple[float, str]] = ()


def draw_histogram(histogram: Histogram) -> Figure:
    """Bars of shares in percent.

    Bins that grow with the length stand on a logarithmic axis, and a wider one is as high as its
    things would stand in bins like the narrowest: no height is above 100 %.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    figure = Figure(figsize=(5.0, 2.6), layout="constrained", facecolor=PAPER)
    axes = figure.add_subplot(facecolor=PAPER)
    edges = np.asarray(histogram.edges, float)
    shares = 100 * np.asarray(histogram.counts, float) / max(1, sum(histogram.counts))
    widths = np.diff(edges)
    if (widths == widths[0]).all():
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    else:
        edges = np.maximum(edges, 0.5)
        axes.set_xscale("log")
        # Whole numbers cannot have bins of one width here: what is drawn must not depend on it.
        ratios = edges[1:] / edges[:-1]
        shares *= np.log(ratios.min()) / np.log(ratios)
        axes.set_ylabel(f"share within a factor of {ratios.min():.2f}", color=MUTED, fontsize=9)
    axes.bar(
        edges[:-1],
        shares,
        width=np.diff(edges),
        align="edge",
        color=TRAIN,
        edgecolor=PAPER,
        linewidth=0.5,
    )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.15 * max(shares))  # room for what the marks say
    for at, name in histogram.marks:
        if not edges[0] < at < edges[-1]:
            continue
        axes.axvline(at, color=BASELINE, linewidth=1.2, linestyle=(0, (5, 3)))
        axes.annotate(
            name,
            xy=(at, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -3),
            textcoords="offset points",
            va="top",
            fontsize=8.5,
            color=MUTED,
        )
    axes.set_title(histogram.title, loc="left", color=INK, fontsize=11, fontweight="bold")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    dress(axes)
    return figure
