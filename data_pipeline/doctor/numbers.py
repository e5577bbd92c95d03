"""All that is measured of a store, in one object of plain values."""

from __future__ import annotations

from dataclasses import dataclass

from data_pipeline.doctor.duplicates import Duplicates
from data_pipeline.doctor.lengths import Lengths
from data_pipeline.doctor.near_duplicates import NearDuplicates
from data_pipeline.doctor.rows import BatchNumbers, RowFill
from data_pipeline.doctor.unknowns import Unknowns
from data_pipeline.doctor.words import Words
from data_pipeline.loss_levels import binary_entropy, start_loss, stuck_level

LONG_SENTENCE = 125  # tokens: what a row of 128 holds


@dataclass(frozen=True)
class TextNumbers:
    """One split's text.

    Attributes:
        documents: in the split.
        tokens: in the split.
        sentence_tokens: tokens a sentence, of all sentences.
        document_sentences: sentences a document, of all documents.
        document_tokens: tokens a document, of all documents.
        one_sentence_share: of the documents, those of a single sentence.
        long_token_share: of the tokens, those in sentences longer than `LONG_SENTENCE`.
        counted_tokens: how many tokens the frequencies, and what follows, are from.
        counted_share: of the split's tokens.
        unknown_share: of the tokens, those that are [UNK].
        stray_tokens: ids beyond the vocabulary, and special tokens other than [UNK]: none, unless
            the files are damaged.
        unigram_entropy: of the tokens, in nats.
        unigram_entropy_bits: the same in bits.
        unseen_tokens: tokens of the vocabulary that do not come, specials left out.
        unseen_share: of the vocabulary, specials left out.
        duplicate_sentences: that come more than once.
        duplicate_documents: that come more than once.
        near_duplicates: documents that are nearly another's copy, of a sample.
        sampled_tokens: how many tokens `words` is from.
        words: how the tokeniser fits the text.
        unknown_contexts: unknown words with what stands around them.
    """

    documents: int
    tokens: int
    sentence_tokens: Lengths
    document_sentences: Lengths
    document_tokens: Lengths
    one_sentence_share: float
    long_token_share: float
    counted_tokens: int
    counted_share: float
    unknown_share: float
    stray_tokens: int
    unigram_entropy: float
    unigram_entropy_bits: float
    unseen_tokens: int
    unseen_share: float
    duplicate_sentences: Duplicates
    duplicate_documents: Duplicates
    near_duplicates: NearDuplicates
    sampled_tokens: int
    words: Words
    unknown_contexts: tuple[str, ...]


@dataclass(frozen=True)
class LossLevels:
    """Where a loss starts and where it gets stuck, in nats (`data_pipeline.loss_levels`)."""

    start: float
    start_mlm: float
    start_nsp: float
    stuck: float
    stuck_mlm: float
    stuck_nsp: float

    @classmethod
    def of(cls, vocab_size: int, unigram_entropy: float, label_share: float | None) -> LossLevels:
        """`label_share` is the share of one of the two labels, None without pairs."""
        has_pairs = label_share is not None
        label_entropy = 0.0 if label_share is None else binary_entropy(label_share)
        start_mlm, start = (start_loss(vocab_size, pairs) for pairs in (False, has_pairs))
        return cls(
            start=start,
            start_mlm=start_mlm,
            start_nsp=start - start_mlm,
            stuck=stuck_level(unigram_entropy, label_entropy),
            stuck_mlm=stuck_level(unigram_entropy),
            stuck_nsp=label_entropy,
        )


@dataclass(frozen=True)
class Numbers:
    """What was measured of a store.

    Attributes:
        vocab_size: of the tokeniser.
        cased: whether the tokeniser keeps capitals.
        has_capitals: whether its vocabulary has any.
        text: by split.
        batch_tokens: how many tokens of training text `rows` and `batches` are from.
        rows: by row length; empty where there are no pairs to be had.
        batches: None where there are none to be had.
        loss: of the training text.
        unknowns: None where the rate of [UNK] is low, or the text is not there any more.
    """

    vocab_size: int
    cased: bool
    has_capitals: bool
    text: dict[str, TextNumbers]
    batch_tokens: int
    rows: dict[int, RowFill]
    batches: BatchNumbers | None
    loss: LossLevels
    unknowns: Unknowns | None
