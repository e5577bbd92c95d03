import jax
import jax.numpy as jnp
import numpy as np
import numpy_bert
import optax
import pytest

from bert_jax.attention import MASKED_SCORE
from bert_jax.cross_entropy import (
    _count_chunks,
    correct_predictions,
    cross_entropy,
    projected_cross_entropy,
)
from bert_jax.heads import Projection


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


def random_projection(words=700, rows=(3, 4), width=8, seed=0, dtype=np.float32):
    """Scores of a vocabulary padded to 1,024 words, labels and weights."""
    rng = np.random.default_rng(seed)
    bias = np.where(np.arange(1024) < words, rng.normal(size=1024), MASKED_SCORE)
    table = rng.normal(size=(1024, width)) * (np.arange(1024) < words)[:, None]
    projection = Projection(
        jnp.asarray(rng.normal(size=(*rows, width)) * 3, dtype),
        jnp.asarray(table, dtype),
        jnp.asarray(bias, jnp.float32),
    )
    weights = (rng.random(rows) > 0.3).astype(np.float32)
    return projection, jnp.asarray(rng.integers(0, words, rows)), weights


@pytest.mark.parametrize("chunk", [64, 256, 1024, None])
def test_a_vocabulary_in_chunks_gives_the_loss_and_gradients_of_the_whole(chunk):
    projection, labels, weights = random_projection()
    # One label is the best word, so that something is predicted correctly.
    labels = labels.at[0, 0].set(int(projection.logits()[0, 0].argmax()))
    weights[0, 0] = 1.0

    def loss(projection, chunk):
        (total, count), (correct, _) = projected_cross_entropy(
            projection, labels, weights, chunk=chunk
        )
        return 2.0 * total / count, correct

    grad = jax.jit(jax.value_and_grad(loss, has_aux=True), static_argnums=1)
    (whole, correct), gradients = grad(projection, 0)
    (found, also_correct), found_gradients = grad(projection, chunk)
    assert correct == also_correct >= 1
    np.testing.assert_allclose(found, whole, rtol=1e-6)
    for ours, theirs in zip(found_gradients, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_scores_far_from_zero_neither_overflow_nor_vanish():
    projection, labels, weights = random_projection()
    far = projection._replace(states=projection.states * 1e3)
    sums = jax.jit(projected_cross_entropy, static_argnames="chunk")
    whole, found = (sums(far, labels, weights, chunk=chunk) for chunk in (0, 128))
    assert np.isfinite(found[0][0])
    np.testing.assert_allclose(found[0][0], whole[0][0], rtol=1e-6)


def test_chunks_in_bfloat16_come_near_float32():
    projection, labels, weights = random_projection()
    half = Projection(
        projection.states.astype(jnp.bfloat16),
        projection.table.astype(jnp.bfloat16),
        projection.bias,
    )
    (exact, _), _ = projected_cross_entropy(projection, labels, weights, chunk=0)
    (found, _), _ = projected_cross_entropy(half, labels, weights, chunk=128)
    np.testing.assert_allclose(found, exact, rtol=0.02)
    gradient = jax.grad(lambda p: projected_cross_entropy(p, labels, weights, chunk=128)[0][0])(
        half
    )
    assert gradient.states.dtype == gradient.table.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("rows", "words", "chunk", "chunks"),
    [(640, 30720, None, 30), (320, 8192, None, 1), (640, 30720, 0, 0), (4, 8192, 2048, 4)],
)
def test_a_cpu_takes_many_scores_in_chunks_and_few_at_once(rows, words, chunk, chunks):
    assert _count_chunks(rows, words, chunk) == chunks
