"""Labels of lines stand where no curve is."""

import pytest
from matplotlib.figure import Figure

from bert_jax.label_places import Corner, free_corner


def axes_with(*curves):
    axes = Figure(figsize=(5.0, 3.0)).add_subplot()
    axes.axhline(0.5)
    for curve in curves:
        axes.plot(range(len(curve)), curve)
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    return axes


RISES_LATE = [0.2] * 8 + [0.3, 0.55, 0.6]
ABOVE = [0.52] * 11


@pytest.mark.parametrize(
    ("curves", "corner"),
    [
        ([], Corner("right", True)),
        ([RISES_LATE], Corner("left", True)),
        ([ABOVE], Corner("right", False)),
        ([ABOVE, [1 - y for y in RISES_LATE]], Corner("left", False)),
    ],
)
def test_a_label_stands_in_the_first_corner_without_a_curve(curves, corner):
    assert free_corner(axes_with(*curves), 'always "random"', 0.5) == corner


def test_a_label_does_not_leave_the_axes():
    low, high = ([y] * 11 for y in (0.04, 0.96))
    assert free_corner(axes_with(low), "always", 0.02).is_above
    assert not free_corner(axes_with(high), "always", 0.99).is_above
