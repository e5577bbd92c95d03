"""The three presets beside the same updates in plain numpy, and beside the original's own."""

import dataclasses
import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from exactness import absolute, hold
from exactness_rows import ROWS
from models import random_params, small_config
from numpy_optimizers import (
    Rule,
    linear_rate,
    paper_rate,
    ratio_of_stack,
    ratio_of_weight,
    trace,
    unstacked,
)

from bert_jax.config import OptimizerConfig
from bert_jax.optimizer import make_optimizer, make_schedule

pytestmark = pytest.mark.heavy

PEAK, WARMUP, TOTAL = 0.1, 10, 30
# The largest difference of any weight, of size 1, after any of 30 updates in float32.
ROUNDING = ROWS["optimizer_numpy"].bound
RULES = {
    "paper": Rule(paper_rate(PEAK, WARMUP, TOTAL), corrected=False),
    "adamw": Rule(linear_rate(PEAK, WARMUP, TOTAL), corrected=True),
    "lamb": Rule(
        paper_rate(PEAK, WARMUP, TOTAL, power=0.5), corrected=True, ratio_of=ratio_of_weight
    ),
}


@functools.cache
def task():
    """The weights of a small model, of which no two layers are alike, and 30 gradients."""
    rng = np.random.default_rng(0)

    def unlike(path, leaf):
        stacked = "layers" in jax.tree_util.keystr(path)
        sizes = 4.0 ** -np.arange(len(leaf)) if stacked else np.ones(len(leaf))
        return (leaf * sizes.reshape(-1, *[1] * (leaf.ndim - 1))).astype(np.float32)

    params = jax.tree_util.tree_map_with_path(
        unlike, random_params(small_config(num_hidden_layers=3), scale=1.0)
    )
    sizes = rng.permuted(np.geomspace(0.2, 5, TOTAL))
    gradients = []
    for size in sizes:
        gradient = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), params)
        factor = size / np.sqrt(sum((g**2).sum() for g in jax.tree.leaves(gradient)))
        gradients.append(
            jax.tree.map(lambda g, factor=factor: (g * factor).astype(np.float32), gradient)
        )
    return params, gradients


def updated(preset, params, gradients, schedule_args=(PEAK, WARMUP, TOTAL)):
    """The weights after each update of ours."""
    config = OptimizerConfig(preset=preset)
    optimizer = make_optimizer(config, make_schedule(config, *schedule_args))

    @jax.jit
    def step(state, gradient, params):
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    state, found = optimizer.init(params), []
    for gradient in gradients:
        params, state = step(state, gradient, params)
        found.append(params)
    return found


@functools.cache
def ours(preset):
    return [unstacked(jax.device_get(params)) for params in updated(preset, *task())]


@functools.cache
def steps_of_numpy(rule):
    params, gradients = task()
    return trace(rule, unstacked(params), [unstacked(gradient) for gradient in gradients])


def distance(found, expected):
    """The largest difference of any weight after any step."""
    return max(
        np.abs(a[name] - b[name]).max() for a, b in zip(found, expected, strict=True) for name in a
    )


@pytest.mark.parametrize("preset", RULES)
def test_thirty_updates_of_a_model_are_those_of_plain_numpy(preset):
    hold("optimizer_numpy", distance(ours(preset), steps_of_numpy(RULES[preset])))


def test_some_of_the_gradients_are_clipped_and_others_are_not():
    squares = [sum((g**2).sum() for g in jax.tree.leaves(gradient)) for gradient in task()[1]]
    assert sum(square > 1.1 for square in squares) >= 10
    assert sum(square < 0.9 for square in squares) >= 10


def but_biases(name):
    return "bias" not in name


def but_layer_norms(name):
    return "layer_norm" not in name


def but_tables(name):
    return name.endswith("kernel")


def from_one(t):
    return paper_rate(PEAK, WARMUP, TOTAL)(t + 1)


def without_a_drop(t):
    return paper_rate(PEAK, WARMUP, TOTAL)(t) if t != WARMUP else PEAK


