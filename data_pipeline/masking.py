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
    stream_key,
)
from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.span_masking import choose_spans
from data_pipeline.special_ids import SpecialIds
from data_pipeline.whole_word_masking import choose_words
from data_pipeline.words import Bools, Int64s, find_words

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
    rows, length = input_ids.shape
    places, heads = _choose(input_ids, candidates, counts, objective, ids, seed, example_index)
    row_starts = np.arange(rows + 1) * length
    number = np.diff(np.searchsorted(places, row_starts))
    row_start = np.repeat(row_starts[:-1], number)

    originals = input_ids.ravel().take(places)
    key = random_bits(stream_key(seed, Stream.MASK_REPLACEMENT), example_index).repeat(number)
    bits = random_bits(key, places - row_start)
    draws = bits if heads is places else random_bits(key, heads - row_start)
    masked = input_ids.copy()
    masked.ravel()[places] = _shown(originals, bits, draws, objective, ids)

    used = np.arange(objective.max_predictions) < number[:, None]
    return Masked(
        masked,
        _in_slots(places - row_start, used),
        _in_slots(originals, used),
        used.astype(np.float32),
    )


def _choose(
    input_ids: Int32s,
    candidates: Bools,
    counts: Int64s,
    objective: PretrainingObjective,
    ids: SpecialIds,
    seed: int,
    example_index: Int64s,
) -> tuple[Int64s, Int64s]:
    """The places to predict, ascending, and for each the place whose draw decides.

    Places are counted through the rows: b * L + position.
    """
    if objective.masking == "piece":
        key = random_bits(stream_key(seed, Stream.MASK_POSITIONS), example_index)
        order = random_order(key, candidates, objective.max_predictions, objective.max_length)
        is_taken = np.arange(order.shape[1]) < counts[:, None]
        order += (np.arange(len(order)) * candidates.shape[1])[:, None]
        places = order[is_taken]
        places.sort()
        return places, places
    if ids.continues_word is None:
        raise DataError(
            f"masking={objective.masking!r} needs to know which ids go on with a word; "
            "give continues_word, or make the ids with SpecialIds.of(tokenizer)"
        )
    words = find_words(input_ids, candidates, ids.continues_word)
    if objective.masking == "whole_word":
        # The stream of single pieces: without continuing ones both choose the same.
        key = random_bits(stream_key(seed, Stream.MASK_POSITIONS), example_index)
        places = choose_words(
            words,
            counts,
            key,
            max_predictions=objective.max_predictions,
            max_length=objective.max_length,
        )
        return places, places
    return choose_spans(words, counts, objective, seed, example_index)


def _shown(
    originals: Int32s,
    bits: UInt64s,
    draws: UInt64s,
    objective: PretrainingObjective,
    ids: SpecialIds,
) -> Int32s:
    """What stands in the place of each chosen token: [MASK], itself, or a random token.

    Shares are exact to 2^-24: so many of the low bits of `draws` decide. A random token is drawn
    by the other bits of `bits`.
    """
    draw = draws & np.uint64(0xFFFFFF)
    random_ids = below(bits & ~np.uint64(0xFFFFFF), ids.vocab_size)
    is_random = draw >= np.uint64(round((1 - objective.random_share) * 2**24))
    shown = np.where(is_random, random_ids, originals).astype(np.int32)
    shown[draw < np.uint64(round(objective.mask_share * 2**24))] = ids.mask
    return shown


def _in_slots(values: npt.NDArray[Any], used: Bools) -> Int32s:
    """Values row after row in the used slots, 0 in the others: [B, P]."""
    slots = np.zeros(used.shape, np.int32)
    slots[used] = values
    return slots
