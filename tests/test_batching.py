"""Batches of like lengths: nothing lost, few shapes, little padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bert_jax.inference.batching import (
    TOKENS_AT_ONCE,
    Row,
    batch_length,
    batches,
    computed,
    fineness_for,
    rows_at_once,
)


def rows_of(lengths):
    return [
        Row(np.arange(1, n + 1, dtype=np.int32) + 100 * i, np.full(n, i % 2, np.int32))
        for i, n in enumerate(lengths)
    ]


@given(st.lists(st.integers(1, 512), max_size=300))
def test_every_sequence_is_in_one_row_of_one_batch_as_it_is(lengths):
    rows, seen = rows_of(lengths), []
    for chosen, batch in batches(rows, 512, pad_id=-1):
        for place, i in enumerate(chosen):
            real = batch["attention_mask"][place] > 0
            assert batch["input_ids"][place, real].tolist() == rows[i].ids.tolist()
            assert batch["token_type_ids"][place, real].tolist() == rows[i].types.tolist()
            assert real[: len(rows[i].ids)].all()
            assert (batch["input_ids"][place, ~real] == -1).all()
        assert not batch["attention_mask"][len(chosen) :].any()
        seen += chosen.tolist()
    assert sorted(seen) == list(range(len(lengths)))


@given(st.integers(1, 512), st.sampled_from([1, 2, 4]))
def test_a_batch_is_long_enough_and_wastes_at_most_a_step(longest, fineness):
    length = batch_length(longest, 512, fineness)
    assert longest <= length < max(longest + 8 / fineness, longest * (1 + 0.25 / fineness))
    assert batch_length(longest, longest, fineness) == longest
    assert rows_at_once(length) * length <= max(TOKENS_AT_ONCE["cpu"], length)


def test_few_shapes_serve_all_lengths():
    assert len({batch_length(n, 512) for n in range(1, 513)}) == 20
    shapes = {
        batch["input_ids"].shape
        for _, batch in batches(rows_of(np.random.default_rng(0).integers(3, 60, 3000)), 512, 0)
    }
    assert len(shapes) <= 9
    assert all(rows & (rows - 1) == 0 for rows, _ in shapes)


def test_what_is_much_to_compute_has_less_padding_and_what_is_little_has_fewer_shapes():
    drawn = np.random.default_rng(0).integers(6, 35, 20_000)
    assert [fineness_for(drawn[:count], 512) for count in (1, 500, 4096, 20_000)] == [1, 1, 2, 4]
    for count, most_shapes, most_padding in ((500, 5, 0.25), (4096, 8, 0.1), (20_000, 16, 0.04)):
        shapes = [batch["input_ids"].shape for _, batch in batches(rows_of(drawn[:count]), 512, 0)]
        # Of the batches that are full: a last one is rounded up to a power of two.
        slots = sum(rows * length for rows, length in shapes)
        assert len(set(shapes)) <= most_shapes
        assert slots <= drawn[:count].sum() * (1 + most_padding)


@pytest.mark.parametrize("count", [0, 1, 700])
def test_what_is_computed_comes_with_its_sequences(count):
    rows = rows_of(np.random.default_rng(1).integers(1, 40, count))
    found = {}
    for chosen, sums in computed(
        rows, 512, 0, lambda _, b: np.where(b["attention_mask"], b["input_ids"], 0).sum(1)
    ):
        found |= dict(zip(chosen.tolist(), sums[: len(chosen)], strict=True))
    assert [found[i] for i in range(count)] == [row.ids.sum() for row in rows]