ERRORS = {
    "bias corrected": ("paper", {"corrected": True}),
    "LayerNorms decayed": ("paper", {"decayed": but_biases}),
    "biases decayed": ("paper", {"decayed": but_layer_norms}),
    "tables not decayed": ("paper", {"decayed": but_tables}),
    "clipped on the squared norm": ("paper", {"clip": lambda norm: max(norm**2, 1.0)}),
    "divided by every norm": ("paper", {"clip": lambda norm: norm}),
    "not clipped": ("paper", {"clip": lambda norm: 1.0}),
    "decay from the end of the warm-up": ("paper", {"rate": linear_rate(PEAK, WARMUP, TOTAL)}),
    "steps counted from 1": ("paper", {"rate": from_one}),
    "no drop after the warm-up": ("paper", {"rate": without_a_drop}),
    "bias not corrected": ("adamw", {"corrected": False}),
    "LayerNorms decayed by adamw": ("adamw", {"decayed": but_biases}),
    "decay from step 0": ("adamw", {"rate": paper_rate(PEAK, WARMUP, TOTAL)}),
    "decay without the rate": ("adamw", {"decay_rate": lambda rate: 1.0}),
    "one ratio for all layers": ("lamb", {"ratio_of": ratio_of_stack}),
    "one ratio for all weights": ("lamb", {"ratio_of": lambda name: "all"}),
    "LayerNorms and biases scaled": ("lamb", {"ratio_of": lambda name: name}),
    "nothing scaled": ("lamb", {"ratio_of": lambda name: None}),
    "ratio without the decay": ("lamb", {"ratio_of_decay": False}),
    "bias not corrected by lamb": ("lamb", {"corrected": False}),
    "linear decay by lamb": ("lamb", {"rate": paper_rate(PEAK, WARMUP, TOTAL)}),
}


@pytest.mark.parametrize("error", ERRORS)
def test_a_planted_error_is_a_hundred_times_what_rounding_may_be(error):
    preset, wrong = ERRORS[error]
    planted = dataclasses.replace(RULES[preset], **wrong)
    assert distance(ours(preset), steps_of_numpy(planted)) > 100 * ROUNDING


@functools.cache
def original():
    """Twenty updates that google-research/bert made itself: see `tests/goldens`."""
    with np.load(Path(__file__).parent / "goldens" / "google_bert_optimizer.npz") as found:
        return dict(found)


def in_our_tree(arrays):
    """The original's variables under our names, layers stacked."""
    return {
        "word_embeddings": arrays["bert/embeddings/word_embeddings"],
        "layers": {
            name: np.stack([arrays[f"bert/encoder/layer_{i}/{suffix}"] for i in (0, 1)])
            for name, suffix in (
                ("kernel", "attention/self/query/kernel"),
                ("layer_norm", "output/LayerNorm/gamma"),
            )
        },
        "bias": arrays["bert/pooler/dense/bias"],
        "kernel": arrays["cls/seq_relationship/output_weights"],
    }


def of_the_original(kind, step=...):
    prefix = f"{kind}/"
    return in_our_tree(
        {
            name.removeprefix(prefix): array[step]
            for name, array in original().items()
            if name.startswith(prefix)
        }
    )


def test_twenty_updates_are_those_that_the_original_made():
    schedule = [original()[name].item() for name in ("peak", "warmup_steps", "num_steps")]
    steps = range(schedule[2])
    gradients = [of_the_original("gradient", step) for step in steps]
    found = updated("paper", of_the_original("start"), gradients, schedule)
    for step in steps:
        differences = jax.tree.map(absolute, found[step], of_the_original("after", step))
        hold("optimizer_original", max(jax.tree.leaves(differences)))


def test_the_learning_rates_are_those_that_the_original_computed():
    peak, warmup, total = (
        original()[name].item() for name in ("peak", "warmup_steps", "num_steps")
    )
    schedule = make_schedule(OptimizerConfig(preset="paper"), peak, warmup, total)
    found = jax.vmap(schedule)(jnp.arange(total))
    np.testing.assert_allclose(found, original()["learning_rate"], rtol=1e-6)
