"""What is said of a loss, and that nothing is said of one that is as it should be."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.kept_curves import kept_curves
from bert_jax.loss_bands import SLACK, shipped_bands
from bert_jax.loss_curve import Levels
from bert_jax.loss_sentences import about_mlm
from bert_jax.loss_watch import WRONG, LossWatch, watch_of

LEVELS = Levels(start=10.33, unigram=7.07, no_context=6.43, pairs=0.684)


def made_lines(at, loss, *, every, tokens_a_step, rate, warmup, steps, noise=0.05, decay=True):
    """Lines of a run whose loss goes through points, with the paper's schedule."""
    step = np.arange(every, steps + 1, every)
    rng = np.random.default_rng(0)
    found = np.interp(step, at, loss) + rng.normal(0, noise, len(step))
    rates = rate * np.where(step < warmup, step / warmup, 1 - decay * step / steps)
    return [
        {
            "step": int(s),
            "tokens": int(s * tokens_a_step),
            "learning_rate": float(r),
            "mlm_loss": float(x),
            "nsp_loss": 0.69,
        }
        for s, r, x in zip(step, rates, found, strict=True)
    ]


# BERT-base as in the paper's first phase.
BASE = {"every": 500, "tokens_a_step": 256 * 128, "rate": 1e-4, "warmup": 10_000, "steps": 900_000}
SMALL = {"every": 50, "tokens_a_step": 2048, "rate": 1.5e-3, "warmup": 300, "steps": 7000}
LONG = SMALL | {"steps": 14_000}


def said(lines, levels=LEVELS):
    watch = LossWatch(levels, shipped_bands())
    found = [(x["step"], watch.standing.status, about_mlm(watch)) for x in lines if watch.add(x)]
    return found, watch


