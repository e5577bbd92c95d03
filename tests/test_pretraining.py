import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import (
    packed,
    random_batch,
    random_params,
    small_config,
    small_program,
    without_pairs,
)

from bert_jax import pretraining
from bert_jax.config import ComputeConfig, TrainConfig
from bert_jax.dropout import row_seeds


@pytest.mark.parametrize("chunk", [0, 256])
def test_every_product_of_a_step_has_the_precision_that_was_asked_for(chunk):
    """Also those of gradients written by hand; a CPU computes the same with any."""
    config = small_config()
    params, batch = random_params(config), random_batch()
    compute = ComputeConfig(matmul_precision="highest", vocab_chunk=chunk)
    sums = pretraining.make_sums(config, compute)
    seeds = row_seeds(jax.random.key(0), jnp.arange(8))

    def loss(params):
        return sum(total for total, _ in sums(params, batch, seeds).values())

    text = str(jax.make_jaxpr(jax.grad(loss))(params))
    products = text.count("dot_general[")
    assert products > 30
    assert text.count("precision=(Precision.HIGHEST, Precision.HIGHEST)") == products


def value_and_gradient(config, params, batch, compute):
    sums, counts = pretraining.make_sums(config, compute), pretraining.make_counts(config)

    @jax.jit
    @jax.value_and_grad
    def loss(params, batch):
        found, totals = sums(params, batch, None), counts(batch)
        return sum(found[name][0] / total for name, total in totals.items())

    return loss(params, batch)


@pytest.mark.parametrize(
    ("pair_task", "compute"),
    [
        ("next_sentence", ComputeConfig()),
        ("next_sentence", ComputeConfig(scan_layers=False, remat="dots")),
        ("none", ComputeConfig(remat="full")),
    ],
    ids=str,
)
def test_packed_sequences_have_the_loss_and_gradients_of_the_same_in_rows_of_their_own(
    pair_task, compute
):
    config = small_config(pair_task=pair_task, max_position_embeddings=72)
    # Weights so large that attention and pooler matter.
    params, alone = random_params(config, scale=0.7), random_batch(rows=12)
    # Rows that are not full, slots that are not used, and a row of one sequence.
    rows = packed(alone, [3, 2, 1, 3, 3])
    if pair_task == "none":
        alone, rows = without_pairs(alone), without_pairs(rows)
    wanted, of_wanted = value_and_gradient(config, params, alone, compute)
    found, of_found = value_and_gradient(config, params, rows, compute)
    assert found == pytest.approx(float(wanted), abs=1e-5)
    for (path, a), b in zip(
        jax.tree_util.tree_leaves_with_path(of_found), jax.tree.leaves(of_wanted), strict=True
    ):
        # The gradient of the keys' bias is 0 but for rounding.
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=str(path))


def test_each_array_of_a_packed_batch_matters():
    config = small_config(max_position_embeddings=72)
    params, batch = random_params(config, scale=0.7), packed(random_batch(), [3, 3, 2])
    sums = jax.jit(pretraining.make_sums(config, ComputeConfig()))

    def loss(batch):
        return sum(float(total) for total, _ in sums(params, batch, None).values())

    wanted = loss(batch)
    for name in ("segment_ids", "position_ids", "cls_positions"):
        # One sequence, then, or positions that do not count.
        other = {**batch, name: np.minimum(batch[name], 1 if name == "segment_ids" else 0)}
        assert abs(loss(other) - wanted) > 0.1, name


def test_a_packed_step_on_a_mesh_is_that_of_rows_of_one_sequence():
    config = small_config(
        max_position_embeddings=48,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    compute = ComputeConfig(scan_layers=False, remat="dots")
    train = TrainConfig(num_steps=9, batch_size=8, warmup_steps=0)
    program = small_program((2, 2, 2), config=config, compute=compute, train=train)
    alone = random_batch(rows=16)
    batches = alone, packed(alone, [2] * 8)
    steps = []
    for batch in batches:
        _, metrics = program.train_step(program.create_state(), program.put_batch(batch))
        steps.append({name: float(value) for name, value in metrics.items()})
    wanted, found = steps
    padding = [1 - batch["attention_mask"].mean() for batch in batches]
    assert [step.pop("padding") for step in steps] == pytest.approx(padding)
    assert found.pop("grad_norm") == pytest.approx(wanted.pop("grad_norm"), rel=1e-4)
    assert found == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("pair_task", "names"),
    [
        ("next_sentence", {"nsp_loss", "nsp_accuracy"}),
        ("sentence_order", {"sop_loss", "sop_accuracy"}),
        ("none", set()),
    ],
)
def test_losses_are_named_by_the_pair_task_and_absent_without_one(pair_task, names):
    config = small_config(pair_task=pair_task)
    params = jax.eval_shape(pretraining.make_init(config), jax.random.key(0))
    batch = random_batch() if names else without_pairs(random_batch())
    sums = jax.eval_shape(pretraining.make_sums(config, ComputeConfig()), params, batch, None)
    assert set(sums) == {"mlm_loss", "mlm_accuracy", "padding"} | names
    losses = {name for name in sums if name.endswith("_loss")}
    assert set(pretraining.make_counts(config)(batch)) == losses
