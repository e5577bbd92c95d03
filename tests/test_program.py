"""A task on a mesh: where the state lies, and what the compiled parts take and give."""

import jax
import numpy as np
import pytest
from models import random_batch, small_config, small_program

from bert_jax import pretraining, sharding
from bert_jax.config import ComputeConfig, MeshConfig, OptimizerConfig, TrainConfig
from bert_jax.errors import UserError
from bert_jax.program import make_program

MESH = (2, 2, 2)


@pytest.fixture(scope="module")
def program():
    return small_program(MESH)


@pytest.fixture(scope="module")
def state(program):
    return program.create_state()


def test_the_first_state_is_what_the_abstract_state_says(program, state):
    def described(tree):
        return jax.tree.map(lambda x: (x.shape, x.dtype, x.sharding), tree)

    assert described(state) == described(program.abstract_state)
    assert int(state.step) == 0


def test_weights_and_moments_are_really_divided(state):
    for tree in (state.params, state.opt_state):
        leaves = jax.tree.leaves(tree)
        here = sum(leaf.addressable_shards[0].data.nbytes for leaf in leaves)
        whole = sum(leaf.nbytes for leaf in leaves)
        assert here < 0.4 * whole
    table = state.params["bert"]["embeddings"]["word_embeddings"]
    rows, columns = table.shape
    assert table.addressable_shards[0].data.shape == (rows // 2, columns // 2)


def test_a_batch_is_divided_by_rows(program):
    batch = random_batch()
    found = program.put_batch(batch)
    assert found.keys() == batch.keys()
    for name, array in found.items():
        assert array.addressable_shards[0].data.shape == (2, *batch[name].shape[1:])
        np.testing.assert_array_equal(array, batch[name])


def test_the_first_state_depends_on_the_seed_and_not_on_the_mesh(state):
    alone = small_program().create_state()
    # The last bit is left to how each mesh's program is compiled.
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7),
        jax.device_get(state),
        jax.device_get(alone),
    )


@pytest.mark.parametrize(
    ("batch_size", "micro_batches", "message"),
    [
        (12, 1, "batch_size is 12; it must be a multiple of 8: 8 data-parallel devices x 1"),
        (8, 2, "batch_size is 8; it must be a multiple of 16: 8 data-parallel devices x 2"),
    ],
)
def test_a_batch_that_the_devices_cannot_divide_is_an_error(batch_size, micro_batches, message):
    config = small_config()
    train = TrainConfig(
        num_steps=1, batch_size=batch_size, micro_batches=micro_batches, warmup_steps=0
    )
    with pytest.raises(UserError, match=message):
        make_program(
            pretraining.make_init(config),
            pretraining.make_sums(config, ComputeConfig()),
            pretraining.make_counts(config),
            train=train,
            optimizer=OptimizerConfig(),
            mesh=sharding.make_mesh(MeshConfig()),
        )
