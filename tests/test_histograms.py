"""Histograms of lengths as figures."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_jax.figure_output import to_svg
from bert_jax.histograms import Histogram, draw_histogram
from data_pipeline.doctor.lengths import distribution


def bars(figure) -> list:
    return list(figure.axes[0].patches)


def test_bars_are_shares_in_percent() -> None:
    figure = draw_histogram(Histogram("Lengths", [0, 10, 20, 30], [1, 2, 1], [(15, "median 15")]))
    assert [bar.get_height() for bar in bars(figure)] == [25, 50, 25]
    assert figure.axes[0].get_xscale() == "linear"
    root = ElementTree.fromstring(to_svg(figure, "lengths", "lengths from 0 to 30"))
    assert root.get("aria-label") == "lengths from 0 to 30"


def test_bars_that_grow_are_shares_of_bins_of_one_ratio_so_that_widths_do_not_show() -> None:
    edges = [1, 2, 4, 8, 64]
    figure = draw_histogram(Histogram("Lengths", edges, [10, 10, 10, 30]))
    assert figure.axes[0].get_xscale() == "log"
    heights = [bar.get_height() for bar in bars(figure)]
    assert heights == pytest.approx([100 / 6] * 4)
    assert figure.axes[0].get_ylabel() == "share within a factor of 2.00"


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
    st.lists(st.integers(500, 5000), min_size=1, max_size=3),
)
@settings(max_examples=10, deadline=None)
def test_no_bar_of_a_few_lengths_is_above_100_percent(short: list[int], long: list[int]) -> None:
    found = distribution([np.array(short), np.array(long)])
    figure = draw_histogram(Histogram("Lengths", found.edges, found.counts))
    heights = [bar.get_height() for bar in bars(figure)]
    assert 0 < max(heights) <= 100
    assert sum(heights) <= 100 * (1 + 1e-9)


def test_one_bin_and_a_mark_outside_can_be_drawn() -> None:
    figure = draw_histogram(Histogram("Lengths", [3, 4], [7], [(99, "far away")]))
    assert len(bars(figure)) == 1
    assert "far away" not in to_svg(figure, "one", "one")
