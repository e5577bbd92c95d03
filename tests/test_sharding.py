import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec as P
from models import small_config, small_program

from bert_jax import pretraining, sharding
from bert_jax.config import MeshConfig
from bert_jax.errors import UserError


def test_every_logical_axis_of_the_parameters_has_a_rule():
    boxed = jax.eval_shape(pretraining.make_init(small_config()), jax.random.key(0))
    axes = sharding.logical_axes(boxed)
    assert len(axes) == len(jax.tree.leaves(boxed))
    used = {axis for names in axes.values() for axis in names}
    assert used <= set(sharding.RULES)
    # And no rule is left over: axes of activations apart.
    assert set(sharding.RULES) - used == {"batch", "length", "predictions"}


def test_an_axis_without_a_rule_is_an_error_and_not_replicated():
    with pytest.raises(KeyError):
        sharding.partition_spec(("batch", "depth"))


def test_a_mesh_axis_is_used_once_in_an_array_by_the_first_that_asks():
    assert sharding.partition_spec(("batch", "length", "embed")) == P(("data", "fsdp"), None, None)
    assert sharding.partition_spec(("embed", "embed")) == P("fsdp", None)
    assert sharding.partition_spec(("vocab", "embed")) == P("tensor", "fsdp")


def test_naming_too_few_axes_for_an_activation_is_an_error():
    with pytest.raises(ValueError, match="shape"):
        sharding.constrain(jnp.zeros((2, 3)), "batch")


def test_a_mesh_takes_the_devices_that_are_left():
    mesh = sharding.make_mesh(MeshConfig(tensor=2))
    assert dict(mesh.shape) == {"data": 4, "fsdp": 1, "tensor": 2}


@pytest.mark.parametrize("config", [MeshConfig(data=3), MeshConfig(tensor=3), MeshConfig(fsdp=16)])
def test_a_mesh_that_does_not_fit_the_devices_is_an_error_with_their_number(config):
    with pytest.raises(UserError, match="8 devices"):
        sharding.make_mesh(config)


def test_heads_that_cannot_be_divided_are_an_error_that_names_the_axis():
    config = small_config(num_attention_heads=2)
    with pytest.raises(UserError, match="'heads'"):
        small_program((1, 1, 4), config=config)


def test_the_state_is_really_divided_over_the_mesh():
    program = small_program((2, 2, 2))
    state = program.create_state()
    for tree in (state.params, state.opt_state[1].mu, state.opt_state[1].nu):
        kernel = tree["bert"]["encoder"]["layers"]["attention"]["query"]["kernel"]
        table = tree["bert"]["embeddings"]["word_embeddings"]
        # [layers, embed, heads, kv]: embed over fsdp, heads over tensor, all copied over data.
        assert kernel.addressable_shards[0].data.shape == (2, 16 // 2, 4 // 2, 4)
        assert table.addressable_shards[0].data.shape == (1024 // 2, 16 // 2)
    whole = sum(leaf.nbytes for leaf in jax.tree.leaves(state.params))
    here = sum(leaf.addressable_shards[0].data.nbytes for leaf in jax.tree.leaves(state.params))
    assert here < 0.5 * whole
