import hashlib
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splits import IDS, documents_of, part_of_batches, random_split, split_of
from statistics_bounds import assert_share

from data_pipeline import batches as batches_module
from data_pipeline.batches import PretrainingBatches, evaluation_batches
from data_pipeline.errors import DataError
from data_pipeline.features import Batch, check_batch, feature_shapes
from data_pipeline.objective import PretrainingObjective
from data_pipeline.sentence_pairs import make_plan
from data_pipeline.token_store import Split

SPLIT = random_split(0, documents=60)
OBJECTIVE = PretrainingObjective(max_length=40, max_predictions=6)


def assert_same(one: Batch, other: Batch) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert (one[name] == other[name]).all(), name


def joined(parts: list[Batch]) -> Batch:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def unmasked(batch: Batch) -> np.ndarray:
    """The ids before masking."""
    ids = batch["input_ids"].copy()
    row, slot = np.nonzero(batch["masked_lm_weights"])
    ids[row, batch["masked_lm_positions"][row, slot]] = batch["masked_lm_ids"][row, slot]
    return ids


def assert_rows_are(batch: Batch, split: Split, examples: np.ndarray, max_length: int) -> None:
    """Each row is [CLS] A [SEP] B [SEP] and padding, put together in plain Python."""
    ids = unmasked(batch)
    for row, (a_start, b_start, a_length, b_length, label) in enumerate(examples.tolist()):
        a = split.tokens[a_start : a_start + a_length].tolist()
        b = split.tokens[b_start : b_start + b_length].tolist()
        text = [IDS.cls, *a, IDS.sep, *b, IDS.sep]
        padding = max_length - len(text)
        assert ids[row].tolist() == text + [IDS.pad] * padding
        types = [0] * (len(a) + 2) + [1] * (len(b) + 1) + [0] * padding
        assert batch["token_type_ids"][row].tolist() == types
        assert batch["attention_mask"][row].tolist() == [1] * len(text) + [0] * padding
        assert batch["next_sentence_labels"][row] == label
        wanted = min(
            batch["masked_lm_ids"].shape[1], max(1, round(0.15 * len(text))), len(a) + len(b)
        )
        assert batch["masked_lm_weights"][row].sum() == wanted
        used = batch["masked_lm_positions"][row][:wanted]
        assert not {0, len(a) + 1, len(text) - 1} & set(used.tolist())


def test_rows_are_the_plans_examples_with_special_tokens_and_masks() -> None:
    batches = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=3, batch_size=16)
    plan = make_plan(SPLIT, OBJECTIVE, seed=3, epoch=0)
    for step in (0, 1, 5):
        batch = batches(step)
        check_batch(batch, IDS.vocab_size)
        assert {name: array.shape for name, array in batch.items()} == feature_shapes(16, 40, 6)
        assert_rows_are(batch, SPLIT, plan.examples[step * 16 : step * 16 + 16], 40)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=8), min_size=2, max_size=8),
    st.integers(5, 50),
    st.integers(1, 20),
    st.integers(0, 2**63 - 1),
    st.integers(0, 300),
    st.data(),
)
def test_any_batch_of_any_small_corpus_keeps_the_rules(
    lengths: list[list[int]],
    max_length: int,
    batch_size: int,
    seed: int,
    step: int,
    data: st.DataObject,
) -> None:
    split = split_of(lengths)
    split = Split(
        (split.tokens % 900 + 4).astype(np.uint16), split.sentence_offsets, split.document_offsets
    )
    objective = PretrainingObjective(max_length, data.draw(st.integers(1, max_length - 3)))
    batches = PretrainingBatches(split, IDS, objective, seed=seed, batch_size=batch_size)
    batch = batches(step)
    check_batch(batch, IDS.vocab_size)
    index = np.arange(step * batch_size, (step + 1) * batch_size)
    examples = np.concatenate(
        [
            make_plan(split, objective, seed, int(i) // batches.examples_per_epoch).examples[
                [int(i) % batches.examples_per_epoch]
            ]
            for i in index
        ]
    )
    assert_rows_are(batch, split, examples, max_length)


def test_a_random_pair_joins_two_documents_and_a_true_pair_is_of_one() -> None:
    # Tokens say which document they are from.
    split = random_split(7, documents=30)
    named = Split(
        (documents_of(split, np.arange(split.num_tokens)) + 10).astype(np.uint16),
        split.sentence_offsets,
        split.document_offsets,
    )
    batch = PretrainingBatches(named, IDS, OBJECTIVE, seed=0, batch_size=64)(1)
    ids = unmasked(batch)
    for row in range(64):
        real = (ids[row] >= 10) & (batch["attention_mask"][row] == 1)
        a, b = (
            set(ids[row][real & (batch["token_type_ids"][row] == part)].tolist()) for part in (0, 1)
        )
        assert len(a) == len(b) == 1
        assert (a != b) == batch["next_sentence_labels"][row]


def test_batch_1000_asked_for_directly_is_the_thousandth_reached_by_iterating() -> None:
    arguments = {"seed": 5, "batch_size": 8}
    iterated = PretrainingBatches(SPLIT, IDS, OBJECTIVE, **arguments)
    for step in range(1001):
        batch = iterated(step)
    assert iterated.examples_per_epoch < 8000  # over the ends of epochs
    assert_same(PretrainingBatches(SPLIT, IDS, OBJECTIVE, **arguments)(1000), batch)
    assert_same(iterated(1000), batch)


