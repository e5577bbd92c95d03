"""Which tokens are masked, and by what, over a whole batch at once.

As the original (arXiv 1810.04805, A.1; google-research/bert `create_pretraining_data.py`): a fixed
number of a row's tokens is chosen uniformly, never a special token or padding; of these 80 %
become [MASK], 10 % stay and 10 % become a token drawn uniformly from the whole vocabulary. The
objective may have other shares, and whole words or spans of words chosen.

Shape letters: B rows, L length, P prediction slots.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data_pipeline.counter_random import (
    Stream,
    UInt64s,
    below,
    random_bits,
    random_order,
    stream_keys,
)
from data_pipeline.errors import DataError
from data_pipeline.masking.spans import choose_spans
from data_pipeline.masking.whole_words import choose_words
from data_pipeline.masking.words import Bools, Int64s, find_words
from data_pipeline.objective import PretrainingObjective
from data_pipeline.tokenization.special_ids import SpecialIds

Int32s = npt.NDArray[np.int32]


class Masked(NamedTuple):
    """Rows with masks and what to predict; unused slots are 0 in the last three arrays."""

    input_ids: Int32s  # [B, L]
    positions: Int32s  # [B, P], ascending
    ids: Int32s  # [B, P], the original tokens
    weights: npt.NDArray[np.float32]  # [B, P], 1 for a prediction


def mask_tokens(
    input_ids: Int32s,
    candidates: Bools,
    counts: Int64s,
    *,
    objective: PretrainingObjective,
    ids: SpecialIds,
    seed: int,
    example_index: Int64s,
) -> Masked:
    """Masks `counts[b]` of the candidates of each row; fewer where whole words do not fit.

    A pure function: what happens at a place of a row depends on the seed, the example's index, the
    row's tokens and candidates and the place, not on the rows beside it nor on L.

    Args:
        input_ids: [B, L], L at most the objective's `max_length`; left as it is.
        candidates: [B, L], true where a token may be chosen.
        counts: [B], how many are chosen: at most P and at most the row's candidates.
        objective: what is chosen as one, by what it is replaced, and P, its `max_predictions`.
        ids: of the vocabulary.
        seed: of the run.
        example_index: [B], the number of each example in the run.

    Raises:
        DataError: words are to be chosen, and `ids.continues_word` is None.
    """
    replacement_key, key = stream_keys(
        seed, example_index, Stream.MASK_REPLACEMENT, Stream.MASK_POSITIONS
    )
    heads = None
    if objective.masking == "piece":
        places, number = _choose_pieces(candidates, counts, key, objective), counts
    else:
        words = find_words(input_ids, candidates, _continues_word(objective, ids))
        if objective.masking == "span":
            places, number, heads = choose_spans(words, counts, objective, seed, example_index)
        else:
            # By the key of single pieces: where no piece continues a word, the choice is the same.
            places, number = choose_words(
                words,
                counts,
                key,
                max_predictions=objective.max_predictions,
                max_length=objective.max_length,
            )
    row_start = (np.arange(len(input_ids)) * input_ids.shape[1]).repeat(number)
    positions = places - row_start
    originals = input_ids.ravel().take(places)
    row_key = replacement_key.repeat(number)
    bits = random_bits(row_key, positions)
    draws = bits if heads is None else random_bits(row_key, heads - row_start)
    masked = input_ids.copy()
    masked.ravel()[places] = _shown(originals, bits, draws, objective, ids)
    used = np.arange(objective.max_predictions) < number[:, None]
    return Masked(
        masked, _in_slots(positions, used), _in_slots(originals, used), used.astype(np.float32)
    )


def _continues_word(objective: PretrainingObjective, ids: SpecialIds) -> Bools:
    if ids.continues_word is None:
        raise DataError(
            f"masking={objective.masking!r} needs to know which ids go on with a word; "
            "give continues_word, or make the ids with SpecialIds.of(tokenizer)"
        )
    return ids.continues_word


def _choose_pieces(
    candidates: Bools, counts: Int64s, key: UInt64s, objective: PretrainingObjective
) -> Int64s:
    """The places to predict, ascending: `counts[b]` of each row's candidates, uniformly."""
    order = random_order(key, candidates, objective.max_predictions, objective.max_length)
    order += (np.arange(len(order)) * candidates.shape[1])[:, None]
    places = order[np.arange(order.shape[1]) < counts[:, None]]
    places.sort()
    return places


def _shown(
    originals: Int32s,
    bits: UInt64s,
    draws: UInt64s,
    objective: PretrainingObjective,
    ids: SpecialIds,
) -> Int32s:
    """What stands in the place of each chosen token: [MASK], itself, or a random token.

    The low 24 bits of `draws` decide, so shares are exact to 2^-24; the 40 bits above them in
    `bits` are the random token.
    """
    draw = draws & np.uint64(0xFFFFFF)
    shown = np.where(draw < np.uint64(round(objective.mask_share * 2**24)), ids.mask, originals)
    is_random = np.flatnonzero(draw >= np.uint64(round((1 - objective.random_share) * 2**24)))
    shown[is_random] = below(bits[is_random] & ~np.uint64(0xFFFFFF), ids.vocab_size)
    return shown


def _in_slots(values: npt.NDArray[Any], used: Bools) -> Int32s:
    """Values row after row in the used slots, 0 in the others: [B, P]."""
    slots = np.zeros(used.shape, np.int32)
    slots[used] = values
    return slots
