"""Our models against the outputs that axlearn published with its tiny ones."""

import jax
import numpy as np
import pytest
from axlearn_layout import our_params
from exactness import absolute, hold

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.head_config import HeadConfig
from bert_jax.losses import pretraining_sums
from bert_jax.models import abstract_params, make_model
from bert_jax.task_losses import IGNORED, classification_loss

pytestmark = pytest.mark.heavy

EXACT = ComputeConfig(matmul_precision="highest")
TINY_BERT = {
    "vocab_size": 24,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 20,
    "hidden_act": "gelu_new",
    "pair_task": "none",
}


def classifier(labels, problem_type="single_label_classification"):
    return HeadConfig(
        task="sequence_classification",
        labels=tuple(map(str, range(labels))),
        problem_type=problem_type,
    )


CLASSIFICATIONS = {
    "test_sequence_classification_1": classifier(1, "regression"),
    "test_sequence_classification_2": classifier(2),
    "test_sequence_classification_3": classifier(3),
    "test_sequence_binary_classification": classifier(2, "multi_label_classification"),
    "test_multiple_choice_classification": HeadConfig(task="multiple_choice"),
}


def read(shared_data, archive, case):
    arrays = np.load(shared_data / "references" / f"{archive}.npz")
    begin = f"{case}/"
    return {name.removeprefix(begin): arrays[name] for name in arrays if name.startswith(begin)}


def checked_params(values, config, head):
    """The published weights, each of which the model has in that shape."""
    params = our_params(values, config.num_hidden_layers)
    assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, abstract_params(config, head))
    return params


def apply(config, head, params, *arrays):
    model = make_model(config, head, EXACT)
    return jax.jit(lambda params, arrays: model.apply({"params": params}, *arrays))(params, arrays)


@pytest.mark.parametrize("case", ["test_for_mlm", "test_for_mlm_with_padding"])
def test_masked_lm_of_the_published_tiny_bert(shared_data, case):
    values = read(shared_data, "tiny_bert", case)
    config, head = BertConfig(**TINY_BERT), HeadConfig()
    params = checked_params(values, config, head)
    input_ids = values["inputs/input_ids"].astype(np.int32)
    types = values["inputs/token_type_ids"].astype(np.int32)
    labels = values["inputs/target_labels"]
    mask = (input_ids != 0).astype(np.int32)
    places = np.broadcast_to(np.arange(input_ids.shape[1], dtype=np.int32), input_ids.shape)
    output = apply(config, head, params, input_ids, types, mask, places)
    # Nobody reads what comes out at padding, and it differs.
    real = mask > 0
    logits = np.asarray(output.predictions.logits())[..., : config.vocab_size]
    hold("published_bert_logits", absolute(logits[real], values["outputs/logits"][real]))

    batch = {
        "masked_lm_ids": np.where(labels == IGNORED, 0, labels).astype(np.int32),
        "masked_lm_weights": (labels != IGNORED).astype(np.float32),
        "attention_mask": mask,
    }
    total, count = pretraining_sums(output, batch, None)["mlm_loss"]
    assert int(count) == (labels != IGNORED).sum() > 0
    hold("published_bert_losses", abs(total / count - values["outputs/loss"]))

    encoder = HeadConfig(task="encoder", has_pooler=False)
    states = apply(config, encoder, {"bert": params["bert"]}, input_ids, types, mask)
    found = np.asarray(states.encoder.sequence)[real]
    hold("published_bert_states", absolute(found, values["outputs/hidden_states_last"][real]))


@pytest.mark.parametrize("case", CLASSIFICATIONS)
def test_classification_of_the_published_tiny_bert(shared_data, case):
    values = read(shared_data, "tiny_bert", case)
    config, head = BertConfig(**TINY_BERT), CLASSIFICATIONS[case]
    params = checked_params(values, config, head)
    input_ids = values["inputs/input_ids"]
    types = values.get("inputs/token_type_ids", np.zeros_like(input_ids))
    mask = values["inputs/padding_mask"].astype(np.int32)
    logits = apply(config, head, params, input_ids, types, mask).logits
    hold("published_bert_logits", absolute(logits, values["outputs/logits"]))
    total, count = classification_loss(logits, values["inputs/target_labels"], head.problem_type)
    hold("published_bert_losses", abs(total / count - values["outputs/loss"]))


def test_the_published_tiny_distilbert(shared_data):
    """An eps of 1e-6 or more, or another activation than GELU, would be seen here."""
    values = read(shared_data, "tiny_distilbert", "test_distilbert")
    config = BertConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=8,
        intermediate_size=64,
        max_position_embeddings=12,
        type_vocab_size=0,
        pair_task="none",
    )
    head = HeadConfig(task="encoder", has_pooler=False)
    params = checked_params(values, config, head)
    input_ids = values["inputs/input_ids"].astype(np.int32)
    output = apply(
        config, head, params, input_ids, 0 * input_ids, (input_ids != 0).astype(np.int32)
    )
    first = np.asarray(output.encoder.sequence)[:, :1]
    hold("published_distilbert", absolute(first, values["outputs/text_embeddings"]))
