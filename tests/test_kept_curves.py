"""The curves that come with the project."""

import json

import numpy as np
import pytest

from bert_jax.errors import UserError
from bert_jax.kept_curves import (
    MOST_POINTS,
    curves_folder,
    kept_curves,
    read_curve,
    thinned,
    write_curve,
)
from bert_jax.loss_curve import Curve, Levels
from bert_jax.recipes.experiment import load_experiment

LEVELS = Levels(10.0, 7.0, 6.0)


def made_curve(n):
    step = np.arange(1.0, n + 1)
    return Curve(step, step * 100, step / 1000, 10.0 - step / n, np.full(n, np.nan))


def test_a_curve_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "deeper" / "made.jsonl"
    write_curve(path, {"experiment": "tiny", "levels": LEVELS.to_facts()}, made_curve(20))
    found = read_curve(path)
    assert (found.name, found.levels, found.facts["experiment"]) == ("made", LEVELS, "tiny")
    for points, wanted in zip(found.curve, made_curve(20), strict=True):
        np.testing.assert_allclose(points, wanted)


def test_a_long_curve_becomes_means_of_pieces_that_cover_it():
    curve = made_curve(5000)
    thin = thinned(curve)
    assert len(thin.step) <= MOST_POINTS
    assert thin.step[:3].tolist() == [1, 2, 3]
    assert thin.step[-1] == 5000
    sizes = np.diff(thin.step, prepend=0)
    assert (thin.loss * sizes).sum() == pytest.approx(curve.loss.sum())
    assert len(thinned(made_curve(0)).step) == 0


@pytest.mark.parametrize(
    "text", ["", "{}\n", "[]\n", "not JSON\n", json.dumps({"levels": LEVELS.to_facts()}) + "\n"]
)
def test_what_is_no_kept_curve_is_an_error(tmp_path, text):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match=r"bad\.jsonl is no kept curve"):
        read_curve(path)


def test_the_shipped_curves_are_small_and_say_what_they_are_of():
    curves = kept_curves()
    assert len(curves) >= 4
    assert {kept.facts["experiment"] for kept in curves} >= {"documentation_tiny", "mini"}
    assert len({kept.facts["seed"] for kept in curves}) > 1
    for kept in curves:
        assert (curves_folder() / f"{kept.name}.jsonl").stat().st_size < 10_000
        assert kept.levels.start > kept.levels.unigram > kept.levels.no_context
        assert kept.facts["versions"]["jax"]
        shipped = load_experiment(kept.facts["experiment"], data_required=False)
        for config, name in (
            *(("train", name) for name in ("batch_size", "learning_rate", "warmup_steps")),
            *(("train", "num_steps"), ("optimizer", "preset"), ("objective", "max_length")),
        ):
            differs = getattr(getattr(shipped, config), name) != kept.facts[name]
            assert differs == any(key.endswith(f".{name}") for key in kept.facts["differs"]), name
        assert (np.diff(kept.curve.tokens) > 0).all()
