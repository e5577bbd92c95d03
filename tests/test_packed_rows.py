import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import sequences_of
from splits import random_split, split_of

from data_pipeline.assembly import SequenceAssembler, Sequences
from data_pipeline.features import check_batch, feature_shapes
from data_pipeline.objective import PretrainingObjective
from data_pipeline.packed_rows import PackedAssembler
from data_pipeline.plans.packed_plan import pack_in_order
from data_pipeline.plans.sentence_pairs import make_plan
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

IDS = SpecialIds(*(0, 1, 2, 3, 1000), continues_word=np.arange(1000) >= 500)


def assert_packed_is_the_same(split: Split, objective: PretrainingObjective, seed: int) -> None:
    """Every sequence of a packed batch is, token for token, what it is in a row of its own."""
    examples = make_plan(split, objective, seed, 0).examples[:200]
    records = pack_in_order(examples, objective).records
    packed = Sequences(
        records, records["rank"].astype(np.int64) + 7, records["row"].astype(np.int64)
    )
    num_rows = int(records["row"][-1]) + 1
    batch = PackedAssembler(split, IDS, objective)(packed, num_rows, seed)
    check_batch(batch, objective, IDS.vocab_size)
    shapes = {name: array.shape for name, array in batch.items()}
    assert shapes == feature_shapes(num_rows, objective)

    alone = dataclasses.replace(objective, max_sequences=1)
    rows = np.arange(len(examples))
    plain = SequenceAssembler(split, IDS, alone).unpacked(
        Sequences(examples, rows + 7, rows), len(rows), seed
    )
    wanted = [sequence for [sequence] in sequences_of(plain)]
    found = sequences_of(batch)
    assert [wanted[rank] for rank in records["rank"]] == list(itertools.chain(*found))
    assert [len(row) for row in found] == np.bincount(records["row"]).tolist()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=6), min_size=2, max_size=10),
    st.integers(5, 70),
    st.integers(2, 64),
    st.sampled_from(["next_sentence", "sentence_order", "none"]),
    st.sampled_from(["piece", "whole_word", "span"]),
    st.integers(0, 2**62),
    st.data(),
)
def test_a_packed_batch_taken_apart_is_the_unpacked_sequences(
    lengths: list[list[int]],
    max_length: int,
    max_sequences: int,
    pairs: str,
    masking: str,
    seed: int,
    data: st.DataObject,
) -> None:
    split = split_of([[2, 2], *lengths])
    split = Split(
        (split.tokens % 900 + 4).astype(np.uint16), split.sentence_offsets, split.document_offsets
    )
    objective = PretrainingObjective(
        max_length,
        data.draw(st.integers(1, max_length - 3)),
        short_seq_prob=0.5,
        pairs=pairs,
        masking=masking,
        max_sequences=max_sequences,
    )
    assert_packed_is_the_same(split, objective, seed)


@pytest.mark.parametrize("pairs", ["next_sentence", "none"])
def test_so_it_is_where_lengths_need_arrays_of_several_widths(pairs: str) -> None:
    split = random_split(1, documents=300, sentences=(1, 12), tokens=(1, 30))
    objective = PretrainingObjective(256, 40, short_seq_prob=0.6, pairs=pairs, max_sequences=8)
    assert_packed_is_the_same(split, objective, seed=3)


def test_a_row_that_one_sequence_fills_is_a_packed_row_too() -> None:
    split = split_of([[40] * 5] * 3)
    split = Split(
        (split.tokens % 900 + 4).astype(np.uint16), split.sentence_offsets, split.document_offsets
    )
    assert_packed_is_the_same(split, PretrainingObjective(20, 3, max_sequences=2), seed=0)
