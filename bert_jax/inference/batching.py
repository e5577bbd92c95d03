"""Sequences of any length in batches of few shapes, so that few programs are compiled.

Sorted by length, the longest first: a batch then holds sequences that are nearly alike and little
padding, and what is too large for the memory fails at once. Its length is rounded up to one of
eight steps between two powers of two, or to finer ones where there is so much to compute that
their programs pay, and its rows are a power of two that keeps the tokens of a batch about the same.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

Batch = dict[str, np.ndarray]

# Tokens of one batch, padding included: few enough that what a layer makes of them stays in a CPU's
# caches (docs/performance.md), or enough for an accelerator to be busy.
TOKENS_AT_ONCE = {"cpu": 1024}
TOKENS_ELSEWHERE = 16384
MOST_ROWS = 256
SHORTEST = 8
# How many times as fine the steps of the lengths may be, and how many batches there must be for
# each program to be compiled then: a CPU compiles one in the time of about six batches.
FINENESS = (4, 2)
BATCHES_FOR_A_PROGRAM = {"cpu": 10}
BATCHES_FOR_A_PROGRAM_ELSEWHERE = 200
# Batches that are computed while the results of another are taken over.
_AHEAD = 2


class Row(NamedTuple):
    """What the model reads for one input, special tokens included.

    Attributes:
      ids: [L] int32.
      types: [L] int32, the token types.
    """

    ids: np.ndarray
    types: np.ndarray


def batch_length(longest: int, limit: int, fineness: int = 1) -> int:
    """How long the rows of a batch are whose longest sequence has `longest` tokens.

    Args:
      longest: in tokens.
      limit: the positions of the model, which no row is longer than.
      fineness: how many times as many steps there are.
    """
    step = max(SHORTEST, 1 << max(0, (longest - 1).bit_length() - 3)) // fineness
    return min(-(-longest // step) * step, limit)


def fineness_for(lengths: np.ndarray, limit: int) -> int:
    """How fine the steps of `batch_length` are to be for sequences of these lengths."""
    backend = jax.default_backend()
    needed = BATCHES_FOR_A_PROGRAM.get(backend, BATCHES_FOR_A_PROGRAM_ELSEWHERE)
    full = lengths.sum() / TOKENS_AT_ONCE.get(backend, TOKENS_ELSEWHERE)
    different = np.unique(lengths).tolist()
    for fineness in FINENESS:
        programs = len({batch_length(length, limit, fineness) for length in different})
        if full >= needed * programs:
            return fineness
    return 1


def rows_at_once(length: int) -> int:
    """How many rows of a length a full batch has, a power of two."""
    tokens = TOKENS_AT_ONCE.get(jax.default_backend(), TOKENS_ELSEWHERE)
    return min(MOST_ROWS, 1 << max(0, (tokens // length).bit_length() - 1))


def pad(sequences: Sequence[Row], shape: tuple[int, int], pad_id: int) -> Batch:
    """The arrays `input_ids`, `token_type_ids` and `attention_mask`, [B, L] int32.

    Args:
      sequences: at most B of them, each at most L long.
      shape: (B, L); rows without a sequence are padding alone.
      pad_id: of the tokeniser.
    """
    lengths = np.zeros(shape[0], np.int64)
    lengths[: len(sequences)] = [len(each.ids) for each in sequences]
    real = np.arange(shape[1])[None] < lengths[:, None]
    input_ids, types = np.full(shape, pad_id, np.int32), np.zeros(shape, np.int32)
    input_ids[real] = np.concatenate([each.ids for each in sequences])
    types[real] = np.concatenate([each.types for each in sequences])
    return {
        "input_ids": input_ids,
        "token_type_ids": types,
        "attention_mask": real.astype(np.int32),
    }


def batches(
    sequences: Sequence[Row], limit: int, pad_id: int
) -> Iterator[tuple[np.ndarray, Batch]]:
    """All sequences in batches.

    Args:
      sequences: each at most `limit` long.
      limit: the positions of the model.
      pad_id: of the tokeniser.

    Yields:
      Which sequences the first rows of the batch are, and the batch (see `pad`).
    """
    lengths = np.array([len(each.ids) for each in sequences], np.int64)
    order = np.argsort(-lengths, kind="stable")
    fineness = fineness_for(lengths, limit) if len(lengths) else 1
    first = 0
    while first < len(order):
        length = batch_length(int(lengths[order[first]]), limit, fineness)
        rows = rows_at_once(length)
        chosen = order[first : first + rows]
        first += rows
        shape = 1 << (len(chosen) - 1).bit_length(), length
        yield chosen, pad([sequences[i] for i in chosen], shape, pad_id)


def computed(
    sequences: Sequence[Row],
    limit: int,
    pad_id: int,
    compute: Callable[[np.ndarray, Batch], Any],
) -> Iterator[tuple[np.ndarray, Any]]:
    """What `compute` makes of every batch.

    Args:
      sequences: see `batches`.
      limit: see `batches`.
      pad_id: see `batches`.
      compute: takes what `batches` yields; returns a tree of arrays that may still be computed.

    Yields:
      Which sequences the first rows of the arrays are of, and the tree, as numpy's arrays.
    """
    waiting: deque[tuple[np.ndarray, Any]] = deque()
    for chosen, batch in batches(sequences, limit, pad_id):
        waiting.append((chosen, compute(chosen, batch)))
        if len(waiting) > _AHEAD:
            done, result = waiting.popleft()
            yield done, jax.tree.map(np.asarray, result)
    for done, result in waiting:
        yield done, jax.tree.map(np.asarray, result)
