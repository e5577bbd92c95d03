"""Levels of a loss, put together for a store."""

import math

import pytest

from data_pipeline.doctor.numbers import LossLevels


def test_levels_of_the_loss_are_sums_of_their_parts() -> None:
    levels = LossLevels.of(1000, 5.0, label_share=0.6)
    assert levels.start_mlm == pytest.approx(math.log(1000))
    assert levels.start_nsp == pytest.approx(math.log(2))
    assert levels.start == pytest.approx(levels.start_mlm + levels.start_nsp)
    assert levels.stuck_mlm == 5.0
    assert 0.6 < levels.stuck_nsp < math.log(2)
    assert levels.stuck == pytest.approx(levels.stuck_mlm + levels.stuck_nsp)


def test_without_pairs_there_is_nothing_of_labels_in_it() -> None:
    levels = LossLevels.of(1000, 5.0, label_share=None)
    assert (levels.start_nsp, levels.stuck_nsp) == (0.0, 0.0)
    assert levels.start == pytest.approx(math.log(1000))
