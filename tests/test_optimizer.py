import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from models import random_params, small_config

from bert_jax.config import OptimizerConfig
from bert_jax.optimizer import (
    clip_by_global_norm,
    decay_mask,
    linear_schedule,
    make_optimizer,
    make_schedule,
    paper_schedule,
)


def trace(config, schedule_args, gradients, params):
    """Parameters after each update."""
    schedule = make_schedule(config, *schedule_args)
    optimizer = make_optimizer(config, schedule)
    state, steps, update = optimizer.init(params), [], jax.jit(optimizer.update)
    for gradient in gradients:
        updates, state = update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        steps.append(params)
    return steps


def test_the_update_trace_of_paper_equals_a_plain_numpy_adam():
    """`AdamWeightDecayOptimizer` of google-research/bert, in float64 and without any library."""
    rng = np.random.default_rng(0)
    shapes = {"kernel": (3, 4), "bias": (4,), "layer_norm": (4,)}
    params = {n: rng.normal(size=s) for n, s in shapes.items()}
    gradients = [{n: rng.normal(size=s) * 2 for n, s in shapes.items()} for _ in range(12)]
    peak, warmup, total = 0.03, 4, 12
    found = trace(
        OptimizerConfig(preset="paper"),
        (peak, warmup, total),
        [jax.tree.map(jnp.float32, g) for g in gradients],
        jax.tree.map(jnp.float32, params),
    )

    m = {n: np.zeros(s) for n, s in shapes.items()}
    v = {n: np.zeros(s) for n, s in shapes.items()}
    for t, gradient in enumerate(gradients):
        norm = np.sqrt(sum((g**2).sum() for g in gradient.values()))
        assert norm > 1
        rate = peak * t / warmup if t < warmup else peak * (1 - t / total)
        for n in shapes:
            g = gradient[n] / norm
            m[n] = 0.9 * m[n] + 0.1 * g
            v[n] = 0.999 * v[n] + 0.001 * g**2
            update = m[n] / (np.sqrt(v[n]) + 1e-6)
            if n == "kernel":
                update = update + 0.01 * params[n]
            params[n] = params[n] - rate * update
        for n in shapes:
            np.testing.assert_allclose(found[t][n], params[n], rtol=2e-5, atol=1e-6)


def test_the_uncorrected_step_is_larger_than_adams_by_the_known_ratio():
    """(1 - b1^t) / sqrt(1 - b2^t): 3.16 at the first step, 6.6 at the peak near the twelfth."""
    gradients = [{"kernel": jnp.ones((2, 2))}] * 1000
    params = {"kernel": jnp.zeros((2, 2))}
    base = {"weight_decay": 0.0, "max_grad_norm": 1e9, "eps": 1e-9}
    steps = {}
    for preset in ("paper", "adamw"):
        optimizer = make_optimizer(
            OptimizerConfig(preset=preset, **base), lambda step: jnp.float32(1.0)
        )
        state, sizes = optimizer.init(params), []
        update = jax.jit(optimizer.update)
        for gradient in gradients:
            updates, state = update(gradient, state, params)
            sizes.append(float(-updates["kernel"][0, 0]))
        steps[preset] = np.array(sizes)
    ratio = steps["paper"] / steps["adamw"]
    assert ratio[0] == pytest.approx(3.16, abs=0.01)
    assert ratio.max() == pytest.approx(6.6, abs=0.1)
    assert abs(int(ratio.argmax()) + 1 - 12) <= 2
    assert ratio[-1] == pytest.approx(1.26, abs=0.01)


def test_the_schedule_of_paper_decays_after_step_zero_and_drops_after_the_warm_up():
    schedule = paper_schedule(1.0, 10, 100)
    rates = [float(schedule(jnp.int32(t))) for t in (0, 5, 9, 10, 50, 99, 100)]
    np.testing.assert_allclose(rates, [0, 0.5, 0.9, 0.9, 0.5, 0.01, 0], atol=1e-6)
    late = paper_schedule(1.0, 50, 100)
    assert float(late(jnp.int32(49))) == pytest.approx(0.98)
    assert float(late(jnp.int32(50))) == pytest.approx(0.5)


def test_the_schedule_of_adamw_decays_from_the_end_of_the_warm_up():
    schedule = linear_schedule(1.0, 10, 100)
    rates = [float(schedule(jnp.int32(t))) for t in (0, 5, 10, 55, 100)]
    np.testing.assert_allclose(rates, [0, 0.5, 1, 0.5, 0], atol=1e-6)


@pytest.mark.parametrize("make", [paper_schedule, linear_schedule])
def test_a_run_shorter_than_its_warm_up_never_passes_the_peak(make):
    rates = [float(make(1.0, 100, 20)(jnp.int32(t))) for t in range(25)]
    assert np.isfinite(rates).all()
    assert max(rates) <= 0.25


def test_all_is_decayed_but_biases_and_layer_norms():
    params = random_params(small_config())
    decayed = {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, is_decayed in jax.tree_util.tree_flatten_with_path(decay_mask(params))[0]
        if is_decayed
    }
    layers, embeddings = "bert/encoder/layers", "bert/embeddings"
    assert decayed == {
        *(f"{layers}/attention/{n}/kernel" for n in ("query", "key", "value", "output")),
        f"{layers}/intermediate/kernel",
        f"{layers}/output/kernel",
        *(f"{embeddings}/{n}_embeddings" for n in ("word", "position", "token_type")),
        "bert/pooler/kernel",
        "cls/predictions/transform/kernel",
        "cls/seq_relationship/kernel",
    }


def test_gradients_are_clipped_to_the_norm_and_not_to_its_square():
    config = OptimizerConfig(preset="adamw", max_grad_norm=1.0)
    clip = make_optimizer(config, lambda step: jnp.float32(1.0))
    gradient = {"kernel": jnp.array([[3.0, 4.0]])}
    _, state = clip.update(gradient, clip.init(gradient), gradient)
    np.testing.assert_allclose(state[1].mu["kernel"], 0.1 * np.array([[0.6, 0.8]]), rtol=1e-6)


def clipped(*gradient):
    clip = clip_by_global_norm(1.0)
    return clip.update([jnp.asarray(g, jnp.float32) for g in gradient], clip.init(gradient))[0]


def test_clipping_leaves_a_small_gradient_as_it_is_to_the_bit():
    gradient = [np.float32([0.1, -0.7]), np.float32([[0.3]])]
    for found, given in zip(clipped(*gradient), gradient, strict=True):
        np.testing.assert_array_equal(found, given)
    np.testing.assert_array_equal(clipped([0.0, 0.0])[0], 0)


def test_clipping_scales_all_arrays_of_a_large_gradient_alike():
    first, second = clipped([3.0, 0.0], [[-4.0]])
    np.testing.assert_allclose(first, [0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(second, [[-0.8]], rtol=1e-6)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_clipping_hides_no_gradient_that_is_not_a_number(broken):
    first, second = clipped([1.0, broken], [2.0])
    assert np.isnan(first[1])
    if np.isnan(broken):
        assert np.isnan(second).all()
