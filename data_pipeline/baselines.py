"""What a model must beat: the scores of guessing without reading.

For masked tokens: the entropy of their distribution (the loss of always answering with their own
frequencies), the loss of the training text's frequencies, and the share of the commonest one. For
next sentences: the share of the majority label, which is not one half because a chunk of a single
sentence is always "random".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError

Integers = npt.NDArray[np.integer]
Floats = npt.NDArray[np.float64]

# Tokens of a text that are counted at most, and how many at a time.
_COUNTED, _PIECE = 50_000_000, 1_000_000


def unigram_entropy(token_ids: Integers, weights: Floats | None = None) -> float:
    """Entropy in nats of the empirical distribution of `token_ids`, any shape, at least one.

    The lowest mean loss that one fixed distribution can have on exactly these tokens, each of which
    counts for its weight or, without weights, all alike.
    """
    counts = _counts(token_ids, weights)
    share = counts / counts.sum()
    share = share[share > 0]
    return max(0.0, float(-(share * np.log(share)).sum()))


def unigram_loss(token_ids: Integers, text: Integers, vocab_size: int) -> float:
    """Mean loss in nats of guessing `token_ids` by the frequencies of another text, plus one each.

    The best that a model can do which has learned nothing but how common each token is. A text of
    more than `_COUNTED` tokens is counted in pieces that lie evenly over it.

    Args:
      token_ids: at least one, each below `vocab_size`.
      text: `[tokens]`, a memory-mapped array, say.
      vocab_size: how many tokens there are.
    """
    counts = _text_counts(text, vocab_size) + 1
    return _loss_of_guessing(token_ids, counts)


def mixture_unigram_loss(
    token_ids: Integers,
    texts: Sequence[Integers],
    shares: Sequence[float],
    vocab_size: int,
    weights: Floats | None = None,
) -> float:
    """`unigram_loss` by the frequencies of several texts, each weighted by its share.

    As many tokens are counted for as there are in all texts together. `weights` are what each of
    `token_ids` counts for in the mean.
    """
    mixed = token_shares(texts, shares, vocab_size) * sum(map(len, texts)) + 1
    return _loss_of_guessing(token_ids, mixed, weights)


def _loss_of_guessing(
    token_ids: Integers, guesses: npt.NDArray[Any], weights: Floats | None = None
) -> float:
    """Mean loss of guessing in proportion to `guesses`, [vocabulary]."""
    asked = _counts(token_ids, weights)
    losses = np.log(guesses.sum()) - np.log(guesses[: len(asked)])
    return float((asked * losses).sum() / asked.sum())


def token_shares(
    texts: Sequence[Integers], weights: Sequence[float], vocab_size: int
) -> npt.NDArray[np.float64]:
    """How common each token is in texts that are mixed: `[vocab_size]`, summing to 1.

    Args:
      texts: each `[tokens]` with at least one token; counted as by `unigram_loss`.
      weights: how much of each is read; only their ratios matter.
      vocab_size: how many tokens there are.
    """
    shares = np.zeros(vocab_size)
    for text, weight in zip(texts, weights, strict=True):
        if not len(text):
            raise DataError("a text without a token has no frequencies")
        counts = _text_counts(text, vocab_size)
        shares += weight / sum(weights) * (counts / counts.sum())
    return shares


def commonest(token_ids: Integers, weights: Floats | None = None) -> tuple[int, float]:
    """The commonest id (of several, the lowest) and its share, by `weights` if there are any."""
    counts = _counts(token_ids, weights)
    token_id = int(counts.argmax())
    return token_id, float(counts[token_id]) / float(counts.sum())


def majority(labels: Integers, weights: Floats | None = None) -> tuple[int, float]:
    """The majority label (of several, the lowest) and its share: always guessing it."""
    return commonest(labels, weights)


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval for a share of `successes` among `n` (E. B. Wilson, JASA 22, 1927).

    Unlike the normal approximation it stays within 0 and 1 and holds for shares near them.
    """
    if not (n >= 1 and 0 <= successes <= n):
        raise DataError(f"an interval needs 0 <= successes <= n and n >= 1; got {successes}, {n}")
    if not 0 < confidence < 1:
        raise DataError(f"confidence must be between 0 and 1; got {confidence}")
    # SciPy, which JAX needs anyway; imported late because it takes a second.
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def counted_pieces(text: Integers) -> Iterator[Integers]:
    """What is counted of a text: of more than `_COUNTED` tokens, pieces that lie evenly over it."""
    for start in range(0, len(text), max(_PIECE, len(text) // (_COUNTED // _PIECE))):
        yield text[start : start + _PIECE]


def _text_counts(text: Integers, vocab_size: int) -> npt.NDArray[np.int64]:
    counts = np.zeros(vocab_size, np.int64)
    for piece in counted_pieces(text):
        counts += np.bincount(piece, minlength=vocab_size)
    return counts


def _counts(values: Integers, weights: Floats | None = None) -> npt.NDArray[Any]:
    flat = np.asarray(values).reshape(-1)
    if not flat.size:
        raise DataError("no predictions to take a baseline of: the evaluation set is empty")
    return np.bincount(flat, weights)
