"""Where losses stand, said to a person."""

import pytest

from bert_jax.kept_curves import kept_curves
from bert_jax.loss_bands import make_bands, shipped_bands
from bert_jax.loss_curve import Levels
from bert_jax.loss_sentences import about_band, about_losses, about_mlm, about_pairs
from bert_jax.loss_watch import WRONG, LossWatch, Standing

LEVELS = Levels(start=10.33, unigram=7.07, no_context=6.43, pairs=0.684)
NOW = Standing("learning", 5000, 2e7, 3.5, 5.0, 0.5, 4.9, 4900, 2000)


def watch_at(standing, levels=LEVELS):
    watch = LossWatch(levels, shipped_bands())
    watch.standing = standing
    return watch


@pytest.mark.parametrize("status", ["falling", "unigram", "learning", *sorted(WRONG)])
def test_every_standing_is_said_with_the_loss_the_step_and_a_level(status):
    text = about_mlm(watch_at(NOW._replace(status=status)))
    assert text.startswith("the MLM loss ")
    assert "5.00 at step 5,000" in text
    assert any(level in text for level in ("6.43", "10.33", "1.43", "4.90"))
    assert ("Look at " in text) == (status in WRONG)
    assert "\n" not in text


def test_a_run_at_the_unigram_level_is_told_when_kept_curves_left_it():
    text = about_mlm(watch_at(NOW._replace(status="unigram", loss=6.9)))
    kept = shipped_bands().left
    assert f"to {kept.lr_sum[1]:.3g}; this run is at 20.0M and 3.50. It is called stuck" in text
    # The short ones never left it.
    assert f"The {kept.curves} small reference runs that left it did so after" in text
    assert kept.curves < len(shipped_bands().curves)
    early = NOW._replace(status="unigram", tokens=1e6, lr_sum=1.0)
    assert about_mlm(watch_at(early)).endswith("this run is at 1.00M and 1.00")
    late = NOW._replace(status="unigram", tokens=1e9, lr_sum=99.0)
    assert about_mlm(watch_at(late)).endswith("and is still on its way down")


def test_what_reference_runs_needed_is_said_where_no_slower_run_is_known():
    watch = LossWatch(LEVELS, make_bands(kept_curves()))
    watch.standing = NOW._replace(status="stuck")
    assert "that the slowest of the 2 small reference runs that left it needed" in about_mlm(watch)


def test_reference_runs_are_small_and_a_report_of_a_larger_model_says_what_that_means():
    bands = shipped_bands()
    layers, width = bands.largest
    assert width <= 512
    assert "not measured" not in about_band(bands, layers, width)
    for larger in ((layers + 1, width), (layers, width + 1)):
        assert f"have at most {layers} layers of {width}, this model has {larger[0]} of" in (
            about_band(bands, *larger)
        )
        assert "is reasoned from the optimiser, not measured" in about_band(bands, *larger)


def test_a_loss_that_has_not_moved_is_not_said_to_be_on_its_way():
    assert "is still near its start: 10.30" in about_mlm(
        watch_at(NOW._replace(status="falling", loss=10.3))
    )
    assert "is on its way" in about_mlm(watch_at(NOW._replace(status="falling", loss=8.0)))


def test_too_few_losses_say_nothing():
    assert "too few losses" in about_mlm(watch_at(Standing("early")))
    assert about_pairs(watch_at(Standing("early"))) is None


def test_a_loss_that_rose_after_it_left_is_said_to_be_above():
    assert "is back at 7.00 at step 5,000, 0.57 nat above the 6.43 of a model" in about_mlm(
        watch_at(NOW._replace(loss=7.0))
    )


def test_pairs_are_mentioned_only_while_they_are_guessed():
    mlm, pairs = about_losses(watch_at(NOW._replace(pair_loss=0.68)))
    assert mlm.startswith("The MLM loss left the unigram level by step 2,000: ")
    assert pairs.startswith("The loss of pairs, 0.68, is not yet well below 0.68, that of knowing")
    assert "the one small reference run that learned them did so after" in pairs
    assert len(about_losses(watch_at(NOW))) == 1
    assert len(about_losses(watch_at(NOW._replace(pair_loss=float("nan"))))) == 1
    assert len(about_losses(watch_at(NOW, LEVELS._replace(pairs=None)))) == 1


def test_a_loss_of_pairs_far_above_a_coin_is_not_said_to_be_late():
    text = about_pairs(watch_at(NOW._replace(pair_loss=13.67)))
    assert "13.67, is above that of a coin (0.69)" in text
    assert "Look at the learning rate" in text
    assert "late" not in text
