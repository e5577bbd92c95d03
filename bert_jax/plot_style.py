"""How all figures look: the colours, and the axes around what is drawn."""

from __future__ import annotations

from typing import Any

# The colours of the figures and the CSS variables of the page that take their place. Blue and
# vermilion stay apart for every kind of colour vision, in print, and on both backgrounds.
INK, MUTED, GRID, PAPER = "#1f2733", "#5b6675", "#dfe3e8", "#fffffe"
TRAIN, EVALUATION, BASELINE = "#0b62a8", "#b3460a", "#6b7280"
# Of lines that stand for things of one kind, in their order.
SERIES = ("#1f5fbf", "#b8560b", "#0a7d55", "#9a3fa5", "#8a6a00", "#0e7f95")
CSS_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    PAPER: "--card",
    TRAIN: "--train",
    EVALUATION: "--eval",
    BASELINE: "--baseline",
    **{color: f"--series-{i}" for i, color in enumerate(SERIES, 1)},
}


def dress_steps(axes: Any, title: str, pad: float | None = None) -> None:
    """A title, `pad` points above the axes, and steps on the horizontal axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold", pad=pad)
    axes.set_xlabel("step", color=MUTED, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    dress(axes)


def dress(axes: Any) -> None:
    """Ticks without lines, a grid behind, and no frame but the line below."""
    axes.tick_params(which="both", colors=MUTED, labelsize=9, length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)
