"""Which tokens are masked, and by what: the 80/10/10 rule over a whole batch at once.

As the original (arXiv 1810.04805, A.1; google-research/bert `create_pretraining_data.py`): a fixed
number of a row's tokens is chosen uniformly, never a special token or padding; of these 80 %
become [MASK], 10 % stay and 10 % become a token drawn uniformly from the whole vocabulary.

Shape letters: B rows, L length, P prediction slots.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data_pipeline.counter_random import Stream, below, random_bits, stream_key

Int32s = npt.NDArray[np.int32]

# Of 2^24 equally likely draws: these many give [MASK], and up to the second bound the same token.
_MASK_BELOW = round(0.8 * 2**24)
_KEEP_BELOW = round(0.9 * 2**24)


class Masked(NamedTuple):
    """Rows with masks and what to predict; unused slots are 0 in all three arrays."""

    input_ids: Int32s  # [B, L]
    positions: Int32s  # [B, P], ascending
    ids: Int32s  # [B, P], the original tokens
    weights: npt.NDArray[np.float32]  # [B, P], 1 for a prediction


def mask_tokens(
    input_ids: Int32s,
    candidates: npt.NDArray[np.bool_],
    counts: npt.NDArray[np.int64],
    *,
    max_predictions: int,
    mask_id: int,
    vocab_size: int,
    seed: int,
    example_index: npt.NDArray[np.int64],
) -> Masked:
    """Masks `counts[b]` of the candidates of each row.

    A pure function: what happens at a place of a row depends on the seed, the example's index, the
    row's candidates and the place, not on the rows beside it.

    Args:
        input_ids: [B, L]; left as it is.
        candidates: [B, L], true where a token may be chosen.
        counts: [B], how many are chosen: at most P and at most the row's candidates.
        max_predictions: P, the number of slots, at most L.
        mask_id: id of [MASK].
        vocab_size: random tokens are uniform in 0 .. vocab_size - 1.
        seed: of the run.
        example_index: [B], the number of each example in the run.
    """
    rows = np.arange(len(input_ids))[:, None]
    positions = _choose(candidates, max_predictions, seed, example_index)
    # Used slots first, in the order of their places; the others hold the place L until they are 0.
    used = np.arange(max_predictions) < counts[:, None]
    positions[~used] = input_ids.shape[1]
    positions.sort(axis=1)
    positions[~used] = 0
    originals = input_ids[rows, positions]

    key = random_bits(stream_key(seed, Stream.MASK_REPLACEMENT), example_index)
    bits = random_bits(key[:, None], positions)
    draw = bits & np.uint64(0xFFFFFF)
    # The 40 bits above the draw decide the token.
    random_ids = below(bits & ~np.uint64(0xFFFFFF), vocab_size)
    shown = np.where(draw < _KEEP_BELOW, originals, random_ids)
    shown[draw < _MASK_BELOW] = mask_id

    masked = input_ids.copy()
    # Unused slots write what stands at place 0, which is [CLS] and never a candidate.
    masked[rows, positions] = np.where(used, shown, originals)
    return Masked(
        masked,
        positions.astype(np.int32),
        np.where(used, originals, 0).astype(np.int32),
        used.astype(np.float32),
    )


def _choose(
    candidates: npt.NDArray[np.bool_],
    max_predictions: int,
    seed: int,
    example_index: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """P places of each row, in random order, candidates before all others: [B, P].

    Each place gets random bits with the place itself in the low bits; the P smallest are chosen.
    """
    length = candidates.shape[1]
    key = random_bits(stream_key(seed, Stream.MASK_POSITIONS), example_index)
    places = np.arange(length, dtype=np.uint64)
    low = np.uint64((1 << (length - 1).bit_length()) - 1)
    bits = random_bits(key[:, None], places)
    bits &= ~low
    bits |= places
    # Not candidates: behind every candidate. A candidate's bits are all ones with chance 2^-48.
    bits[~candidates] = np.uint64(0xFFFFFFFFFFFFFFFF)
    if max_predictions < length:
        bits.partition(max_predictions - 1, axis=1)
    smallest = bits[:, :max_predictions]
    smallest.sort(axis=1)
    chosen: npt.NDArray[np.int64] = (smallest & low).astype(np.int64)
    return chosen
