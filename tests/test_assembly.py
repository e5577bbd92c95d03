import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import assert_same, joined, unmasked
from splits import IDS, random_split, split_of

from data_pipeline.assembly import SequenceAssembler, Sequences, join, select, sequence_lengths
from data_pipeline.features import Batch, check_batch
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.sentence_pairs import make_plan
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

# Half of the ids go on with a word.
WORD_IDS = SpecialIds(*(0, 1, 2, 3, 1000), continues_word=np.arange(1000) >= 500)
OBJECTIVES = (
    PretrainingObjective(48, 8),
    PretrainingObjective(48, 8, pairs="sentence_order", masking="whole_word"),
    PretrainingObjective(48, 8, pairs="none", masking="span"),
    PretrainingObjective(48, 46, pairs="none", masked_lm_prob=1.0),
)


def sequences(
    split: Split, objective: PretrainingObjective, count: int, epoch: int = 0
) -> Sequences:
    examples = make_plan(split, objective, 0, epoch).examples[:count]
    rows = np.arange(len(examples))
    return Sequences(examples, rows + 100, rows)


def batch_of(split: Split, objective: PretrainingObjective, some: Sequences) -> Batch:
    return SequenceAssembler(split, WORD_IDS, objective).unpacked(some, len(some.rows), seed=5)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=4), min_size=1, max_size=25),
    st.integers(5, 60),
    st.integers(0, 1000),
)
def test_without_pairs_a_row_is_text_with_a_separator_at_each_end_of_a_document(
    lengths: list[list[int]], max_length: int, seed: int
) -> None:
    split = split_of(lengths)
    tokens = (split.tokens % 900 + 4).astype(np.uint16)
    split = Split(tokens, split.sentence_offsets, split.document_offsets)
    objective = PretrainingObjective(max_length, 1, pairs="none")
    examples = make_plan(split, objective, seed, 0).examples
    rows = np.arange(len(examples))
    batch = batch_of(split, objective, Sequences(examples, rows, rows))
    check_batch(batch, objective, IDS.vocab_size)
    assert "next_sentence_labels" not in batch
    ends = set(split.sentence_offsets[split.document_offsets].tolist())
    ids = unmasked(batch)
    for row, (start, length) in enumerate(examples[["a_start", "a_length"]].tolist()):
        text = [IDS.cls]
        for place in range(start, start + length):
            if place in ends and place > start:
                text.append(IDS.sep)
            text.append(int(tokens[place]))
        text.append(IDS.sep)
        assert ids[row].tolist() == text + [IDS.pad] * (max_length - len(text))
        assert batch["attention_mask"][row].sum() == len(text)
        assert len(text) == sequence_lengths(examples, objective)[row]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_no_special_token_is_ever_predicted(objective: PretrainingObjective) -> None:
    split = random_split(3, documents=200, sentences=(1, 4), tokens=(1, 10))
    some = sequences(split, objective, 400)
    batch = batch_of(split, objective, some)
    check_batch(batch, objective, IDS.vocab_size)
    predicted = batch["masked_lm_ids"][batch["masked_lm_weights"] == 1]
    assert len(predicted) > 400
    assert predicted.min() > IDS.mask
    if objective.masked_lm_prob == 1:
        text = some.examples["a_length"]
        assert (batch["masked_lm_weights"].sum(axis=1) == np.minimum(text, 46)).all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_width_of_the_array_does_not_change_a_row(objective: PretrainingObjective) -> None:
    split = random_split(3, documents=60, sentences=(1, 4), tokens=(1, 10))
    some = sequences(split, objective, 100)
    length = sequence_lengths(some.examples, objective)
    assembler = SequenceAssembler(split, WORD_IDS, objective)
    wide = assembler.mask(some, length, 1, 48)
    for width in (20, 33, 47):
        [which] = np.nonzero(length <= width)
        part = Sequences(*(array[which] for array in some))
        masked = assembler.mask(part, length[which], 1, width)
        for one, other in zip(masked[1:], wide[1:], strict=True):
            assert (one == other[which]).all()
        assert (masked.input_ids == wide.input_ids[which, :width]).all()


def test_the_number_of_an_example_decides_its_masks() -> None:
    objective = OBJECTIVES[0]
    split = random_split(3, documents=60)
    some = sequences(split, objective, 20)
    batch = batch_of(split, objective, some)
    assert_same(batch, batch_of(split, objective, some))
    other = batch_of(split, objective, some._replace(numbers=some.numbers + 1))
    assert (batch["masked_lm_positions"] != other["masked_lm_positions"]).any()
    assert (unmasked(batch) == unmasked(other)).all()


def test_parts_are_joined_row_after_row() -> None:
    objective = dataclasses.replace(OBJECTIVES[0], max_sequences=4)
    split = random_split(3, documents=60)
    one, two = sequences(split, objective, 6), sequences(split, objective, 5, epoch=1)
    one = one._replace(rows=np.array([0, 0, 1, 2, 2, 2]))
    two = two._replace(rows=np.array([0, 1, 1, 2, 3]))
    assert join([one]) is one
    both = join([one, two])
    assert both.rows.tolist() == [0, 0, 1, 2, 2, 2, 3, 4, 4, 5, 6]
    assert both.numbers.tolist() == [*one.numbers, *two.numbers]
    plain = dataclasses.replace(objective, max_sequences=1)
    parts = [batch_of(split, plain, part) for part in (one, two)]
    assert_same(batch_of(split, plain, both), joined(parts))


def test_selected_rows_are_numbered_anew_and_keep_what_they_hold() -> None:
    objective = dataclasses.replace(OBJECTIVES[0], max_sequences=4)
    some = sequences(random_split(3, documents=60), objective, 7)
    some = some._replace(rows=np.array([0, 0, 1, 2, 2, 2, 3]))
    chosen = select(some, np.array([0, 2]))
    assert chosen.rows.tolist() == [0, 0, 1, 1, 1]
    assert chosen.numbers.tolist() == some.numbers[[0, 1, 3, 4, 5]].tolist()
    assert (chosen.examples == some.examples[[0, 1, 3, 4, 5]]).all()
    assert select(some, np.arange(4)).numbers.tolist() == some.numbers.tolist()
