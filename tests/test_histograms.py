"""Histograms of lengths as figures."""

from xml.etree import ElementTree

import pytest

from bert_jax.histograms import Histogram, draw_histogram
from bert_jax.plots import to_svg


def bars(figure) -> list:
    return list(figure.axes[0].patches)


def test_bars_are_shares_in_percent() -> None:
    figure = draw_histogram(Histogram("Lengths", [0, 10, 20, 30], [1, 2, 1], [(15, "median 15")]))
    assert [bar.get_height() for bar in bars(figure)] == [25, 50, 25]
    assert figure.axes[0].get_xscale() == "linear"
    root = ElementTree.fromstring(to_svg(figure, "lengths", "lengths from 0 to 30"))
    assert root.get("aria-label") == "lengths from 0 to 30"


def test_bars_that_grow_are_shares_per_doubling_so_that_widths_do_not_show() -> None:
    edges = [1, 2, 4, 8, 64]
    figure = draw_histogram(Histogram("Lengths", edges, [10, 10, 10, 30]))
    assert figure.axes[0].get_xscale() == "log"
    heights = [bar.get_height() for bar in bars(figure)]
    assert heights == pytest.approx([heights[0]] * 4)


def test_one_bin_and_a_mark_outside_can_be_drawn() -> None:
    figure = draw_histogram(Histogram("Lengths", [3, 4], [7], [(99, "far away")]))
    assert len(bars(figure)) == 1
    assert "far away" not in to_svg(figure, "one", "one")
