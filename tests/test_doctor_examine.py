"""A store's numbers: right on a whole store, near on a sample of it."""

import math
from pathlib import Path

import numpy as np
import pytest
from corpora import healthy, make_store

from data_pipeline.baselines import unigram_entropy
from data_pipeline.doctor.examine import Limits, entropy_of, examine, token_counts
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import Split, TokenStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("examine"), healthy(200))


def test_numbers_are_those_of_the_text(store: TokenStore) -> None:
    numbers = examine(store).numbers
    text = numbers.text["train"]
    assert (text.documents, text.tokens) == (store.train.num_documents, store.train.num_tokens)
    assert text.counted_share == 1
    assert text.unigram_entropy == pytest.approx(unigram_entropy(store.train.tokens))
    assert text.unigram_entropy_bits == pytest.approx(text.unigram_entropy / math.log(2))
    assert text.unseen_tokens == numbers.vocab_size - 5 - len(np.unique(store.train.tokens))
    assert (text.unknown_share, text.stray_tokens) == (0, 0)
    assert (text.one_sentence_share, text.long_token_share) == (0, 0)
    assert text.words.ended_share == 1
    assert numbers.loss.stuck_mlm == text.unigram_entropy
    assert set(numbers.text) == {"train", "eval"}
    assert set(numbers.rows) == {128, 512}
    assert numbers.unknowns is None


def test_a_sample_says_nearly_the_same_and_that_it_is_one(store: TokenStore) -> None:
    whole, part = (
        examine(store, limits=limits).numbers
        for limits in (None, Limits(counted=20_000, sampled=8_000))
    )
    text, rest = whole.text["train"], part.text["train"]
    assert rest.counted_share < 0.9
    assert rest.sampled_tokens < rest.counted_tokens < text.counted_tokens
    assert rest.sentence_tokens == text.sentence_tokens  # lengths are cheap, and of everything
    assert rest.unigram_entropy == pytest.approx(text.unigram_entropy, abs=0.1)
    assert rest.words.fertility == pytest.approx(text.words.fertility, abs=0.05)
    assert part.rows[128].padded == pytest.approx(whole.rows[128].padded, abs=0.08)
    assert whole.batches is not None
    assert part.batches is not None
    assert part.batches.examples_per_epoch == pytest.approx(
        whole.batches.examples_per_epoch, rel=0.15
    )


def test_the_numbers_are_the_same_every_time(store: TokenStore) -> None:
    limits = Limits(counted=20_000, sampled=8_000)
    assert examine(store, limits=limits) == examine(store, limits=limits)


def test_the_objective_decides_the_masks(store: TokenStore) -> None:
    objective = PretrainingObjective(max_length=64, max_predictions=4, short_seq_prob=0.0)
    batches = examine(store, objective).numbers.batches
    assert batches is not None
    assert batches.predicted_share < 0.08


def test_ids_that_no_text_gives_are_counted(store: TokenStore) -> None:
    split = Split(np.array([5, 6, 60_000], np.uint16), np.array([0, 3]), np.array([0, 1]))
    counts = token_counts(split, 10)
    assert counts.tolist() == [0] * 5 + [1, 1, 0, 0, 0, 1]


def test_one_document_is_measured_as_far_as_that_goes(tmp_path: Path) -> None:
    found = examine(make_store(tmp_path, healthy(1)))
    assert (found.numbers.batches, found.numbers.rows, found.examples) == (None, {}, ())
    assert found.numbers.text["train"].words.count > 0


def test_the_entropy_of_equal_counts_is_the_logarithm_of_their_number() -> None:
    assert entropy_of(np.array([3, 0, 3, 3, 3])) == pytest.approx(math.log(4))
    assert entropy_of(np.zeros(4, np.int64)) == 0
