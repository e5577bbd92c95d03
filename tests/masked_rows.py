"""Rows of word pieces for tests of masks."""

import numpy as np
from hypothesis import strategies as st

from data_pipeline.masking.masking import Masked, mask_tokens
from data_pipeline.objective import PretrainingObjective
from data_pipeline.tokenization.special_ids import SpecialIds

VOCAB = 1000
# The second half of the vocabulary goes on with a word.
IDS = SpecialIds(
    pad=0, cls=1, sep=2, mask=3, vocab_size=VOCAB, continues_word=np.arange(VOCAB) >= 500
)


def rows_of_words(
    rows: list[list[list[int]]], max_length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows given as the parts of each, and these as the lengths of their words.

    Returns ids, candidates, and the number of the word within its row (-1 where there is none):
    [CLS] part [SEP] part [SEP] ... and padding. A length below 0 is a word of which the first piece
    is missing.
    """
    ids = np.full((len(rows), max_length), IDS.pad, np.int32)
    words = np.full((len(rows), max_length), -1)
    for row, parts in enumerate(rows):
        tokens, numbers, number = [IDS.cls], [-1], 0
        for part in parts:
            for length in part:
                first = 10 + number % 400
                tokens += [first + 500 * (piece > 0 or length < 0) for piece in range(abs(length))]
                numbers += [number] * abs(length)
                number += 1
            tokens.append(IDS.sep)
            numbers.append(-1)
        ids[row, : len(tokens)] = tokens
        words[row, : len(tokens)] = numbers
    return ids, words >= 0, words


def drawn_counts(
    candidates: np.ndarray, max_predictions: int, data: st.DataObject
) -> tuple[np.ndarray, int]:
    """How many tokens of each row are to be predicted, drawn by hypothesis, and the most."""
    max_predictions = min(max_predictions, candidates.shape[1] - 3)
    most = np.minimum(candidates.sum(axis=1), max_predictions)
    return np.array([data.draw(st.integers(0, int(n))) for n in most]), max_predictions


def random_rows(
    rng: np.random.Generator, rows: int, max_length: int, longest: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Full rows of two parts, words of 1 .. longest pieces: ids, candidates, words."""
    parts = []
    for _ in range(rows):
        lengths = rng.integers(1, longest, max_length, endpoint=True)
        lengths = lengths[: np.searchsorted(lengths.cumsum(), max_length - 3, side="right")]
        cut = rng.integers(1, len(lengths))
        parts.append([lengths[:cut].tolist(), lengths[cut:].tolist()])
    return rows_of_words(parts, max_length)


def masked_of(
    ids: np.ndarray,
    candidates: np.ndarray,
    counts: np.ndarray,
    index: np.ndarray | None = None,
    max_predictions: int = 20,
    seed: int = 0,
    special: SpecialIds = IDS,
    max_length: int | None = None,
    **fields,
) -> Masked:
    """`mask_tokens` with an objective made of these fields."""
    objective = PretrainingObjective(max_length or ids.shape[1], max_predictions, **fields)
    index = np.arange(len(ids)) if index is None else index
    return mask_tokens(
        ids, candidates, counts, objective=objective, ids=special, seed=seed, example_index=index
    )


def chosen_of(masked: Masked) -> np.ndarray:
    """[B, L], true where a token is to be predicted."""
    chosen = np.zeros(masked.input_ids.shape, bool)
    row, slot = np.nonzero(masked.weights)
    chosen[row, masked.positions[row, slot]] = True
    return chosen
