"""Bands out of curves."""

import math
from pathlib import Path

import numpy as np
import pytest

from bert_jax.errors import UserError
from bert_jax.formatting import format_rate
from bert_jax.kept_curves import KeptCurve, kept_curves
from bert_jax.loss_bands import SLACK, Range, make_bands, shipped_bands
from bert_jax.loss_curve import Curve, Levels

ROOT = Path(__file__).parents[1]
LEVELS = Levels(start=10.0, unigram=7.0, no_context=6.0, pairs=0.69)


def kept(name, left_at=60, levels=LEVELS, noise=0.1, n=100, pairs_at=None):
    """At the unigram entropy after 20 points, below the level of no context after `left_at`."""
    at = np.arange(1.0, n + 1)
    shape = np.interp(at, [1, 20, left_at, left_at + 20], [1.0, 0.25, 0.0, -0.5])
    pairs = np.full(n, np.nan) if pairs_at is None else np.where(at < pairs_at, 0.69, 0.5)
    curve = Curve(at, at * 1000, at / 100, levels.loss(shape), pairs)
    return KeptCurve(name, {"noise": noise}, levels, curve)


def test_events_are_read_off_on_both_clocks_from_the_earliest_to_the_latest():
    bands = make_bands([kept("early", 40), kept("late", 60), kept("unfinished", n=30)])
    assert bands.left.tokens == pytest.approx((41_000, 62_000), abs=2000)
    assert bands.left.lr_sum == pytest.approx((0.41, 0.62), abs=0.02)
    # A tenth of the way from 7.0 up to 10.0 is a progress of 0.325.
    assert bands.reached.tokens == pytest.approx((18_100, 18_100), abs=1500)
    assert bands.pairs_left is None
    assert bands.margin == pytest.approx(3 * 0.1 / 4 / math.sqrt(10))


def test_what_has_happened_must_last():
    one = kept("one")
    dip = one.curve.loss.copy()
    dip[30:34] = LEVELS.loss(-0.3)
    dipped = one._replace(curve=one.curve._replace(loss=dip))
    assert make_bands([dipped]).left == make_bands([one]).left


def test_the_largest_rise_is_over_a_best_of_enough_lines():
    one = kept("one")
    loss = one.curve.loss.copy()
    loss[10:13] += 9.0  # Too early for a best to be known.
    loss[40:43] += 1.0
    risen = one._replace(curve=one.curve._replace(loss=loss))
    assert make_bands([risen]).rise == pytest.approx(1.0 / LEVELS.length, abs=0.03)
    few = one._replace(curve=Curve(*(points[::10] for points in one.curve)))
    assert make_bands([few]).rise == 0.0


def test_pairs_are_left_where_their_loss_falls():
    bands = make_bands([kept("pairs", pairs_at=50), kept("without")])
    assert bands.pairs_left.tokens == pytest.approx((50_000, 50_000), abs=2000)


def test_bands_do_not_depend_on_the_levels_that_curves_were_taken_at():
    other = Levels(start=8.0, unigram=5.75, no_context=5.0)
    ours, theirs = make_bands([kept("a")]), make_bands([kept("a", levels=other, noise=0.075)])
    assert ours.left == theirs.left
    assert ours.margin == pytest.approx(theirs.margin)
    assert ours.rise == pytest.approx(theirs.rise)


def test_bands_need_a_curve_that_went_below_the_level_of_no_context():
    for curves in ([kept("unfinished", n=30)], []):
        with pytest.raises(UserError, match=f"of the {len(curves)} in .*curves none does: install"):
            make_bands(curves)


def test_the_lower_edge_begins_at_the_start():
    bands = shipped_bands()
    first = shipped_bands().curves[0].curve._replace(tokens=np.array([1.0]), lr_sum=np.array([0.0]))
    low, _ = bands.edges(first, LEVELS)
    assert low[0] == pytest.approx(LEVELS.loss(1 - bands.margin), abs=0.05)


def test_a_slower_run_that_is_known_makes_later_what_is_late():
    bands = make_bands([kept("a")], slowest_left=(100_000, 0.3))
    assert bands.left.latest == (100_000, bands.left.lr_sum[1])
    assert not bands.left.is_late(199_000, 9.0)
    assert bands.left.is_late(201_000, 9.0)


