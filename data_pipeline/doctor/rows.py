"""What training would see: how full rows are, and the labels and masks of real batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from data_pipeline.assembly import sequence_lengths
from data_pipeline.batches import PretrainingBatches
from data_pipeline.doctor.sample import Sample
from data_pipeline.features import Batch
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.packing import find_patterns
from data_pipeline.plans.sentence_pairs import make_plan
from data_pipeline.tokenization.special_ids import SpecialIds
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

Kind = Literal["text", "special", "mask", "random", "keep"]

_SEED = 0
_BATCH_SIZE = 256
_NUM_BATCHES = 16
# What packing is tried with.
_PACKED_SEQUENCES = 8
_SPARE_PREDICTIONS = 3


@dataclass(frozen=True)
class RowFill:
    """How full rows of one length are.

    Attributes:
        sequences: whose lengths were looked at.
        mean_tokens: of a sequence, specials included.
        padded: share of the slots that hold a token where each row holds one sequence.
        packed: that share where rows hold up to eight sequences.
    """

    sequences: int
    mean_tokens: float
    padded: float
    packed: float


@dataclass(frozen=True)
class BatchNumbers:
    """Shares over `rows` rows of training batches.

    Attributes:
        rows: looked at.
        examples_per_epoch: of the whole split; estimated where the sample is a part of it.
        labels: how many labels there are; 0 without pairs.
        label_share: of the labels, those that are 1 (with next sentences: a random B).
        predicted_share: of the tokens, specials included, those that are predicted.
        mask_share: of the predicted tokens, those shown as [MASK].
        random_share: of them, those shown as another token.
        keep_share: of them, those shown as they are (also where the random token is the same).
    """

    rows: int
    examples_per_epoch: int
    labels: int
    label_share: float
    predicted_share: float
    mask_share: float
    random_share: float
    keep_share: float


@dataclass(frozen=True)
class Shown:
    """One place of a row as a person may look at it.

    Attributes:
        kind: `mask`, `random` and `keep` are predicted.
        token: what stood there.
        shown: what the model sees there.
        continues: whether the token goes on with the word before it.
    """

    kind: Kind
    token: str
    shown: str
    continues: bool = False


@dataclass(frozen=True)
class ShownRow:
    """A row of a batch, without its padding; `label` is 0, 1 or, without pairs, None."""

    places: tuple[Shown, ...]
    label: int | None


def row_fill(sample: Sample, objective: PretrainingObjective, max_length: int) -> RowFill:
    """How the rows of a plan of one epoch of the sample are filled at another length.

    Raises:
        DataError: the sample has no plan (pairs need two documents).
    """
    slots = max(objective.max_predictions, round(objective.masked_lm_prob * max_length))
    objective = replace(
        objective,
        max_length=max_length,
        max_predictions=min(slots, max_length - objective.specials),
        max_sequences=1,
    )
    plan = make_plan(sample.split, objective, _SEED, epoch=0)
    lengths = sequence_lengths(plan.examples, objective)
    # Each sequence's predictions are rounded, and has at least one.
    packed = replace(
        objective,
        max_predictions=min(slots + _SPARE_PREDICTIONS, objective.max_tokens),
        max_sequences=_PACKED_SEQUENCES,
    )
    patterns = find_patterns(np.bincount(lengths, minlength=max_length + 1), packed)
    return RowFill(
        len(lengths),
        float(lengths.mean()),
        float(lengths.mean()) / max_length,
        float(lengths.sum()) / (patterns.num_rows * max_length),
    )


def batches_of(
    sample: Sample, objective: PretrainingObjective, tokenizer: TextTokenizer
) -> PretrainingBatches:
    """The batches that training on the sample would see first.

    Raises:
        DataError: the sample has no plan (pairs need two documents).
    """
    ids = SpecialIds.of(tokenizer)
    return PretrainingBatches(sample.split, ids, objective, seed=_SEED, batch_size=_BATCH_SIZE)


def batch_numbers(batches: PretrainingBatches, sample: Sample, mask_id: int) -> BatchNumbers:
    """Counts over the first 4,096 rows, or over one epoch where that has fewer."""
    wanted = -(-batches.examples_per_epoch // _BATCH_SIZE)
    counts: dict[str, float] = dict.fromkeys(
        ("rows", "tokens", "labels", "ones", "predicted", "mask", "keep"), 0
    )
    for step in range(min(_NUM_BATCHES, wanted)):
        batch = batches(step)
        used = batch["masked_lm_weights"] > 0
        originals = batch["masked_lm_ids"][used]
        shown = _shown_ids(batch)[used]
        counts["rows"] += len(batch["input_ids"])
        counts["tokens"] += int(batch["attention_mask"].sum())
        counts["predicted"] += len(originals)
        counts["mask"] += int((shown == mask_id).sum())
        counts["keep"] += int(((shown == originals) & (shown != mask_id)).sum())
        if "next_sentence_labels" in batch:
            real = batch["next_sentence_weights"] > 0
            counts["labels"] += int(real.sum())
            counts["ones"] += int((batch["next_sentence_labels"][real] == 1).sum())
    predicted = max(1, counts["predicted"])
    return BatchNumbers(
        rows=int(counts["rows"]),
        examples_per_epoch=max(1, round(batches.examples_per_epoch / sample.share)),
        labels=int(counts["labels"]),
        label_share=counts["ones"] / max(1, counts["labels"]),
        predicted_share=counts["predicted"] / max(1, counts["tokens"]),
        mask_share=counts["mask"] / predicted,
        random_share=(counts["predicted"] - counts["mask"] - counts["keep"]) / predicted,
        keep_share=counts["keep"] / predicted,
    )


def shown_rows(
    batches: PretrainingBatches, tokenizer: TextTokenizer, number: int = 4
) -> tuple[ShownRow, ...]:
    """The first rows of the first batch, as text: one with each label among them, if there is."""
    batch = batches(0)
    chosen = list(range(min(number, len(batch["input_ids"]))))
    has_labels = "next_sentence_labels" in batch and batch["next_sentence_labels"].ndim == 1
    if has_labels and chosen:
        labels = batch["next_sentence_labels"]
        other = np.flatnonzero(labels != labels[0])
        if len(other) and not set(other.tolist()) & set(chosen):
            chosen[-1] = int(other[0])
    return tuple(_shown_row(batch, row, tokenizer, has_labels) for row in chosen)


def _shown_ids(batch: Batch) -> npt.NDArray[np.int32]:
    """What stands in the rows at the places to predict: [B, P]."""
    return np.take_along_axis(batch["input_ids"], batch["masked_lm_positions"], axis=1)


def _shown_row(batch: Batch, row: int, tokenizer: TextTokenizer, has_labels: bool) -> ShownRow:
    ids = batch["input_ids"][row][batch["attention_mask"][row] > 0].tolist()
    used = batch["masked_lm_weights"][row] > 0
    places = batch["masked_lm_positions"][row][used].tolist()
    originals = dict(zip(places, batch["masked_lm_ids"][row][used].tolist(), strict=True))
    special = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id}
    shown = []
    for place, i in enumerate(ids):
        original = originals.get(place, i)
        kind: Kind = "special" if i in special else "text"
        if place in originals:
            kind = "mask" if i == tokenizer.mask_id else "keep" if i == original else "random"
        # No word is before the first token of a sequence.
        continues = bool(tokenizer.continues_word[original]) and ids[place - 1] not in special
        readable = tokenizer.readable_token
        shown.append(Shown(kind, readable(original), readable(i), continues and place > 0))
    label = int(batch["next_sentence_labels"][row]) if has_labels else None
    return ShownRow(tuple(shown), label)
