import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from models import random_params, small_config

from bert_jax import pretraining, sharding
from bert_jax.config import MeshConfig, OptimizerConfig
from bert_jax.head_config import TASKS, HeadConfig
from bert_jax.models import make_init
from bert_jax.optimizer import (
    clip_by_global_norm,
    decay_mask,
    is_stacked,
    lamb_schedule,
    linear_schedule,
    make_optimizer,
    paper_schedule,
    scale_by_trust_ratio_of_layers,
)
from bert_jax.train_step import create_state, make_train_step


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


def test_the_schedule_of_lamb_decays_as_the_square_root_from_step_zero():
    schedule = lamb_schedule(2.0, 25, 100)
    rates = [float(schedule(jnp.int32(t))) for t in (0, 5, 24, 25, 64, 99, 100)]
    np.testing.assert_allclose(rates, [0, 0.4, 1.92, 3**0.5, 1.2, 0.2, 0], rtol=1e-6)


@pytest.mark.parametrize("make", [paper_schedule, lamb_schedule, linear_schedule])
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


@pytest.mark.parametrize("task", TASKS)
def test_the_stacked_weights_are_those_whose_first_axis_is_layers(task):
    labels = ("a", "b") if task.endswith("_classification") else ()
    init = make_init(small_config(), HeadConfig(task=task, labels=labels))
    axes = sharding.logical_axes(jax.eval_shape(init, jax.random.key(0)))
    stacked = {path for path in axes if is_stacked(path)}
    assert stacked == {path for path, names in axes.items() if names[0] == "layers"}
    assert len(stacked) == 16


def random_like(tree, seed):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), tree)


def lamb(rate=0.1):
    return make_optimizer(OptimizerConfig(preset="lamb"), lambda step: jnp.float32(rate))


def three_updates(optimizer, params, gradients):
    state, update = optimizer.init(params), jax.jit(optimizer.update)
    for gradient in gradients:
        updates, state = update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return jax.device_get(params)


def test_layers_that_are_stacked_are_updated_as_optax_updates_them_one_by_one():
    sizes = np.float32([1, 10, 100]).reshape(3, 1, 1)
    kernel = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32) * sizes
    gradients = [random_like(kernel, seed) / 10 for seed in range(3)]
    found = three_updates(
        lamb(),
        {"layers": {"kernel": kernel}},
        [{"layers": {"kernel": gradient}} for gradient in gradients],
    )
    expected = three_updates(
        optax.lamb(0.1, weight_decay=0.01), list(kernel), [list(gradient) for gradient in gradients]
    )
    np.testing.assert_allclose(found["layers"]["kernel"], np.stack(expected), rtol=1e-5)


def test_rows_that_pad_the_word_table_change_no_update():
    table = random_like(np.zeros((6, 4)), 0)
    gradients = [random_like(table, seed) for seed in (1, 2, 3)]
    pad = ((0, 2), (0, 0))
    alone = three_updates(lamb(), {"word": table}, [{"word": g} for g in gradients])
    padded = three_updates(
        lamb(), {"word": np.pad(table, pad)}, [{"word": np.pad(g, pad)} for g in gradients]
    )
    np.testing.assert_allclose(padded["word"][:6], alone["word"], rtol=1e-6)
    np.testing.assert_array_equal(padded["word"][6:], 0)


@pytest.mark.parametrize(("weight", "update"), [(0.0, 2.0), (3.0, 0.0)])
def test_where_a_norm_is_zero_the_ratio_is_one(weight, update):
    scale = scale_by_trust_ratio_of_layers()
    params = {"layers": {"kernel": jnp.float32([[weight, 0.0], [3.0, 4.0]])}}
    updates = {"layers": {"kernel": jnp.float32([[update, 0.0], [0.0, 2.0]])}}
    found, _ = scale.update(updates, scale.init(params), params)
    np.testing.assert_allclose(found["layers"]["kernel"], [[update, 0.0], [0.0, 5.0]])


def test_norms_of_divided_weights_are_those_of_the_whole():
    weights = jax.eval_shape(pretraining.make_init(small_config()), jax.random.key(0))["bert"]
    boxed = {
        "layers": weights["encoder"]["layers"]["attention"]["query"]["kernel"],
        "table": weights["embeddings"]["word_embeddings"],
    }
    mesh = sharding.make_mesh(MeshConfig(data=2, fsdp=2, tensor=2))
    places = sharding.state_shardings(boxed, mesh)
    params, updates = (random_like(sharding.unbox(boxed), seed) for seed in (0, 1))
    scale = scale_by_trust_ratio_of_layers()

    @jax.jit
    def scaled(updates, params):
        return scale.update(updates, optax.EmptyState(), params)[0]

    divided = scaled(jax.device_put(updates, places), jax.device_put(params, places))
    whole = scaled(updates, params)
    for name, array in divided.items():
        assert array.addressable_shards[0].data.size * 4 == array.size
        np.testing.assert_allclose(array, whole[name], rtol=1e-5)


def test_micro_batches_give_the_updates_of_the_whole_batch():
    params = {"layers": {"kernel": random_like(np.zeros((2, 4)), 0)}}
    batch = {"x": random_like(np.zeros((8, 4)), 1)}

    def sums(params, batch, seeds):
        outputs = batch["x"] @ params["layers"]["kernel"].T
        return {"loss_of_rows": (jnp.square(outputs).sum(), jnp.float32(len(batch["x"])))}

    def counts(batch):
        return {"loss_of_rows": jnp.float32(len(batch["x"]))}

    after = []
    for micro_batches in (1, 4):
        optimizer = lamb()
        step = jax.jit(
            make_train_step(
                sums,
                counts,
                optimizer,
                lambda step: 0.1,
                seed=0,
                micro_batches=micro_batches,
            )
        )
        state = create_state(params, optimizer)
        for _ in range(3):
            state, _ = step(state, batch)
        after.append(state.params["layers"]["kernel"])
    np.testing.assert_allclose(*after, rtol=1e-5)
    assert np.abs(after[0] - params["layers"]["kernel"]).max() > 0.1
