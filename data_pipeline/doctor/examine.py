"""A store -> its numbers, on bounded samples: a few seconds and bounded memory for any store."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.doctor.duplicates import duplicate_sentences_and_documents
from data_pipeline.doctor.lengths import document_sentences, document_tokens, sentence_tokens
from data_pipeline.doctor.near_duplicates import MOST_DOCUMENTS, near_duplicates
from data_pipeline.doctor.numbers import (
    LONG_SENTENCE,
    LossLevels,
    Numbers,
    TextNumbers,
)
from data_pipeline.doctor.rows import (
    BatchNumbers,
    RowFill,
    ShownRow,
    batch_numbers,
    batches_of,
    row_fill,
    shown_rows,
)
from data_pipeline.doctor.sample import sample_split
from data_pipeline.doctor.unknowns import unknown_contexts, unknown_words
from data_pipeline.doctor.words import PieceTable, words_of
from data_pipeline.objective import PretrainingObjective
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import SPLITS, Split, TokenStore
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

ROW_LENGTHS = (128, 512)
# From this share of [UNK] on it is worth reading the text again.
READ_AGAIN_FROM = 0.002
_COUNTED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much is looked at, at most.

    Attributes:
        counted: tokens, for frequencies and repeats.
        sampled: tokens, for words, pairs and masks.
        compared: documents, for near repeats.
    """

    counted: int = 32_000_000
    sampled: int = 4_000_000
    compared: int = MOST_DOCUMENTS


@dataclass(frozen=True)
class Examination:
    """Numbers, and some rows of a batch to look at."""

    numbers: Numbers
    examples: tuple[ShownRow, ...]


def examine(
    store: TokenStore,
    objective: PretrainingObjective | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Examination:
    """Measures a store: the same numbers every time.

    Args:
        store: opened.
        objective: of the pairs and masks; None is the paper's.
        limits: None is the default.
        progress: told of each part.

    Raises:
        DataError: the tokeniser of the store cannot be read, or its offsets do not ascend.
    """
    objective = objective or PretrainingObjective()
    limits = limits or Limits()
    tokenizer = store.tokenizer()
    table = PieceTable.of(tokenizer, _specials(tokenizer))
    text: dict[str, TextNumbers] = {}
    with progress("examining", len(SPLITS) + 1, "part") as task:
        for name in SPLITS:
            split = getattr(store, name)
            split.check_order()
            text[name] = _text_numbers(split, tokenizer, table, limits)
            task.advance()
        sample = sample_split(store.train, limits.sampled)
        rows: dict[int, RowFill] = {}
        numbers: BatchNumbers | None = None
        examples: tuple[ShownRow, ...] = ()
        if sample.split.num_documents >= 2 or not objective.has_pairs:
            rows = {n: row_fill(sample, objective, n) for n in ROW_LENGTHS}
            batches = batches_of(sample, objective, tokenizer)
            numbers = batch_numbers(batches, sample, tokenizer.mask_id)
            # Ids beyond the vocabulary cannot be shown.
            examples = () if text["train"].stray_tokens else shown_rows(batches, tokenizer)
        task.advance()
    train = text["train"]
    label_share = numbers.label_share if numbers and numbers.labels else None
    if label_share is None and objective.has_pairs:
        label_share = 0.5
    unknowns = None
    if max(part.unknown_share for part in text.values()) >= READ_AGAIN_FROM:
        unknowns = unknown_words(store.manifest["sources"], tokenizer)
    return Examination(
        Numbers(
            vocab_size=tokenizer.vocab_size,
            cased=tokenizer.cased,
            has_capitals=bool(table.has_capital.any()),
            text=text,
            batch_tokens=sample.split.num_tokens,
            rows=rows,
            batches=numbers,
            loss=LossLevels.of(tokenizer.vocab_size, train.unigram_entropy, label_share),
            unknowns=unknowns,
        ),
        examples,
    )


def _text_numbers(
    split: Split,
    tokenizer: TextTokenizer,
    table: PieceTable,
    limits: Limits,
) -> TextNumbers:
    counted = sample_split(split, limits.counted)
    sampled = sample_split(counted.split, limits.sampled).split
    counts = token_counts(counted.split, tokenizer.vocab_size)
    known, stray = counts[:-1], int(counts[-1])
    for i in _specials(tokenizer) - {tokenizer.unk_id}:
        stray += int(known[i])
    total = max(1, int(counts.sum()))
    entropy = entropy_of(known)
    ordinary = np.ones(tokenizer.vocab_size, bool)
    ordinary[list(_specials(tokenizer))] = False
    unseen = int((known[ordinary] == 0).sum())
    last = tokenizer.vocab_size - 1
    sentences, documents = duplicate_sentences_and_documents(
        counted.split, lambda ids: tokenizer.decode([min(i, last) for i in ids])
    )
    of_documents = document_sentences(split)
    return TextNumbers(
        documents=split.num_documents,
        tokens=split.num_tokens,
        sentence_tokens=sentence_tokens(split),
        document_sentences=of_documents,
        document_tokens=document_tokens(split),
        one_sentence_share=_share_of_ones(split),
        long_token_share=_share_of_long(split),
        counted_tokens=counted.split.num_tokens,
        counted_share=counted.share,
        unknown_share=int(known[tokenizer.unk_id]) / total,
        stray_tokens=stray,
        unigram_entropy=entropy,
        unigram_entropy_bits=entropy / math.log(2),
        unseen_tokens=unseen,
        unseen_share=unseen / max(1, int(ordinary.sum())),
        duplicate_sentences=sentences,
        duplicate_documents=documents,
        near_duplicates=near_duplicates(counted.split, limits.compared),
        sampled_tokens=sampled.num_tokens,
        words=words_of(sampled, tokenizer, table),
        unknown_contexts=unknown_contexts(sampled, tokenizer),
    )


def token_counts(split: Split, vocab_size: int) -> npt.NDArray[np.int64]:
    """How often each token comes, and last, how many ids are beyond the vocabulary: [V + 1]."""
    counts = np.zeros(vocab_size + 1, np.int64)
    for lo in range(0, split.num_tokens, _COUNTED_AT_ONCE):
        part = np.minimum(split.tokens[lo : lo + _COUNTED_AT_ONCE].astype(np.int64), vocab_size)
        counts += np.bincount(part, minlength=vocab_size + 1)
    return counts


def entropy_of(counts: npt.NDArray[np.int64]) -> float:
    """Entropy in nats of the distribution that these counts give."""
    share = counts[counts > 0] / max(1, counts.sum())
    return max(0.0, float(-(share * np.log(share)).sum()))


def _share_of_ones(split: Split) -> float:
    sizes = np.diff(split.document_offsets)
    return float((sizes == 1).mean())


def _share_of_long(split: Split) -> float:
    long = 0
    for lo in range(0, split.num_sentences, _COUNTED_AT_ONCE):
        lengths = np.diff(split.sentence_offsets[lo : lo + _COUNTED_AT_ONCE + 1])
        long += int(lengths[lengths > LONG_SENTENCE].sum())
    return long / max(1, split.num_tokens)


def _specials(tokenizer: TextTokenizer) -> set[int]:
    return {
        tokenizer.pad_id,
        tokenizer.unk_id,
        tokenizer.cls_id,
        tokenizer.sep_id,
        tokenizer.mask_id,
    }
