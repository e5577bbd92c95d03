"""Small splits made from lengths, shared by tests of the data pipeline."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_pipeline.batches import PretrainingBatches
from data_pipeline.features import Batch
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

IDS = SpecialIds(pad=0, cls=1, sep=2, mask=3, vocab_size=1000)


def split_of(documents: Sequence[Sequence[int]]) -> Split:
    """Documents given as the lengths of their sentences; each token is its own number.

    (Numbers that no vocabulary has: a test can tell where every token came from.)
    """
    lengths = np.array([length for document in documents for length in document], np.int64)
    counts = np.array([len(document) for document in documents], np.int64)
    return _split(lengths, counts, np.arange(lengths.sum(), dtype=np.uint32))


def random_split(
    seed: int,
    documents: int,
    sentences: tuple[int, int] = (1, 40),
    tokens: tuple[int, int] = (1, 40),
    vocab_size: int = IDS.vocab_size,
) -> Split:
    """Uniform numbers of sentences a document and tokens a sentence; ids beyond the specials."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(sentences[0], sentences[1], documents, endpoint=True)
    lengths = rng.integers(tokens[0], tokens[1], counts.sum(), endpoint=True)
    return _split(lengths, counts, rng.integers(4, vocab_size, lengths.sum()).astype(np.uint16))


def _split(lengths: np.ndarray, counts: np.ndarray, tokens: np.ndarray) -> Split:
    return Split(
        tokens,
        np.concatenate(([0], np.cumsum(lengths))),
        np.concatenate(([0], np.cumsum(counts))),
    )


def documents_of(split: Split, tokens: np.ndarray) -> np.ndarray:
    """The document that each token of the split belongs to."""
    sentence = np.searchsorted(split.sentence_offsets, tokens, side="right") - 1
    return np.searchsorted(split.document_offsets, sentence, side="right") - 1


def part_of_batches(process_index: int, process_count: int, cache_dir: Path | None) -> list[Batch]:
    """One process's rows of three batches; here because a spawned process imports its module."""
    batches = PretrainingBatches(
        random_split(0, documents=60),
        IDS,
        PretrainingObjective(max_length=40, max_predictions=6),
        seed=1,
        batch_size=8,
        process_index=process_index,
        process_count=process_count,
        cache_dir=cache_dir,
    )
    return [batches(step) for step in (0, 100, 1000)]
