"""Where in a plot a label hides no curve."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# Of the axes of `plots.draw` (about 4.5 by 2.2 inches): a character of 8.5 points, and a line.
_CHARACTER, LABEL_HEIGHT = 0.0135, 0.065
_COLUMNS = 200


class Corner(NamedTuple):
    """A place at one end of a horizontal line: `right` or `left`, above it or below."""

    side: str
    is_above: bool


_CORNERS = tuple(Corner(side, above) for above in (True, False) for side in ("right", "left"))


def free_corner(axes: Any, label: str, height: float) -> Corner:
    """The first corner at a line that no curve crosses, else the one with least of them.

    Args:
        axes: with its curves and limits; lines by `axhline` and `axvline` are no curves.
        label: to be written.
        height: of the line, as a share of the axes.
    """
    lines = [line for line in axes.lines if line.get_transform() == axes.transData]
    curves = [_shares(axes, line) for line in lines if len(line.get_xdata()) > 1]
    return min(_CORNERS, key=lambda corner: _crossed(curves, corner, len(label), height))


def _shares(axes: Any, line: Any) -> tuple[np.ndarray, np.ndarray]:
    """A curve in shares of the axes."""
    places = axes.transAxes.inverted().transform(line.get_transform().transform(line.get_xydata()))
    return places[:, 0], places[:, 1]


def _crossed(
    curves: list[tuple[np.ndarray, np.ndarray]], corner: Corner, letters: int, height: float
) -> float:
    """How much of the curves is where a label would stand, or infinity where it does not fit."""
    low = height if corner.is_above else height - 1.3 * LABEL_HEIGHT
    high = low + 1.3 * LABEL_HEIGHT
    if low < 0 or high > 1.05:
        return np.inf
    width = min(1.0, _CHARACTER * letters)
    first = 1 - width if corner.side == "right" else 0.0
    x = np.linspace(first, first + width, _COLUMNS)
    found = 0
    for xs, ys in curves:
        y = np.interp(x, xs, ys, left=np.nan, right=np.nan)
        found += int(((y > low - 0.01) & (y < high + 0.01)).sum())
    return found
