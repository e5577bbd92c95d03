import jax
import jax.numpy as jnp
import numpy as np
import numpy_bert
import optax

from bert_jax.attention import MASKED_SCORE
from bert_jax.heads import PretrainingOutput
from bert_jax.losses import (
    correct_predictions,
    cross_entropy,
    pretraining_counts,
    pretraining_sums,
)


def random_scores(seed=0, classes=11):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4, 6, classes)).astype(np.float32) * 3
    return logits, rng.integers(0, classes, (4, 6)), (rng.random((4, 6)) > 0.4).astype(np.float32)


def test_cross_entropy_is_the_weighted_sum_of_log_likelihoods_and_of_weights():
    logits, labels, weights = random_scores()
    total, count = cross_entropy(logits, labels, weights)
    np.testing.assert_allclose(total, (weights * numpy_bert.nll(logits, labels)).sum(), rtol=1e-6)
    assert count == weights.sum()


def test_cross_entropy_and_its_gradient_equal_those_of_optax():
    logits, labels, weights = random_scores()

    def reference(x):
        losses = optax.softmax_cross_entropy_with_integer_labels(x, jnp.asarray(labels))
        return (weights * losses).sum()

    ours = jax.value_and_grad(lambda x: cross_entropy(x, labels, weights)[0])(jnp.asarray(logits))
    theirs = jax.value_and_grad(reference)(jnp.asarray(logits))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-6)


def test_label_zero_counts_like_any_other():
    logits = np.zeros((1, 2, 3), np.float32)
    total, count = cross_entropy(logits, np.array([[0, 2]]), np.ones((1, 2), np.float32))
    np.testing.assert_allclose(total, 2 * np.log(3), rtol=1e-6)
    assert count == 2


def test_logits_of_padding_in_the_vocabulary_add_nothing():
    logits, labels, weights = random_scores()
    padded = np.concatenate([logits, np.full((4, 6, 5), MASKED_SCORE, np.float32)], axis=-1)
    assert cross_entropy(logits, labels, weights)[0] == cross_entropy(padded, labels, weights)[0]


def test_predictions_are_correct_where_the_label_has_the_highest_logit():
    logits, labels, weights = random_scores()
    total, count = correct_predictions(logits, labels, weights)
    assert total == (weights * (logits.argmax(-1) == labels)).sum()
    assert count == weights.sum()


def test_sums_over_parts_of_a_batch_add_up_to_those_of_the_batch():
    rng = np.random.default_rng(1)
    output = PretrainingOutput(
        rng.normal(size=(8, 5, 12)).astype(np.float32), rng.normal(size=(8, 2)).astype(np.float32)
    )
    batch = {
        "masked_lm_ids": rng.integers(0, 12, (8, 5)),
        "masked_lm_weights": (rng.random((8, 5)) > 0.3).astype(np.float32),
        "next_sentence_labels": rng.integers(0, 2, 8),
        "next_sentence_weights": np.array([1, 1, 1, 1, 1, 1, 0, 0], np.float32),
    }
    sums = jax.jit(pretraining_sums)
    whole = sums(output, batch)
    parts = [
        sums(PretrainingOutput(*(x[rows] for x in output)), {k: v[rows] for k, v in batch.items()})
        for rows in (slice(0, 3), slice(3, 8))
    ]
    for name, (total, count) in whole.items():
        np.testing.assert_allclose(total, sum(p[name][0] for p in parts), rtol=1e-5)
        assert count == sum(p[name][1] for p in parts)
    counts = pretraining_counts(batch)
    assert {name: float(count) for name, count in counts.items()} == {
        name: float(whole[name][1]) for name in ("mlm_loss", "nsp_loss")
    }
