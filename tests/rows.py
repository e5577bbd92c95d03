"""Batches taken apart, shared by tests of the data pipeline."""

from typing import NamedTuple

import numpy as np
from splits import IDS

from data_pipeline.features import Batch
from data_pipeline.store.token_store import Split


class MaskedSequence(NamedTuple):
    """One sequence of a batch, wherever it stood."""

    input_ids: list[int]
    token_type_ids: list[int]
    positions: list[int]
    ids: list[int]
    label: int | None


def sequences_of(batch: Batch) -> list[list[MaskedSequence]]:
    """The sequences of each row, of a packed batch or not, taken apart in plain Python."""
    segments = batch.get("segment_ids", batch["attention_mask"])
    labels = batch.get("next_sentence_labels")
    rows = []
    for row, of_row in enumerate(segments):
        used = batch["masked_lm_weights"][row] == 1
        positions = batch["masked_lm_positions"][row][used]
        sequences = []
        for slot in range(of_row.max()):
            [places] = np.nonzero(of_row == slot + 1)
            mine = (positions >= places[0]) & (positions <= places[-1])
            label = None if labels is None else int(labels.reshape(len(segments), -1)[row, slot])
            sequences.append(
                MaskedSequence(
                    batch["input_ids"][row, places].tolist(),
                    batch["token_type_ids"][row, places].tolist(),
                    (positions[mine] - places[0]).tolist(),
                    batch["masked_lm_ids"][row][used][mine].tolist(),
                    label,
                )
            )
        rows.append(sequences)
    return rows


def assert_same(one: Batch, other: Batch) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert (one[name] == other[name]).all(), name


def joined(parts: list[Batch]) -> Batch:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def unmasked(batch: Batch) -> np.ndarray:
    """The ids before masking."""
    ids = batch["input_ids"].copy()
    row, slot = np.nonzero(batch["masked_lm_weights"])
    ids[row, batch["masked_lm_positions"][row, slot]] = batch["masked_lm_ids"][row, slot]
    return ids


def assert_rows_are(batch: Batch, split: Split, examples: np.ndarray, max_length: int) -> None:
    """Each row is [CLS] A [SEP] B [SEP] and padding, put together in plain Python."""
    ids = unmasked(batch)
    for row, (a_start, b_start, a_length, b_length, label) in enumerate(examples.tolist()):
        a = split.tokens[a_start : a_start + a_length].tolist()
        b = split.tokens[b_start : b_start + b_length].tolist()
        text = [IDS.cls, *a, IDS.sep, *b, IDS.sep]
        padding = max_length - len(text)
        assert ids[row].tolist() == text + [IDS.pad] * padding
        types = [0] * (len(a) + 2) + [1] * (len(b) + 1) + [0] * padding
        assert batch["token_type_ids"][row].tolist() == types
        assert batch["attention_mask"][row].tolist() == [1] * len(text) + [0] * padding
        assert batch["next_sentence_labels"][row] == label
        wanted = min(
            batch["masked_lm_ids"].shape[1], max(1, round(0.15 * len(text))), len(a) + len(b)
        )
        assert batch["masked_lm_weights"][row].sum() == wanted
        used = batch["masked_lm_positions"][row][:wanted]
        assert not {0, len(a) + 1, len(text) - 1} & set(used.tolist())
