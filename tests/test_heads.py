import jax
import numpy as np
import numpy_bert
import pytest
from models import random_batch, random_params, small_config

from bert_jax.attention import MASKED_SCORE
from bert_jax.config import ComputeConfig
from bert_jax.heads import BertForPreTraining


def apply(config, params, batch, compute=None):
    names = ("input_ids", "token_type_ids", "attention_mask", "masked_lm_positions")
    model = BertForPreTraining(config, compute or ComputeConfig(matmul_precision="highest"))

    @jax.jit
    def logits(params, inputs):
        output = model.apply({"params": params}, *inputs)
        return output.predictions.logits(), output.next_sentence_logits

    return logits(params, [batch[name] for name in names])


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_new"])
def test_both_heads_equal_a_plain_numpy_bert(hidden_act):
    config = small_config(hidden_act=hidden_act)
    params, batch = random_params(config, scale=0.3), random_batch()
    logits, pairs = apply(config, params, batch)
    predictions, next_sentence = numpy_bert.pretraining(params, config, batch)
    np.testing.assert_allclose(logits[..., : config.vocab_size], predictions, atol=2e-5)
    np.testing.assert_allclose(pairs, next_sentence, atol=1e-5)


def test_logits_past_the_vocabulary_can_never_be_predicted():
    config = small_config()
    logits, _ = apply(config, random_params(config), random_batch())
    assert logits.shape[-1] == 1024
    assert (logits[..., config.vocab_size :] < MASKED_SCORE / 2).all()
    probabilities = jax.nn.softmax(logits)
    assert (probabilities[..., config.vocab_size :] == 0).all()


def test_a_model_without_pairs_has_the_same_masked_lm_and_no_weights_of_pairs():
    config = small_config()
    params, batch = random_params(config), random_batch()
    wanted, _ = apply(config, params, batch)
    without = small_config(pair_task="none")
    params = {"bert": dict(params["bert"]), "cls": dict(params["cls"])}
    del params["bert"]["pooler"], params["cls"]["seq_relationship"]
    assert jax.tree.structure(random_params(without)) == jax.tree.structure(params)
    found, pairs = apply(without, params, batch)
    assert pairs is None
    np.testing.assert_array_equal(found, wanted)


def test_logits_are_float32_under_bfloat16_compute():
    config = small_config()
    compute = ComputeConfig(dtype="bfloat16")
    logits, pairs = apply(config, random_params(config), random_batch(), compute)
    assert logits.dtype == pairs.dtype == np.float32