def test_the_slowest_run_known_is_the_one_of_the_page():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    header = next(line for line in page.splitlines() if line.endswith("| 10 M |"))
    row = next(
        line for line in page.splitlines() if line.startswith("| 32 x 128, 0.08, no dropout")
    )
    losses = [cell.strip() for cell in row.strip("| ").split("|")][1:]
    assert header
    assert losses[-3:] == ["6.08", "6.01", "5.92"]
    tokens, lr_sum = shipped_bands().left.slowest
    assert tokens == 10e6
    assert lr_sum == pytest.approx(tokens / (32 * 128) * 1.5e-3, rel=0.02)


def test_late_is_late_by_both_clocks():
    kept_range = Range(tokens=(10.0, 20.0), lr_sum=(0.1, 0.2))
    assert kept_range.is_late(20.1 * SLACK, 0.201 * SLACK)
    assert not kept_range.is_late(1e9, 0.199 * SLACK)
    assert not kept_range.is_late(19.9 * SLACK, 1e9)


@pytest.mark.parametrize("one", kept_curves(), ids=lambda kept: kept.name)
def test_every_kept_curve_lies_between_the_edges_at_every_point(one):
    low, high = shipped_bands().edges(one.curve, one.levels)
    assert (low < one.curve.loss).all()
    assert (one.curve.loss < high).all()


@pytest.mark.parametrize("one", kept_curves(), ids=lambda kept: kept.name)
def test_every_kept_curve_lies_within_the_bands_of_the_others(one):
    others = make_bands([kept for kept in kept_curves() if kept is not one])
    low, high = others.edges(one.curve, one.levels)
    # Its first points are single losses, and a little noise may take them out.
    outside = np.maximum(low - one.curve.loss, one.curve.loss - high)
    assert (outside < one.facts["noise"] / 10).all()
    assert (outside > 0).sum() <= 1


def test_the_lower_edge_ends_where_a_curve_can_have_gone_below_the_level_of_no_context():
    curve = kept("a").curve
    low, _ = make_bands([kept("a")]).edges(curve, LEVELS)
    # It leaves at 60, and twice as fast at 30.
    assert np.isfinite(low[curve.step < 28]).all()
    assert (low[curve.step > 32] == -math.inf).all()
    assert (low[curve.step < 28] > LEVELS.no_context - 0.5).all()


def test_a_run_that_is_stuck_lies_above_the_upper_edge():
    bands = shipped_bands()
    for one in bands.curves:
        n = 1000
        curve = Curve(
            np.arange(1.0, n + 1), np.geomspace(1e3, 2e7, n), np.geomspace(1e-3, 7, n), *[None] * 2
        )
        _, high = bands.edges(curve, one.levels)
        assert high[-1] < one.levels.unigram


def test_a_clock_that_runs_ahead_does_not_move_the_edges():
    bands, curve = make_bands([kept("a")]), kept("b").curve
    low, high = bands.edges(curve, LEVELS)
    low_ahead, high_ahead = bands.edges(curve._replace(tokens=curve.tokens * 1000), LEVELS)
    np.testing.assert_allclose(low_ahead, low)
    np.testing.assert_allclose(high_ahead, high)


def test_the_upper_edge_ends_at_no_context():
    bands, curve = make_bands([kept("a")]), kept("b", n=400).curve
    _, high = bands.edges(curve, LEVELS)
    assert high[-1] == pytest.approx(LEVELS.loss(bands.margin))
    assert (np.diff(high) <= 1e-12).all()


def test_the_shipped_bands_are_those_that_the_page_states():
    bands = shipped_bands()
    page = " ".join((ROOT / "docs" / "data.md").read_text(encoding="utf-8").split())

    def written(values):
        return " to ".join(map(format_rate, values))

    for stated in (
        f"In the {bands.reached.curves} curves the loss came near",
        f"{written(bands.reached.tokens)} tokens, when learning rates added up to "
        f"{written(bands.reached.lr_sum)}. The {bands.left.curves} of the default job went below "
        f"`no_context` after {written(bands.left.tokens)} tokens and {written(bands.left.lr_sum)}.",
        f"had not left it after {format_rate(bands.left.slowest[0])} and "
        f"{format_rate(bands.left.slowest[1])}, and",
        f"after {format_rate(SLACK * bands.left.latest[0])} tokens and "
        f"{format_rate(SLACK * bands.left.latest[1])}, twice",
        f"are {100 * bands.margin:.1f} % of the way",
        f"the largest rise over the best was {100 * bands.rise:.1f} % of it",
        f"the one kept curve that came so far after {written(bands.pairs_left.tokens[:1])} tokens",
    ):
        assert stated in page, stated
