import jax
import numpy as np
import pytest
from models import random_batch, small_config, small_program

from bert_jax.config import ComputeConfig, TrainConfig
from bert_jax.errors import UserError

TRAIN = {"num_steps": 100, "batch_size": 8, "learning_rate": 1e-2, "warmup_steps": 0}


def three_steps(mesh=(1, 1, 1), **options):
    """Metrics of each step, and the weights after them."""
    program = small_program(mesh, **options)
    state, found = program.create_state(), []
    for seed in range(3):
        state, metrics = program.train_step(state, program.put_batch(random_batch(seed=seed)))
        found.append({name: float(value) for name, value in metrics.items()})
    assert int(state.step) == 3
    return found, jax.device_get(state.params)


def assert_same_steps(first, second, tolerance=1e-5):
    for a, b in zip(first[0], second[0], strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert a[name] == pytest.approx(b[name], rel=tolerance, abs=tolerance), name
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), first[1], second[1])


@pytest.fixture(scope="module")
def reference():
    return three_steps()


@pytest.mark.parametrize("mesh", [(8, 1, 1), (2, 2, 2)], ids=str)
def test_three_steps_with_dropout_agree_on_any_mesh(reference, mesh):
    assert_same_steps(reference, three_steps(mesh))


def test_micro_batches_change_nothing_but_memory(reference):
    found = three_steps(train=TrainConfig(**TRAIN, micro_batches=4))
    assert_same_steps(reference, found)


def test_micro_batches_on_a_mesh_agree_with_one_batch_on_one_device(reference):
    found = three_steps((2, 2, 1), train=TrainConfig(**TRAIN, micro_batches=2))
    assert_same_steps(reference, found)


def test_unrolled_and_recomputed_layers_on_a_mesh_train_as_scanned_ones(reference):
    compute = ComputeConfig(scan_layers=False, remat="dots")
    assert_same_steps(reference, three_steps((2, 2, 2), compute=compute))


def test_the_same_steps_twice_are_equal_to_the_bit(reference):
    again = three_steps()
    assert again[0] == reference[0]
    jax.tree.map(np.testing.assert_array_equal, again[1], reference[1])


@pytest.fixture(scope="module")
def losses_of_another_seed():
    """Of three steps on the first batch, at a rate so small that the weights stay as they are."""
    program = small_program(train=TrainConfig(**TRAIN | {"learning_rate": 1e-12}, seed=1))
    state, losses = program.create_state(), []
    for _ in range(3):
        state, metrics = program.train_step(state, program.put_batch(random_batch()))
        losses.append(float(metrics["loss"]))
    return losses


def test_dropout_and_first_weights_depend_on_the_seed(reference, losses_of_another_seed):
    assert losses_of_another_seed[0] != reference[0][0]["loss"]


def test_each_step_drops_other_units(losses_of_another_seed):
    assert len(set(losses_of_another_seed)) == 3
    # Far more than rounding, or than such a rate, could change.
    assert np.ptp(losses_of_another_seed) > 1e-3


def test_a_step_reports_losses_accuracies_rate_and_the_gradient_before_clipping(reference):
    assert set(reference[0][0]) == {
        "loss",
        "mlm_loss",
        "nsp_loss",
        "mlm_accuracy",
        "nsp_accuracy",
        "padding",
        "grad_norm",
        "learning_rate",
    }
    first = reference[0][0]
    assert first["loss"] == pytest.approx(first["mlm_loss"] + first["nsp_loss"], rel=1e-6)
    assert first["grad_norm"] > 1
    # A model that has learned nothing: near ln(vocabulary) and ln 2.
    assert first["mlm_loss"] == pytest.approx(np.log(130), abs=0.3)
    assert first["nsp_loss"] == pytest.approx(np.log(2), abs=0.3)


def test_rows_that_only_pad_the_vocabulary_never_learn():
    program = small_program()
    state = program.create_state()
    for _ in range(3):
        state, _ = program.train_step(state, program.put_batch(random_batch()))
    table = np.asarray(state.params["bert"]["embeddings"]["word_embeddings"])
    assert (table[130:] == 0).all()
    assert (np.asarray(state.params["cls"]["predictions"]["bias"])[130:] == 0).all()


def test_evaluation_has_no_dropout_and_rows_of_no_weight_do_not_count():
    program = small_program()
    params = program.create_state().params
    batch = random_batch()
    whole = program.eval_step(params, program.put_batch(batch))
    again = program.eval_step(params, program.put_batch(batch))
    assert jax.device_get(whole) == jax.device_get(again)
    for name in ("masked_lm_weights", "next_sentence_weights"):
        batch[name][4:] = 0
    changed = dict(batch, input_ids=batch["input_ids"].copy())
    changed["input_ids"][4:] = 7
    first, second = (
        jax.device_get(program.eval_step(params, program.put_batch(b))) for b in (batch, changed)
    )
    assert first["nsp_loss"][1] == 4
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-6)


def test_a_batch_that_the_mesh_cannot_divide_is_an_error_with_the_multiple():
    with pytest.raises(UserError, match="multiple of 16"):
        small_program((8, 1, 1), train=TrainConfig(**TRAIN, micro_batches=2))


@pytest.mark.heavy
def test_one_batch_is_overfitted():
    """32 rows are learned by heart: MLM accuracy above 0.95."""
    config = small_config(
        vocab_size=400, hidden_size=64, intermediate_size=128, num_attention_heads=2
    )
    train = TrainConfig(num_steps=300, batch_size=32, learning_rate=3e-3, warmup_steps=20)
    program = small_program(config=config, train=train)
    batch = program.put_batch(random_batch(rows=32, vocab_size=400))
    state = program.create_state()
    for _ in range(300):
        state, _ = program.train_step(state, batch)
    sums = jax.device_get(program.eval_step(state.params, batch))
    accuracy = {name: float(total / count) for name, (total, count) in sums.items()}
    assert accuracy["mlm_accuracy"] > 0.95
    assert accuracy["nsp_accuracy"] > 0.95
