"""The losses of a mixture's stores over the steps."""

from xml.etree import ElementTree

import pytest

from bert_jax.figure_output import to_svg
from bert_jax.page import render_page
from bert_jax.plot_style import SERIES
from bert_jax.plots import Border
from bert_jax.store_plot import draw_stores


def lines_of(names, steps=(10, 20, 30)):
    for step in steps:
        yield {"step": step, "loss": 3.0}
        yield {
            "step": step,
            "eval_mlm_loss": 4.0,
            **{f"eval_{name}_mlm_loss": 5.0 + i - step / 100 for i, name in enumerate(names)},
        }


def labels_of(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_each_store_has_a_line_with_its_name():
    figure = draw_stores(list(lines_of(["en", "wiki-sw"])), {"en": 0.25, "wiki-sw": 0.75})
    assert labels_of(figure) == ["en", "wiki-sw"]
    drawn = [list(line.get_ydata()) for line in figure.axes[0].lines]
    assert drawn == [
        pytest.approx([4.9, 4.8, 4.7]),
        pytest.approx([5.9, 5.8, 5.7]),
    ]
    assert [list(line.get_xdata()) for line in figure.axes[0].lines] == [[10, 20, 30]] * 2


def test_steps_are_those_of_the_other_figures():
    lines = [{"step": 1}, *lines_of(["en", "sw"], (20, 40, 60))]
    axes = draw_stores(lines, {"en": 0.5, "sw": 0.5}).axes[0]
    assert axes.get_xlim() == pytest.approx((0.41, 60.59))
    low, high = axes.get_xlim()
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert shown == [20, 40, 60]


def test_of_many_stores_the_largest_are_named_in_their_order_and_all_are_drawn():
    names = [f"s{i}" for i in range(len(SERIES) + 4)]
    shares = {name: 0.01 * (1 + i) for i, name in enumerate(names)}
    figure = draw_stores(list(lines_of(names)), shares)
    assert labels_of(figure) == [*names[4:], "4 more"]
    assert len(figure.axes[0].lines) == len(names)


@pytest.mark.parametrize("steps", [(), (10,)])
def test_less_than_two_evaluations_make_no_curve(steps):
    assert draw_stores(list(lines_of(["en", "sw"], steps)), {"en": 0.5, "sw": 0.5}) is None


def test_a_run_over_one_store_has_no_such_figure():
    assert draw_stores(list(lines_of([])), {}) is None


def test_a_store_without_numbers_is_left_out():
    figure = draw_stores(list(lines_of(["en"])), {"en": 0.5, "sw": 0.5})
    assert labels_of(figure) == ["en"]


def test_borders_of_a_schedule_are_drawn_and_the_colours_follow_the_page():
    shares = {"en": 0.5, "sw": 0.5}
    svg = to_svg(draw_stores(list(lines_of(shares)), shares, [Border(15, "8 x 64")]), "by", "by")
    assert ">8 x 64</text>" in svg
    assert "var(--series-1)" in svg
    assert "var(--series-2)" in svg
    ElementTree.fromstring(svg)


def test_the_pages_know_the_colours_in_light_and_dark():
    style = render_page("page_style.css.j2")
    for number, color in enumerate(SERIES, 1):
        assert f"--series-{number}: {color};" in style
        assert style.count(f"--series-{number}:") == 2
