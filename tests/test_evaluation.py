import dataclasses
import itertools

import numpy as np
import pytest
from rows import assert_rows_are, assert_same, joined, sequences_of
from splits import IDS, random_split

from data_pipeline.errors import DataError
from data_pipeline.evaluation import EvaluationBatches, evaluation_batches
from data_pipeline.features import Batch, check_batch
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.sentence_pairs import make_plan

SPLIT = random_split(0, documents=60)
OBJECTIVE = PretrainingObjective(max_length=40, max_predictions=6)
PACKED = PretrainingObjective(100, 20, short_seq_prob=0.7, max_sequences=5)


def evaluation(**named) -> EvaluationBatches:
    return evaluation_batches(SPLIT, IDS, OBJECTIVE, **({"batch_size": 16} | named))


def real_rows(batches: EvaluationBatches) -> Batch:
    batch = joined(list(batches))
    return {name: array[batch["next_sentence_weights"] == 1] for name, array in batch.items()}


def test_evaluation_reads_the_first_examples_of_a_fixed_plan() -> None:
    batches = evaluation(max_examples=40)
    assert len(batches) == 3
    assert batches.num_examples == 40
    rows = real_rows(batches)
    examples = make_plan(SPLIT, OBJECTIVE, seed=0, epoch=0).examples[:40]
    assert_rows_are(rows, SPLIT, examples, 40)


def test_evaluation_is_the_same_every_time_and_in_any_order() -> None:
    one, other = evaluation(max_examples=40), evaluation(max_examples=40)
    for number in (2, 0, 1, -1):
        assert_same(one[number], other[number])
    assert_same(one[-1], one[2])
    assert [batch["input_ids"].shape for batch in one[1:]] == [(16, 40)] * 2


def test_rows_that_pad_the_last_batch_count_for_nothing() -> None:
    last = evaluation(max_examples=40)[2]
    check_batch(last, OBJECTIVE, IDS.vocab_size)
    assert last["next_sentence_weights"].tolist() == [1] * 8 + [0] * 8
    for name in ("masked_lm_weights", "masked_lm_ids", "masked_lm_positions"):
        assert not last[name][8:].any()
        assert last["masked_lm_weights"][:8].any()
    # A row without a token to attend to would give no number.
    assert last["attention_mask"].any(axis=1).all()


def test_evaluation_does_not_depend_on_the_batch_size() -> None:
    assert_same(
        real_rows(evaluation(max_examples=40)),
        real_rows(evaluation(max_examples=40, batch_size=7)),
    )


@pytest.mark.parametrize("processes", [2, 4])
def test_evaluation_is_divided_evenly_over_processes(processes: int) -> None:
    whole = evaluation(max_examples=35)
    parts = [
        evaluation(max_examples=35, process_index=index, process_count=processes)
        for index in range(processes)
    ]
    assert {len(part) for part in parts} == {len(whole)}
    for number in range(len(whole)):
        assert_same(joined([part[number] for part in parts]), whole[number])


def test_evaluation_of_everything_is_one_epoch() -> None:
    batches = evaluation()
    assert batches.num_examples == len(make_plan(SPLIT, OBJECTIVE, seed=0, epoch=0))
    assert len(list(batches)) == len(batches)


def test_a_batch_beyond_the_end_is_an_index_error() -> None:
    batches = evaluation(max_examples=40)
    for number in (3, -4):
        with pytest.raises(IndexError):
            batches[number]


def test_no_evaluation_examples_is_an_error() -> None:
    with pytest.raises(DataError, match="max_examples must be at least 1; got 0"):
        evaluation(max_examples=0)


def packed(**named) -> EvaluationBatches:
    return evaluation_batches(SPLIT, IDS, PACKED, **({"batch_size": 8, "max_examples": 50} | named))


def test_packed_evaluation_has_the_same_sequences_and_masks_in_fewer_rows() -> None:
    plain = evaluation_batches(
        SPLIT, IDS, dataclasses.replace(PACKED, max_sequences=1), batch_size=50, max_examples=50
    )
    batches = packed()
    assert batches.num_examples == plain.num_examples == 50
    assert batches.num_rows < plain.num_rows == 50
    rows = list(itertools.chain(*map(sequences_of, batches)))[: batches.num_rows]
    wanted = itertools.chain(*sequences_of(plain[0]))
    assert sorted(itertools.chain(*rows)) == sorted(wanted)


def test_rows_that_pad_a_packed_batch_count_for_nothing() -> None:
    batches = packed()
    last = batches[-1]
    check_batch(last, PACKED, IDS.vocab_size)
    real = batches.num_rows % 8
    assert 0 < real < 8
    for name in ("masked_lm_weights", "masked_lm_ids", "masked_lm_positions"):
        assert not last[name][real:].any()
    assert not last["next_sentence_weights"][real:].any()
    assert last["next_sentence_weights"][:real].any(axis=1).all()
    assert last["attention_mask"].any(axis=1).all()
    assert np.sum([batch["next_sentence_weights"].sum() for batch in batches]) == 50


@pytest.mark.parametrize("processes", [2, 4, 8])
def test_packed_evaluation_is_divided_evenly_over_processes(processes: int) -> None:
    whole = packed()
    parts = [packed(process_index=i, process_count=processes) for i in range(processes)]
    for number in range(len(whole)):
        assert_same(joined([part[number] for part in parts]), whole[number])


@pytest.mark.parametrize("max_sequences", [1, 4])
def test_without_pairs_predictions_alone_have_weights(max_sequences: int) -> None:
    objective = PretrainingObjective(60, 12, pairs="none", max_sequences=max_sequences)
    batches = evaluation_batches(SPLIT, IDS, objective, batch_size=16, max_examples=20)
    for batch in batches:
        check_batch(batch, objective, IDS.vocab_size)
    real = batches.num_rows % 16
    assert not batches[-1]["masked_lm_weights"][real:].any()
    assert batches[-1]["masked_lm_weights"][:real].any(axis=1).all()
