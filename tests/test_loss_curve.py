"""A loss in terms that can be compared between runs."""

import json
import math

import numpy as np
import pytest

from bert_jax.loss_curve import Levels, curve_of, lr_sums, noise

LEVELS = Levels(start=10.0, unigram=7.0, no_context=6.0, pairs=0.69)


def test_progress_is_one_at_the_start_and_nought_at_no_context():
    assert LEVELS.progress(10.0) == 1.0
    assert LEVELS.progress(6.0) == 0.0
    assert LEVELS.progress(4.0) < 0
    assert LEVELS.loss(LEVELS.progress(7.3)) == pytest.approx(7.3)


def test_levels_go_through_json():
    assert Levels.from_facts(LEVELS.to_facts()) == LEVELS
    without_pairs = LEVELS._replace(pairs=None)
    assert "pairs" not in without_pairs.to_facts()
    assert Levels.from_facts(without_pairs.to_facts()) == without_pairs
    of_lamb = LEVELS._replace(rates_compare=False)
    assert "rates_compare" not in LEVELS.to_facts()
    assert Levels.from_facts(json.loads(json.dumps(of_lamb.to_facts()))) == of_lamb


@pytest.mark.parametrize(
    "facts",
    [
        *(None, {}, [], "levels", {"start": 9.0, "unigram": 6.0}),
        {"start": "high", "unigram": 6.0, "no_context": 5.0},
        # A vocabulary of one token, or text of one token alone: nothing to learn.
        {"start": 0.0, "unigram": 0.0, "no_context": 0.0},
        {"start": 5.0, "unigram": 5.0, "no_context": 5.0},
    ],
)
def test_what_holds_no_levels_gives_none(facts):
    assert Levels.from_facts(facts) is None


def test_a_curve_is_of_the_training_lines_that_have_all_of_it():
    line = {"step": 10, "tokens": 640, "learning_rate": 0.1, "mlm_loss": 8.0}
    curve = curve_of(
        [
            line | {"nsp_loss": 0.7},
            {"step": 10, "eval_mlm_loss": 7.0},
            {"step": 15, "learning_rate": 0.1, "mlm_loss": 8.0},
            line | {"step": 20, "tokens": 1280, "mlm_loss": 7.0, "sop_loss": 0.6},
            line | {"step": 30},
        ]
    )
    assert curve.step.tolist() == [10, 20, 30]
    assert curve.tokens.tolist() == [640, 1280, 640]
    assert curve.loss.tolist() == [8.0, 7.0, 8.0]
    assert curve.pair_loss[:2].tolist() == [0.7, 0.6]
    assert math.isnan(curve.pair_loss[2])
    assert all(len(points) == 0 for points in curve_of([]))


def test_learning_rates_are_summed_exactly_where_they_lie_on_lines():
    rate, warmup = 1e-3, 100
    steps = np.arange(50, 501, 50)
    rates = rate * np.minimum(1, steps / warmup)
    wanted = [
        rate * min(s, warmup) / 2 * min(s / warmup, 1) + rate * max(0, s - warmup) for s in steps
    ]
    np.testing.assert_allclose(lr_sums(steps.astype(float), rates), wanted)


def test_noise_is_that_about_the_curve_and_not_the_fall():
    rng = np.random.default_rng(0)
    loss = np.linspace(10, 4, 4000) + rng.normal(0, 0.2, 4000)
    assert noise(loss) == pytest.approx(0.2, rel=0.1)
    assert noise(np.array([9.0])) == noise(np.array([])) == 0.0
