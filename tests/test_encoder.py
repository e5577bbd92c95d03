import jax
import jax.numpy as jnp
import numpy as np
import numpy_bert
import pytest
from models import random_batch, random_params, small_config

from bert_jax import pretraining, sharding
from bert_jax.config import ComputeConfig
from bert_jax.dropout import row_seeds
from bert_jax.encoder import BertEncoder
from bert_jax.encoder_weights import padded_vocab_size


def encode(config, params, batch, compute=None, **options):
    inputs = (batch["input_ids"], batch["token_type_ids"], batch["attention_mask"])
    flags = {name: options.pop(name) for name in list(options) if name.startswith("output_")}

    @jax.jit
    def apply(params, inputs, options):
        model = BertEncoder(config, compute or ComputeConfig())
        return model.apply({"params": params}, *inputs, **options, **flags)

    return apply(params["bert"], inputs, options)


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_new"])
@pytest.mark.parametrize("scan_layers", [True, False])
def test_the_encoder_equals_a_plain_numpy_bert(hidden_act, scan_layers):
    config = small_config(hidden_act=hidden_act)
    params, batch = random_params(config, scale=0.3), random_batch()
    found = encode(
        config, params, batch, ComputeConfig(scan_layers=scan_layers), output_attentions=True
    )
    expected, attentions = numpy_bert.encoder(
        params["bert"],
        config,
        batch["input_ids"],
        batch["token_type_ids"],
        batch["attention_mask"],
    )
    np.testing.assert_allclose(found.sequence, expected, atol=1e-5)
    np.testing.assert_allclose(found.attentions, attentions, atol=1e-6)


def test_hidden_states_are_the_embeddings_and_every_layer_scanned_or_not():
    config = small_config()
    params, batch = random_params(config), random_batch()
    scanned, unrolled = (
        encode(
            config,
            params,
            batch,
            ComputeConfig(scan_layers=scan),
            output_hidden_states=True,
            output_attentions=True,
        )
        for scan in (True, False)
    )
    assert scanned.hidden_states.shape == (3, 8, 24, 16)
    assert scanned.attentions.shape == (2, 8, 4, 24, 24)
    assert (scanned.hidden_states[-1] == scanned.sequence).all()
    np.testing.assert_allclose(scanned.hidden_states, unrolled.hidden_states, atol=1e-6)
    np.testing.assert_allclose(scanned.attentions, unrolled.attentions, atol=1e-6)
    plain = encode(config, params, batch)
    assert plain.hidden_states is None
    assert plain.attentions is None


def test_what_stands_in_the_padding_changes_nothing():
    config = small_config()
    params, batch = random_params(config), random_batch()
    other = dict(batch, input_ids=np.where(batch["attention_mask"], batch["input_ids"], 99))
    real = batch["attention_mask"] > 0
    assert (other["input_ids"] != batch["input_ids"]).any()
    first, second = (encode(config, params, b).sequence for b in (batch, other))
    np.testing.assert_array_equal(np.asarray(first)[real], np.asarray(second)[real])


def test_two_sequences_packed_in_a_row_are_encoded_as_if_alone():
    config = small_config()
    params, batch = random_params(config), random_batch(rows=2, length=12)
    batch["attention_mask"][:] = 1
    alone = encode(config, params, batch).sequence
    row = {
        name: batch[name].reshape(1, 24)
        for name in ("input_ids", "token_type_ids", "attention_mask")
    }
    packed = encode(
        config,
        params,
        row,
        segment_ids=np.repeat([[1, 2]], 12, axis=1),
        position_ids=np.tile(np.arange(12), 2)[None],
    ).sequence
    np.testing.assert_allclose(packed.reshape(2, 12, 16), alone, atol=1e-6)


def test_unrolled_and_scanned_layers_drop_the_same_units():
    config = small_config(hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.3)
    params, batch = random_params(config), random_batch()
    seeds = row_seeds(jax.random.key(0), jnp.arange(8))
    scanned, unrolled = (
        encode(config, params, batch, ComputeConfig(scan_layers=scan), dropout_seeds=seeds)
        for scan in (True, False)
    )
    np.testing.assert_allclose(scanned.sequence, unrolled.sequence, atol=1e-6)
    assert np.abs(scanned.sequence - encode(config, params, batch).sequence).max() > 0.1


@pytest.mark.parametrize("remat", ["dots", "full"])
@pytest.mark.parametrize("scan_layers", [True, False])
def test_remat_changes_no_gradient(remat, scan_layers):
    config = small_config()
    params, batch = random_params(config), random_batch()
    seeds = row_seeds(jax.random.key(0), jnp.arange(8))

    def gradient(remat):
        compute = ComputeConfig(remat=remat, scan_layers=scan_layers)

        def loss(params):
            return jnp.sum(
                encode(config, params, batch, compute, dropout_seeds=seeds).sequence ** 3
            )

        return jax.jit(jax.grad(loss))(params)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3),
        gradient("none"),
        gradient(remat),
    )


def test_bfloat16_compute_keeps_float32_weights_and_comes_near():
    config = small_config()
    params, batch = random_params(config), random_batch()
    exact = encode(config, params, batch)
    found = encode(config, params, batch, ComputeConfig(dtype="bfloat16"))
    assert found.sequence.dtype == jnp.bfloat16
    difference = np.abs(np.asarray(found.sequence, np.float32) - exact.sequence).max()
    assert 0 < difference < 0.1


def test_rows_longer_than_the_positions_are_an_error_with_both_numbers():
    config = small_config(max_position_embeddings=16)
    with pytest.raises(ValueError, match=r"length 24.* 16 positions"):
        encode(config, random_params(config), random_batch())


def test_first_weights_are_those_of_the_paper():
    config = small_config(hidden_size=64, vocab_size=1000)
    params = sharding.unbox(jax.jit(pretraining.make_init(config))(jax.random.key(0)))
    table = np.asarray(params["bert"]["embeddings"]["word_embeddings"])
    assert table.shape[0] == padded_vocab_size(1000) == 1024
    assert (table[1000:] == 0).all()
    # Normal (0.02), cut at two sigma and not rescaled, has a deviation of 0.88 x 0.02.
    assert abs(table[:1000]).max() <= 0.04
    assert abs(table[:1000].std() - 0.8796 * 0.02) < 2e-4
    layer = params["bert"]["encoder"]["layers"]
    assert (layer["layer_norm"]["scale"] == 1).all()
    assert (layer["output"]["bias"] == 0).all()
    query, key = (layer["attention"][n]["kernel"] for n in ("query", "key"))
    assert (query != key).any()
    assert (query[0] != query[1]).any()
