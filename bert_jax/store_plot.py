"""The held-out loss of each store of a mixture over the steps, as one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bert_jax.plot_style import BASELINE, MUTED, PAPER, SERIES, dress_steps
from bert_jax.plots import Border, draw_borders

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STORES_TITLE = "Held-out MLM loss by store, nats"
_MARKERS = "os^DvP"
# Characters of the legend that fit on a line, and what a sample and its gaps take of them.
_LEGEND_WIDTH, _SAMPLE = 84, 7
_LEGEND_LINE = 0.19  # inches


def draw_stores(
    lines: Sequence[Mapping[str, Any]],
    shares: Mapping[str, float],
    borders: Sequence[Border] = (),
) -> Figure | None:
    """A line a store; None where fewer than two evaluations have a loss of a store.

    Of more stores than there are colours those with the largest shares are named, and the others
    are grey.

    Args:
        lines: of `metrics.jsonl`; `eval_NAME_mlm_loss` is drawn.
        shares: name of a store -> its share of the rows of training.
        borders: as in `plots.draw`.
    """
    import numpy as np
    from matplotlib.figure import Figure

    found = {name: _curve(lines, f"eval_{name}_mlm_loss") for name in shares}
    curves = {name: curve for name, curve in found.items() if curve}
    steps = np.array(sorted({step for curve in curves.values() for step, _ in curve}))
    if len(steps) < 2:
        return None
    largest = sorted(curves, key=lambda name: -shares[name])[: len(SERIES)]
    named = [name for name in curves if name in largest]
    others = [name for name in curves if name not in largest]
    labels = [*named, *([f"{len(others)} more"] if others else [])]
    columns = max(1, _LEGEND_WIDTH // (max(map(len, labels)) + _SAMPLE))
    legend_height = _LEGEND_LINE * -(-len(labels) // columns)
    figure = Figure(figsize=(5.0, 3.0 + legend_height), layout="constrained", facecolor=PAPER)
    axes = figure.add_subplot(facecolor=PAPER)
    for name, color, marker in zip(named, SERIES, _MARKERS, strict=False):
        axes.plot(
            *zip(*curves[name], strict=True),
            color=color,
            linewidth=1.4,
            marker=marker,
            markersize=5,
            markeredgecolor=PAPER,
            label=name,
            zorder=3,
        )
    for number, name in enumerate(others):
        axes.plot(
            *zip(*curves[name], strict=True),
            color=BASELINE,
            linewidth=0.8,
            alpha=0.6,
            label=labels[-1] if number == 0 else None,
            zorder=2,
        )
    draw_borders(axes, borders, steps)
    # The steps of the other figures, which have those of training too.
    trained = [line["step"] for line in lines]
    spare = 0.01 * (max(trained) - min(trained))
    axes.set_xlim(min(trained) - spare, max(trained) + spare)
    axes.margins(y=0.08)
    # The legend is between the title and the curves, on the right as in the other figures.
    dress_steps(axes, STORES_TITLE, pad=6 + 72 * legend_height)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.99),
        borderaxespad=0.2,
        ncols=min(columns, len(labels)),
        frameon=False,
        fontsize=9,
        labelcolor=MUTED,
        handlelength=1.6,
        columnspacing=1.4,
    )
    return figure


def _curve(lines: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(line["step"], line[name]) for line in lines if line.get(name) is not None]
