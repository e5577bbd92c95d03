"""A batch as a person can read it: text with its masks, labels, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from data_pipeline.assembly import Sequences
from data_pipeline.batches import PretrainingBatches
from data_pipeline.features import Batch
from data_pipeline.mixture import MixtureBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.known_ids import check_known
from data_pipeline.store.origins import DocumentOrigin, Origins
from data_pipeline.store.token_store import Split, TokenStore
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

Kind = Literal["mask", "random", "kept"]


class Prediction(NamedTuple):
    """A token to predict.

    Attributes:
        position: in its sequence, [CLS] being 0.
        original: the token that stood there, which is to be predicted.
        shown: the token that the model sees there.
        kind: whether that is [MASK], another token, or the original; a random token that happens to
            be the original counts as kept.
        original_text: the token that stood there as a person can read it.
        shown_text: the one that the model sees, likewise.
    """

    position: int
    original: str
    shown: str
    kind: Kind
    original_text: str
    shown_text: str


class ShownSequence(NamedTuple):
    """A sequence of a batch.

    Attributes:
        row: of the batch.
        sequence: its number in the row, 0 unless several are packed.
        example: its number in the run.
        tokens: special ones and masks included.
        text: the same, joined: a piece goes without a space and its mark after the piece whose word
            it continues, and keeps its mark after anything else.
        predictions: by place.
        label: 0 or 1, None without pairs.
        documents: that it came from, with the part (`A`, `B`, or `text`) that each gave.
    """

    row: int
    sequence: int
    example: int
    tokens: tuple[str, ...]
    text: str
    predictions: tuple[Prediction, ...]
    label: int | None
    documents: tuple[tuple[str, DocumentOrigin], ...]


def shown_batch(
    batches: PretrainingBatches,
    store: TokenStore,
    objective: PretrainingObjective,
    step: int,
    max_rows: int | None = None,
) -> Iterator[ShownSequence]:
    """The sequences of the batch of `step` (0, 1, ...), row by row.

    Args:
        batches: of the store's training split, all rows of a batch in this process.
        store: whose tokeniser and origins are shown.
        objective: of the batches.
        step: any.
        max_rows: how many rows are shown; None for all.
    """
    batch, shown = batches(step), _Shown(store, objective)
    held = batches.sequences(step)
    for row in range(min(len(batch["input_ids"]), max_rows or len(batch["input_ids"]))):
        yield from shown.row(batch, row, held, row)


def shown_mixture(
    batches: MixtureBatches,
    stores: Sequence[TokenStore],
    objective: PretrainingObjective,
    step: int,
    max_rows: int | None = None,
) -> Iterator[tuple[int, ShownSequence]]:
    """The same of several stores: (number of the store, sequence).

    An example's number is that in its store.
    """
    batch, drawn, held = batches(step), batches.drawn(step), batches.sequences(step)
    shown: dict[int, _Shown] = {}
    # A row's number among those of its store.
    taken = [0] * len(stores)
    for row, store in enumerate(drawn.store[:max_rows].tolist()):
        if store not in shown:
            shown[store] = _Shown(stores[store], objective)
        its = held[store]
        assert its is not None
        for sequence in shown[store].row(batch, row, its, taken[store]):
            yield store, sequence
        taken[store] += 1


class _Shown:
    """Rows of a store as they can be read."""

    def __init__(self, store: TokenStore, objective: PretrainingObjective) -> None:
        self._split = store.train
        self._tokenizer, self._origins = store.tokenizer(), Origins(store)
        self._objective, self._path = objective, store.path

    def row(
        self, batch: Batch, row: int, held: Sequences, held_row: int
    ) -> Iterator[ShownSequence]:
        """The sequences of a row of a batch; `held_row` is its number in what is held."""
        tokenizer = self._tokenizer
        for sequence, place in enumerate(np.flatnonzero(held.rows == held_row)):
            columns = _columns(batch, row, sequence)
            example = held.examples[place]
            ids = batch["input_ids"][row][columns].tolist()
            asked = batch["masked_lm_ids"][row]
            check_known(self._path, max(*ids, int(asked.max())), tokenizer.vocab_size)
            predictions = tuple(_predictions(batch, row, columns, tokenizer))
            yield ShownSequence(
                row,
                sequence,
                int(held.numbers[place]),
                tuple(map(tokenizer.id_to_token, ids)),
                _joined(ids, predictions, tokenizer),
                predictions,
                _label(batch, row, sequence),
                tuple(_documents(self._split, self._origins, self._objective, example)),
            )


def _joined(ids: list[int], predictions: tuple[Prediction, ...], tokenizer: TextTokenizer) -> str:
    special = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}
    # Whose word a random token continues, nobody can say.
    alone = {p.position for p in predictions if p.kind == "random"}
    text = ""
    for place, i in enumerate(ids):
        token = tokenizer.readable_token(i)
        continues = place > 0 and bool(tokenizer.continues_word[i])
        if continues and ids[place - 1] not in special and not {place - 1, place} & alone:
            text += token.removeprefix("##")
        else:
            text += " " * (place > 0) + token.removeprefix("\u2581")
    return text


def _columns(batch: Batch, row: int, sequence: int) -> slice:
    """Where a sequence stands in its row."""
    if "segment_ids" in batch:
        places = np.flatnonzero(batch["segment_ids"][row] == sequence + 1)
        return slice(int(places[0]), int(places[-1]) + 1)
    return slice(0, int(batch["attention_mask"][row].sum()))


def _predictions(
    batch: Batch, row: int, columns: slice, tokenizer: TextTokenizer
) -> Iterator[Prediction]:
    used = batch["masked_lm_weights"][row] > 0
    places: npt.NDArray[np.int32] = batch["masked_lm_positions"][row][used]
    for place, original in zip(places, batch["masked_lm_ids"][row][used], strict=True):
        if columns.start <= place < columns.stop:
            shown = int(batch["input_ids"][row][place])
            kind: Kind = "kept" if shown == original else "random"
            if shown == tokenizer.mask_id:
                kind = "mask"
            yield Prediction(
                int(place) - columns.start,
                tokenizer.id_to_token(int(original)),
                tokenizer.id_to_token(shown),
                kind,
                tokenizer.readable_token(int(original)),
                tokenizer.readable_token(shown),
            )


def _label(batch: Batch, row: int, sequence: int) -> int | None:
    labels = batch.get("next_sentence_labels")
    if labels is None:
        return None
    return int(labels[row] if labels.ndim == 1 else labels[row][sequence])


def _documents(
    split: Split, origins: Origins, objective: PretrainingObjective, example: np.void
) -> Iterator[tuple[str, DocumentOrigin]]:
    a_start = int(example["a_start"])
    first = _document_of(split, a_start)
    if objective.has_pairs:
        yield "A", origins.of("train", first)
        yield "B", origins.of("train", _document_of(split, int(example["b_start"])))
        return
    last = _document_of(split, a_start + int(example["a_length"]) - 1)
    for document in range(first, last + 1):
        yield "text", origins.of("train", document)


def _document_of(split: Split, token: int) -> int:
    sentence = np.searchsorted(split.sentence_offsets, token, side="right") - 1
    return int(np.searchsorted(split.document_offsets, sentence, side="right") - 1)