@pytest.mark.parametrize("kept", kept_curves(), ids=lambda kept: kept.name)
@pytest.mark.parametrize("every", [1, 20, 100, 500])
def test_nothing_is_said_of_the_kept_runs(kept, every):
    facts, curve = kept.facts, kept.curve
    # The points have noise of their own, which must not become slow waves.
    smooth = np.convolve(np.pad(curve.loss, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    lines = made_lines(
        curve.step,
        smooth,
        every=every,
        tokens_a_step=facts["batch_size"] * facts["max_length"],
        rate=facts["learning_rate"],
        warmup=facts["warmup_steps"],
        steps=int(curve.step[-1]),
        noise=facts["noise"],
        decay=False,
    )
    found, watch = said(lines[:2000], kept.levels)
    assert found == []
    assert watch.standing.status not in WRONG


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("left_at", [8_000, 20_000, 30_000])
def test_nothing_is_said_of_a_large_model_that_stays_long_at_the_unigram_level(noise, left_at):
    at = [0, 1500, 3000, left_at, 2 * left_at, 200_000, 900_000]
    lines = made_lines(at, [10.4, 7.5, 7.1, 6.6, 3.5, 2.1, 1.7], **BASE, noise=noise)
    found, watch = said(lines)
    assert found == []
    assert watch.standing.status == "learning"


def test_nothing_is_said_of_weights_that_were_pretrained_before():
    found, watch = said(made_lines([0, 900_000], [2.0, 1.7], **BASE))
    assert found == []
    assert watch.standing.status == "learning"


@pytest.mark.parametrize("settings", [BASE, LONG])
@pytest.mark.parametrize("level", [6.43, 6.7, 7.07])
def test_a_loss_that_stays_at_the_unigram_level_is_stuck_and_said_so_once(settings, level):
    found, watch = said(made_lines([0, 200, 400], [10.4, 7.2, level], **settings, noise=0.02))
    ((step, status, sentence),) = found
    assert status == "stuck"
    assert 0.01 * settings["steps"] < step < 0.75 * settings["steps"]
    assert "stuck at the unigram level" in sentence
    assert "reads no context has 6.43 to 7.07" in sentence
    assert "over 2 times the 10.0M and 3.70 after which the slowest run known was" in sentence
    assert "the 2 small reference runs that left it had by" in sentence
    assert "Look at the learning rate" in sentence
    assert "bert-jax inspect STORE" in sentence
    assert watch.standing.status == "stuck"


def test_the_page_says_when_bert_base_is_called_stuck():
    ((step, status, _),), _ = said(made_lines([0, 3000], [10.4, 6.7], **BASE, noise=0.02))
    page = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
    assert status == "stuck"
    assert f"is called stuck after about {round(step, -3):,} steps" in page


def test_a_loss_that_stays_above_the_unigram_level_has_not_come_down():
    ((_, status, sentence),), _ = said(made_lines([0, 300], [10.4, 8.5], **SMALL))
    assert status == "not_reached"
    assert "has not come down to the unigram level" in sentence
    assert "warm-up too long" in sentence


@pytest.mark.parametrize("loss", [8.5, 6.7])
def test_a_run_whose_rates_are_no_steps_is_not_called_late(loss):
    levels = LEVELS._replace(rates_compare=False)
    lines = made_lines([0, 200, 400], [10.4, loss, loss], **LONG, noise=0.02)
    assert [status for _, status, _ in said(lines)[0]]
    assert said(lines, levels)[0] == []


def test_a_loss_above_that_of_knowing_nothing_is_said_at_once():
    found, _ = said(made_lines([0], [12.5], **SMALL))
    step, status, sentence = found[0]
    assert status == "above_start"
    assert step <= 5 * SMALL["every"]
    assert "every token alike has 10.33" in sentence


@pytest.mark.parametrize("high", [7.0, 9.5, 12.0])
def test_a_loss_that_goes_up_again_is_rising(high):
    lines = made_lines([0, 300, 2000, 4000, 4200], [10.4, 7.0, 6.4, 4.0, high], **SMALL)
    found, _ = said(lines)
    step, status, sentence = found[0]
    assert status == "rising"
    assert 4000 < step < 5000
    assert "is rising" in sentence
    assert "at step 4,000" in sentence


def test_the_losses_of_small_batches_waver_without_a_word():
    at, loss = [0, 300, 1500, 3000, 7000], [10.4, 7.1, 6.4, 5.0, 4.0]
    found, _ = said(made_lines(at, loss, **SMALL, noise=0.5))
    assert found == []


@given(
    level=st.floats(6.43, 7.07),
    tokens=st.floats(1e3, 1e12),
    rates=st.floats(1e-6, 1e3),
)
def test_a_loss_at_the_unigram_level_is_stuck_when_both_clocks_are_late(level, tokens, rates):
    bands, n = shipped_bands(), 40
    lines = [
        {
            "step": i,
            "tokens": tokens * i / n,
            "learning_rate": rates / n,
            "mlm_loss": level,
        }
        for i in range(1, n + 1)
    ]
    found, watch = said(lines)
    lr_sum = rates * (n - 0.5) / n
    late = tokens > SLACK * bands.left.latest[0] and lr_sum > SLACK * bands.left.latest[1]
    assert watch.standing.status == ("stuck" if late else "unigram")
    assert [status for _, status, _ in found] == ["stuck"] * late


def test_a_run_that_ended_too_soon_is_told_when_kept_curves_left():
    _, watch = said(made_lines([0, 60], [10.4, 7.2], **SMALL | {"steps": 1000}))
    assert watch.standing.status == "unigram"
    assert "this run is at 2.05M and " in about_mlm(watch)
    _, watch = said(made_lines([0, 2000], [10.4, 7.2], **SMALL | {"steps": 300}))
    assert watch.standing.status == "falling"


def test_few_losses_say_nothing():
    found, watch = said(made_lines([0], [15.0], **SMALL)[:2])
    assert found == []
    assert watch.standing.status == "early"


def test_a_watch_goes_on_where_a_run_was_stopped():
    lines = made_lines([0, 200, 400], [10.4, 7.2, 6.8], **LONG)
    whole, resumed = watch_of(lines, LEVELS.to_facts()), watch_of(lines[:30], LEVELS.to_facts())
    for line in lines[30:]:
        resumed.add(line)
    assert about_mlm(whole) == about_mlm(resumed)
    assert whole.standing.status == "stuck"


def test_what_is_no_number_or_has_no_tokens_is_left_out():
    line = {"step": 1, "tokens": 9, "learning_rate": 0.1, "mlm_loss": float("nan")}
    older = {"step": 2, "learning_rate": 0.1, "mlm_loss": 15.0}
    watch = watch_of([line, older] * 5, LEVELS.to_facts())
    assert watch.standing.status == "early"
    assert watch_of([line], None) is None


def violent(n, recovers_at=None):
    """A run at a rate of 1.0: it falls for 10 lines, then its losses are in the hundreds."""
    rng = np.random.default_rng(0)
    loss = np.concatenate([np.linspace(10.3, 9.0, 10), rng.lognormal(6.5, 1.5, n - 10)])
    if recovers_at is not None:
        loss[recovers_at:] = rng.normal(6.8, 0.1, n - recovers_at)
    return [
        {"step": i, "tokens": 4096 * i, "learning_rate": 1.0 - i / (2 * n), "mlm_loss": float(x)}
        for i, x in enumerate(loss, start=1)
    ]


def test_a_run_that_diverged_is_said_to_have_until_its_end():
    for n in (20, 40, 100, 400):
        found, watch = said(violent(n))
        assert [status for _, status, _ in found][:1] in (["above_start"], ["rising"])
        assert watch.standing.status in ("above_start", "rising"), n


def test_a_run_that_came_down_again_is_no_longer_above_its_start():
    found, watch = said(violent(150, recovers_at=60))
    assert found
    assert watch.standing.status == "unigram"


def test_one_bad_batch_is_not_a_run_above_its_start():
    lines = made_lines([0, 300, 1500, 3000, 7000], [10.4, 7.1, 6.4, 5.0, 4.0], **SMALL)
    for i in (30, 70, 110):
        lines[i]["mlm_loss"] = 9909.0
    found, watch = said(lines)
    assert found == []
    assert watch.standing.status == "learning"


@pytest.mark.parametrize("noise", [0.15, 0.19, 0.45, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_loss_that_is_always_that_of_no_context_ends_as_stuck(noise, seed):
    losses = LEVELS.no_context + np.random.default_rng(seed).normal(0, noise, 3000)
    found, watch = said(
        {"step": i, "tokens": 16_384 * i, "learning_rate": 5e-3, "mlm_loss": float(x)}
        for i, x in enumerate(losses, start=1)
    )
    assert [status for _, status, _ in found] == ["stuck"]
    assert watch.standing.status == "stuck"


def test_a_crossing_that_does_not_last_is_taken_back():
    at, loss = [0, 300, 1000, 1100, 2500, 2600], [10.4, 6.8, 6.6, 5.9, 5.9, 6.6]
    lines = made_lines(at, loss, **SMALL)
    assert said(lines[:50])[1].standing.status == "learning"
    assert said(lines)[1].standing.left_step is None


def test_a_loss_that_still_falls_is_not_called_stuck():
    late = {"every": 50, "tokens_a_step": 4096, "rate": 1.5e-3, "warmup": 300, "steps": 20_000}
    found, watch = said(
        made_lines([0, 300, 6000, 20_000], [10.4, 7.3, 6.9, 6.5], **late, decay=False)
    )
    assert found == []
    assert watch.standing.status == "unigram"
    found, _ = said(made_lines([0, 300, 8000], [10.4, 7.3, 6.8], **late, decay=False))
    assert [status for _, status, _ in found] == ["stuck"]