def test_a_seed_means_the_same_examples_and_masks_for_good() -> None:
    # Runs are repeated by seed: a change of this hash breaks every run, so raise PLAN_FORMAT and
    # say so in the changelog.
    split = split_of([[4 + (3 * d + 5 * s) % 17 for s in range(1 + d % 9)] for d in range(40)])
    tokens = (split.tokens % 900 + 4).astype(np.uint16)
    split = Split(tokens, split.sentence_offsets, split.document_offsets)
    batch = PretrainingBatches(split, IDS, OBJECTIVE, seed=42, batch_size=16)(9)
    digest = hashlib.sha256()
    for name in sorted(batch):
        digest.update(batch[name].tobytes())
    assert digest.hexdigest()[:16] == "a3c70861d27a4d57"


def test_the_batch_size_does_not_change_the_examples() -> None:
    small = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=5, batch_size=6)
    large = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=5, batch_size=18)
    assert_same(joined([small(step) for step in (6, 7, 8)]), large(2))


@pytest.mark.parametrize("processes", [2, 4])
def test_the_global_batch_is_the_same_for_any_number_of_processes(processes: int) -> None:
    whole = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=1, batch_size=8)
    parts = [
        PretrainingBatches(
            SPLIT,
            IDS,
            OBJECTIVE,
            seed=1,
            batch_size=8,
            process_index=index,
            process_count=processes,
        )
        for index in range(processes)
    ]
    end_of_epoch = whole.examples_per_epoch // 8
    for step in (0, 3, end_of_epoch, 5 * end_of_epoch):
        assert_same(joined([part(step) for part in parts]), whole(step))


def test_two_real_processes_make_the_same_global_batch(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        parts = pool.starmap(part_of_batches, [(index, 2, tmp_path) for index in range(2)])
        pool.close()
        pool.join()
    for place, whole in enumerate(part_of_batches(0, 1, None)):
        assert_same(joined([part[place] for part in parts]), whole)


def test_a_cache_changes_nothing(tmp_path: Path) -> None:
    plain = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=1, batch_size=8)
    for _ in range(2):
        cached = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=1, batch_size=8, cache_dir=tmp_path)
        for step in (0, 50, 500):
            assert_same(cached(step), plain(step))


def test_every_example_of_an_epoch_comes_once_and_masks_change_with_the_epoch() -> None:
    batches = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=2, batch_size=1)
    n = batches.examples_per_epoch
    batches = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=2, batch_size=n)
    plan = make_plan(SPLIT, OBJECTIVE, seed=2, epoch=1)
    assert_rows_are(batches(1), SPLIT, plan.examples, 40)
    assert (batches(0)["masked_lm_positions"] != batches(1)["masked_lm_positions"]).any()


def test_the_next_plan_is_begun_past_the_middle_of_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[int] = []
    monkeypatch.setattr(batches_module.PlanSource, "begin", lambda _, epoch: begun.append(epoch))
    batches = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=2, batch_size=4)
    half = batches.examples_per_epoch // 2 // 4
    for step in range(half - 1):
        batches(step)
    assert begun == []
    batches(half + 1)
    assert begun == [1]
    batches(7 * batches.examples_per_epoch // 4 - 2)
    assert begun == [1, 7]


def test_masks_and_labels_have_the_shares_of_the_paper() -> None:
    split = random_split(8, documents=4000, sentences=(3, 30), tokens=(4, 25))
    batches = PretrainingBatches(split, IDS, PretrainingObjective(64, 10), seed=0, batch_size=5000)
    originals = masked = kept = 0
    for step in range(20):
        batch = batches(step)
        used = batch["masked_lm_weights"] == 1
        shown = np.take_along_axis(batch["input_ids"], batch["masked_lm_positions"], 1)[used]
        originals += shown.size
        masked += int((shown == IDS.mask).sum())
        kept += int((shown == batch["masked_lm_ids"][used]).sum())
    assert_share(masked, originals, 0.8 + 0.1 / IDS.vocab_size)
    assert_share(kept, originals, 0.1 + 0.1 / IDS.vocab_size)


def evaluation(**named) -> batches_module.EvaluationBatches:
    return evaluation_batches(SPLIT, IDS, OBJECTIVE, **({"batch_size": 16} | named))


def real_rows(batches: batches_module.EvaluationBatches) -> Batch:
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
    check_batch(last, IDS.vocab_size)
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


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"batch_size": 0}, "multiple of the number of processes, 1; got 0"),
        ({"batch_size": 9, "process_count": 2}, "multiple of the number of processes, 2; got 9"),
        ({"process_index": 2, "process_count": 2}, "process 2 of 2 does not exist"),
        ({"seed": -1}, "seed must be between"),
    ],
)
def test_arguments_that_do_not_fit_are_an_error(named: dict, said: str) -> None:
    with pytest.raises(DataError, match=said):
        PretrainingBatches(SPLIT, IDS, OBJECTIVE, **({"seed": 0, "batch_size": 8} | named))(0)


def test_a_negative_step_is_an_error() -> None:
    batches = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=0, batch_size=8)
    with pytest.raises(DataError, match="numbered from 0; got -1"):
        batches(-1)


def test_no_evaluation_examples_is_an_error() -> None:
    with pytest.raises(DataError, match="max_examples must be at least 1; got 0"):
        evaluation(max_examples=0)
