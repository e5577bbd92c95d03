"""The heads of tasks: shapes, and equality with a plain numpy BERT."""

import jax
import numpy as np
import numpy_bert
import pytest
from models import random_batch, small_config

from bert_jax import models
from bert_jax.head_config import HeadConfig

HEADS = {
    "sequence_classification": HeadConfig(task="sequence_classification", labels=("a", "b", "c")),
    "token_classification": HeadConfig(task="token_classification", labels=("O", "B", "I")),
    "question_answering": HeadConfig(task="question_answering"),
    "multiple_choice": HeadConfig(task="multiple_choice"),
    "encoder": HeadConfig(task="encoder"),
}


def random_params(config, head, scale=0.1):
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: rng.normal(0, scale, leaf.shape).astype(np.float32),
        models.abstract_params(config, head),
    )


def inputs(choices=None):
    batch = random_batch(rows=6)
    arrays = [batch[name] for name in ("input_ids", "token_type_ids", "attention_mask")]
    if choices:
        arrays = [x.reshape(-1, choices, x.shape[-1]) for x in arrays]
    return arrays


@pytest.mark.parametrize("task", HEADS)
def test_every_head_equals_a_plain_numpy_bert(task):
    config, head = small_config(), HEADS[task]
    params = random_params(config, head)
    ids, types, mask = arrays = inputs(choices=2 if task == "multiple_choice" else None)
    output = models.make_model(config, head).apply({"params": params}, *arrays)
    rows = [x.reshape(-1, x.shape[-1]) for x in (ids, types, mask)]
    sequence, _ = numpy_bert.encoder(params["bert"], config, *rows)
    np.testing.assert_allclose(output.encoder.sequence, sequence, atol=2e-5)
    if task == "encoder":
        assert output.logits is None
        return
    last = params["qa_outputs" if task == "question_answering" else "classifier"]
    x = sequence
    if "pooler" in params["bert"]:
        pooler = params["bert"]["pooler"]
        x = np.tanh(sequence[:, 0] @ pooler["kernel"] + pooler["bias"])
    logits = x @ last["kernel"] + last["bias"]
    if task == "multiple_choice":
        logits = logits.reshape(ids.shape[:2])
    assert output.logits.dtype == np.float32
    np.testing.assert_allclose(output.logits, logits, atol=2e-5)


def test_only_heads_that_read_the_first_position_have_a_pooler():
    config = small_config()
    having = {t for t, h in HEADS.items() if "pooler" in models.abstract_params(config, h)["bert"]}
    assert having == {"sequence_classification", "multiple_choice", "encoder"}
    without = HeadConfig(task="encoder", has_pooler=False)
    assert "pooler" not in models.abstract_params(config, without)["bert"]


def test_without_token_types_there_is_no_table_of_them_and_they_change_nothing():
    config, head = small_config(type_vocab_size=0), HEADS["token_classification"]
    params = random_params(config, head)
    assert "token_type_embeddings" not in params["bert"]["embeddings"]
    ids, types, mask = inputs()
    model = models.make_model(config, head)
    one = model.apply({"params": params}, ids, types, mask).logits
    other = model.apply({"params": params}, ids, 1 - types, mask).logits
    np.testing.assert_array_equal(one, other)


def test_with_a_position_offset_tokens_are_counted_and_padding_has_a_row_of_its_own():
    shifted = small_config(position_offset=2, max_position_embeddings=26)
    plain = small_config(max_position_embeddings=24)
    head = HEADS["encoder"]
    params = random_params(shifted, head)
    table = params["bert"]["embeddings"]["position_embeddings"]
    ids, types, mask = inputs()
    found = models.make_model(shifted, head).apply({"params": params}, ids, types, mask)
    params["bert"]["embeddings"]["position_embeddings"] = table[2:]
    asked = models.make_model(plain, head).apply({"params": params}, ids, types, mask)
    real = mask > 0
    np.testing.assert_allclose(
        np.asarray(found.encoder.sequence)[real],
        np.asarray(asked.encoder.sequence)[real],
        atol=1e-6,
    )
    # Padding in front moves no token from its position.
    turned = [np.roll(x, 3, axis=1) for x in (ids, types, mask)]
    short = mask.sum(1) <= mask.shape[1] - 3
    params["bert"]["embeddings"]["position_embeddings"] = table
    moved = models.make_model(shifted, head).apply({"params": params}, *turned)
    back = np.roll(np.asarray(moved.encoder.sequence), -3, axis=1)
    where = real & short[:, None]
    assert where.any()
    np.testing.assert_allclose(back[where], np.asarray(found.encoder.sequence)[where], atol=1e-5)


def test_the_last_layers_input_is_dropped_but_not_that_of_question_answering():
    config = small_config(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    seeds = np.arange(12, dtype=np.uint32).reshape(6, 2)
    for task, dropped in (("question_answering", False), ("token_classification", True)):
        head = HeadConfig(task=task, classifier_dropout=0.5, labels=HEADS[task].labels)
        params = random_params(config, head)
        model = models.make_model(config, head)
        plain = model.apply({"params": params}, *inputs()).logits
        noisy = model.apply({"params": params}, *inputs(), dropout_seeds=seeds).logits
        assert (np.abs(np.asarray(plain) - np.asarray(noisy)).max() > 1e-3) == dropped
