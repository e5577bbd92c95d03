import jax
import numpy as np
import numpy_bert
import pytest
from models import random_batch, random_params, small_config

from bert_jax.attention import MASKED_SCORE
from bert_jax.config import BertConfig, ComputeConfig
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


@pytest.mark.parametrize("case", ["test_for_mlm", "test_for_mlm_with_padding"])
def test_masked_lm_outputs_equal_those_of_a_published_tiny_bert(shared_data, case):
    """Weights, inputs and outputs of another implementation; the layout is its own."""
    archive = np.load(shared_data / "references" / "tiny_bert.npz")
    values = {k.removeprefix(case + "/"): archive[k] for k in archive if k.startswith(case + "/")}
    config = BertConfig(
        vocab_size=24,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=20,
        hidden_act="gelu_new",
    )
    params = published_params(values)
    input_ids = values["inputs/input_ids"].astype(np.int32)
    rows, length = input_ids.shape
    batch = {
        "input_ids": input_ids,
        "token_type_ids": values["inputs/token_type_ids"].astype(np.int32),
        "attention_mask": (input_ids != 0).astype(np.int32),
        "masked_lm_positions": np.tile(np.arange(length, dtype=np.int32), (rows, 1)),
    }
    found = np.asarray(apply(config, params, batch)[0])[..., :24]
    real = batch["attention_mask"] > 0
    np.testing.assert_allclose(found[real], values["outputs/logits"][real], atol=2e-6)


def published_params(values):
    def get(name):
        return values[f"params/{name}"]

    def stack(name, shape=None):
        both = np.stack([get(f"encoder/transformer/layer{i}/{name}") for i in range(2)])
        return both if shape is None else both.transpose(shape)

    def norm(name, get=get):
        return {"scale": get(f"{name}/scale"), "bias": get(f"{name}/bias")}

    def affine(name, get=get):
        return {"kernel": get(f"{name}/weight"), "bias": get(f"{name}/bias")}

    projections = "self_attention/attention/i_proj"
    output = "self_attention/attention/o_proj"
    layers = {
        "attention": {
            **{n: affine(f"{projections}/{n[0]}_proj", stack) for n in ("query", "key", "value")},
            "output": {
                "kernel": stack(f"{output}/weight", (0, 2, 3, 1)),
                "bias": stack(f"{output}/bias"),
            },
            "layer_norm": norm("self_attention/norm", stack),
        },
        "intermediate": affine("feed_forward/linear1", stack),
        "output": affine("feed_forward/linear2", stack),
        "layer_norm": norm("feed_forward/norm", stack),
    }
    padding = 1024 - 24
    zeros = np.zeros((16, 16), np.float32)
    return {
        "bert": {
            "embeddings": {
                "word_embeddings": np.pad(
                    get("encoder/emb/token_emb/weight"), ((0, padding), (0, 0))
                ),
                "position_embeddings": get("encoder/emb/pos_emb/weight")[0],
                "token_type_embeddings": get("encoder/emb/type_emb/weight"),
                "layer_norm": norm("encoder/emb/norm"),
            },
            "encoder": {"layers": layers},
            "pooler": {"kernel": zeros, "bias": zeros[0]},
        },
        "cls": {
            "predictions": {
                "transform": affine("head/transform/linear"),
                "layer_norm": norm("head/transform/norm"),
                "bias": np.pad(get("head/output_bias"), (0, padding)),
            },
            "seq_relationship": {"kernel": zeros[:, :2], "bias": zeros[0, :2]},
        },
    }
