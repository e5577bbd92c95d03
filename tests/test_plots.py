import math
from xml.etree import ElementTree

import numpy as np

from bert_jax.figure_output import to_svg
from bert_jax.plots import Band, Baseline, Border, Plot, draw, smoothed


def test_a_loss_that_is_not_finite_can_be_drawn():
    lines = [{"step": i, "loss": math.nan if i == 30 else 1.0 / i} for i in range(1, 60)]
    lines.append({"step": 60, "loss": math.inf})
    assert draw(Plot("loss", "Loss"), lines) is not None
    assert draw(Plot("loss", "Loss"), [{"step": 1, "loss": math.nan}]) is not None


def test_a_smoothed_curve_keeps_its_ends_and_its_gaps():
    y = np.linspace(9.0, 5.0, 200)
    np.testing.assert_allclose(smoothed(y), y)
    noisy = y + np.random.default_rng(0).normal(0, 0.1, 200)
    assert np.std(smoothed(noisy)[5:-5] - y[5:-5]) < 0.05
    y[100] = math.nan
    assert np.isnan(smoothed(y)).nonzero()[0].tolist() == [100]


def test_a_metric_that_no_line_has_is_not_drawn():
    assert draw(Plot("nsp_loss", "NSP"), [{"step": 1, "loss": 2.0}]) is None


def test_a_long_run_does_not_make_a_large_page():
    lines = [{"step": i, "loss": 1.0 + math.sin(i)} for i in range(50_000)]
    figure = draw(Plot("loss", "Loss", baselines=(Baseline(1.0, "one"),)), lines)
    svg = to_svg(figure, "loss", 'the "loss" & more')
    assert len(svg) < 150_000
    root = ElementTree.fromstring(svg)
    assert root.get("aria-label") == 'the "loss" & more'
    assert root.get("width") is None


def test_a_border_is_drawn_where_the_curve_reaches_it():
    lines = [{"step": i, "loss": 1.0 / i} for i in range(1, 61)]
    borders = [Border(30, "8 x 64"), Border(55, "4 x 128"), Border(60, "2 x 256")]
    svg = to_svg(draw(Plot("loss", "Loss"), lines, borders), "loss", "loss")
    assert [label for label in ("8 x 64", "4 x 128", "2 x 256") if f">{label}</text>" in svg] == [
        "8 x 64",
        "4 x 128",
    ]


def test_a_band_lies_behind_the_curve_and_does_not_widen_the_axis():
    lines = [{"step": i, "loss": 5.0 - i / 100} for i in range(1, 50)]
    band = Band([1.0, 25.0, 50.0], [4.8, -math.inf, -math.inf], [90.0, 85.0, 80.0], "expected")
    (with_band,) = draw(Plot("loss", "Loss", band=band), lines).axes
    (without,) = draw(Plot("loss", "Loss"), lines).axes
    assert with_band.get_ylim() == without.get_ylim()
    (area,) = with_band.collections
    assert area.get_zorder() < min(line.get_zorder() for line in with_band.lines)
    # Without a lower end it reaches the axis.
    (outline,) = area.get_paths()
    assert outline.vertices[:, 1].min() == with_band.get_ylim()[0]
    assert "expected" in [text.get_text() for text in with_band.get_legend().get_texts()]


def test_labels_of_levels_that_fall_together_on_a_large_axis_are_left_out():
    levels = tuple(Baseline(value, f"{value}") for value in (10.33, 7.07, 6.43))

    def labels(highest):
        lines = [{"step": 1, "loss": highest}, {"step": 2, "loss": 4.0}]
        figure = draw(Plot("loss", "Loss", baselines=levels), lines)
        assert len(figure.axes[0].lines) == 2 + len(levels)  # All lines are drawn.
        return [text.get_text() for text in figure.axes[0].texts]

    assert labels(11.0) == ["10.33", "7.07", "6.43"]
    assert labels(9909.0) == ["10.33"]
