"""Cross entropy as sums and counts, from scores or from what scores are computed from.

The scores of the masked LM head, rows x vocabulary, are the largest array of a step. On a CPU,
writing and reading it again for bias, maximum, exponential, sum and gradient takes longer than the
matrix products. `projected_cross_entropy` therefore takes the vocabulary in chunks whose scores
stay in the cache. One pass over the chunks finds each row's normaliser, with a running maximum, and
the mean of the word vectors under the row's probabilities, which is all that the gradient of the
states needs; it leaves the exponentials, from which the backward pass takes the gradient of the
words in one more product. The running maximum is that of FlashAttention (arXiv 2205.14135).

Shape letters: N rows (batch x predictions), E embed, V vocabulary (padded), K words of a chunk or
classes.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bert_jax.heads import Projection
from bert_jax.layers import present_precision

# A weighted sum and the sum of its weights.
SumAndCount = tuple[jax.Array, jax.Array]

# On a CPU, the scores of 640 rows and 1,024 words (2.6 MB) stay in the cache; where all scores are
# no more than these, one chunk costs less than several.
CPU_CHUNK = 1024
CPU_WHOLE = 4 * 1024 * 1024
_LOWEST = float(np.finfo(np.float32).min)


def cross_entropy(logits: jax.Array, labels: jax.Array, weights: jax.Array) -> SumAndCount:
    """Weighted negative log-likelihood, in nats.

    The label's logit is picked by a comparison rather than a gather: its gradient is then one
    elementwise pass with the softmax, not a scatter into an array as large as the logits.

    Args:
      logits: [..., K] float32.
      labels: [...] int32.
      weights: [...] float32.
    """
    nll = jax.nn.logsumexp(logits, axis=-1) - _label_logit(logits, labels)
    return jnp.sum(weights * nll), jnp.sum(weights)


def correct_predictions(logits: jax.Array, labels: jax.Array, weights: jax.Array) -> SumAndCount:
    """Weighted number of rows whose label has the highest logit (a tie with another counts).

    Args:
      logits: [..., K] float32.
      labels: [...] int32.
      weights: [...] float32.
    """
    logits = jax.lax.stop_gradient(logits)
    correct = _label_logit(logits, labels) >= jnp.max(logits, axis=-1)
    return jnp.sum(weights * correct), jnp.sum(weights)


def projected_cross_entropy(
    projection: Projection, labels: jax.Array, weights: jax.Array, *, chunk: int | None = None
) -> tuple[SumAndCount, SumAndCount]:
    """`cross_entropy` and `correct_predictions` of a projection's scores.

    Args:
      projection: states [B, P, E], table [V, E] and bias [V].
      labels: [B, P] int32.
      weights: [B, P] float32.
      chunk: words K at a time; 0 for the whole vocabulary, None for what suits the platform. A
        vocabulary that is divided over a mesh is always taken whole: each of its chunks would lie
        on a single device.
    """
    chunks = _count_chunks(labels.size, projection.table.shape[0], chunk)
    if not chunks:
        logits = projection.logits()
        return cross_entropy(logits, labels, weights), correct_predictions(logits, labels, weights)
    states = projection.states.reshape(-1, projection.states.shape[-1])
    nll, correct = _chunked(
        states,
        projection.table,
        projection.bias,
        labels.reshape(-1),
        chunks,
        present_precision(),
    )
    weights = weights.reshape(-1)
    count = jnp.sum(weights)
    return (jnp.sum(weights * nll), count), (jnp.sum(weights * correct), count)


def _count_chunks(rows: int, vocab_size: int, chunk: int | None) -> int:
    """How many chunks; 0 where all scores are an array that JAX derives the gradient of."""
    if jax.sharding.get_abstract_mesh().shape.get("tensor", 1) > 1:
        return 0
    if chunk is None:
        if jax.default_backend() != "cpu":
            return 0
        # One chunk still costs fewer passes over the scores than what JAX derives.
        chunk = vocab_size if rows * vocab_size <= CPU_WHOLE else CPU_CHUNK
    return max(vocab_size // chunk, 1) if chunk else 0


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def _chunked(
    states: jax.Array,
    table: jax.Array,
    bias: jax.Array,
    labels: jax.Array,
    chunks: int,
    precision: str | None,
) -> tuple[jax.Array, jax.Array]:
    """[N] negative log-likelihoods, and [N] 1 where the label has the highest score, else 0."""
    passed = _pass_over_chunks(states, table, bias, labels, chunks, precision, keep=False)
    return passed.nll, passed.correct


def _chunked_forward(
    states: jax.Array,
    table: jax.Array,
    bias: jax.Array,
    labels: jax.Array,
    chunks: int,
    precision: str | None,
) -> tuple[tuple[jax.Array, jax.Array], Any]:
    passed = _pass_over_chunks(states, table, bias, labels, chunks, precision, keep=True)
    return (passed.nll, passed.correct), (states, table, bias, labels, passed)


def _chunked_backward(chunks: int, precision: str | None, residuals: Any, cotangents: Any) -> Any:
    states, table, bias, labels, passed = residuals
    product = _product(precision)
    gradient = cotangents[0]
    wide = states.astype(jnp.float32)

    def body(carry: None, kept: tuple[jax.Array, jax.Array]) -> tuple[None, Any]:
        powers, highest = kept
        # The probabilities are `powers` times a factor that depends on the row alone.
        factor = gradient * jnp.exp(highest - passed.normaliser)
        of_words = product("nk,ne->ke", powers, (wide * factor[:, None]).astype(table.dtype))
        return carry, (of_words, product("n,nk->k", factor, powers.astype(jnp.float32)))

    _, (of_words, of_bias) = jax.lax.scan(body, None, (passed.powers, passed.highest))
    of_words = of_words.reshape(table.shape).at[labels].add(-wide * gradient[:, None])
    of_bias = of_bias.reshape(bias.shape).at[labels].add(-gradient)
    of_states = gradient[:, None] * (passed.mean - table[labels].astype(jnp.float32))
    no_gradient = np.zeros(labels.shape, jax.dtypes.float0)
    return of_states.astype(states.dtype), of_words.astype(table.dtype), of_bias, no_gradient


_chunked.defvjp(_chunked_forward, _chunked_backward)


class _Chunk(NamedTuple):
    """Words [K, E], their bias [K], and the id of the first."""

    words: jax.Array
    bias: jax.Array
    first: jax.Array


class _Passed(NamedTuple):
    """What a pass over all C chunks finds; the last four only where they are kept.

    nll, correct, normaliser: [N]. mean: [N, E], word vectors under a row's probabilities.
    powers: [C, N, K], exp(score - highest), in the type of the table. highest: [C, N], the
    highest score of a row in the chunks so far.
    """

    nll: jax.Array
    correct: jax.Array
    normaliser: jax.Array
    mean: jax.Array | None
    powers: jax.Array | None
    highest: jax.Array | None


def _product(precision: str | None) -> Callable[..., jax.Array]:
    return functools.partial(jnp.einsum, precision=precision, preferred_element_type=jnp.float32)


def _cut(table: jax.Array, bias: jax.Array, chunks: int) -> _Chunk:
    """All chunks, on a leading axis."""
    words = table.reshape(chunks, -1, table.shape[1])
    return _Chunk(words, bias.reshape(chunks, -1), jnp.arange(chunks) * words.shape[1])


def _pass_over_chunks(
    states: jax.Array,
    table: jax.Array,
    bias: jax.Array,
    labels: jax.Array,
    chunks: int,
    precision: str | None,
    keep: bool,
) -> _Passed:
    product = _product(precision)

    def body(carry: Any, chunk: _Chunk) -> tuple[Any, Any]:
        highest, total, picked, mean = carry
        scores = product("ne,ke->nk", states, chunk.words) + chunk.bias[None]
        now = jnp.maximum(highest, jnp.max(scores, axis=1))
        powers, shrink = jnp.exp(scores - now[:, None]), jnp.exp(highest - now)
        total = total * shrink + jnp.sum(powers, axis=1)
        place = labels - chunk.first
        here = (place >= 0) & (place < scores.shape[1])
        found = jnp.take_along_axis(scores, jnp.where(here, place, 0)[:, None], axis=1)[:, 0]
        kept = None
        if keep:
            powers = powers.astype(table.dtype)
            mean = mean * shrink[:, None] + product("nk,ke->ne", powers, chunk.words)
            kept = powers, now
        return (now, total, jnp.where(here, found, picked), mean), kept

    rows = states.shape[0]
    start = (
        jnp.full(rows, _LOWEST),
        jnp.zeros(rows),
        jnp.zeros(rows),
        jnp.zeros(states.shape, jnp.float32) if keep else None,
    )
    (highest, total, picked, mean), kept = jax.lax.scan(body, start, _cut(table, bias, chunks))
    normaliser = highest + jnp.log(total)
    return _Passed(
        normaliser - picked,
        (picked >= highest).astype(jnp.float32),
        normaliser,
        None if mean is None else mean / total[:, None],
        *(kept if keep else (None, None)),
    )


def _label_logit(logits: jax.Array, labels: jax.Array) -> jax.Array:
    ids = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
    return jnp.sum(jnp.where(ids == labels[..., None], logits, 0.0), axis=-1)
