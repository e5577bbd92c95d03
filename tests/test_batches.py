import dataclasses
import hashlib
import itertools
import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import assert_rows_are, assert_same, joined, sequences_of, unmasked
from splits import IDS, documents_of, part_of_batches, random_split, split_of
from statistics_bounds import assert_share

from data_pipeline import batches as batches_module
from data_pipeline.batches import PretrainingBatches
from data_pipeline.errors import DataError
from data_pipeline.features import check_batch, feature_shapes
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.sentence_pairs import count_examples, make_plan
from data_pipeline.store.token_store import Split

SPLIT = random_split(0, documents=60)
OBJECTIVE = PretrainingObjective(max_length=40, max_predictions=6)
PACKED = PretrainingObjective(100, 20, short_seq_prob=0.7, max_sequences=5)
BOTH = pytest.mark.parametrize("objective", [OBJECTIVE, PACKED], ids=["plain", "packed"])


def test_rows_are_the_plans_examples_with_special_tokens_and_masks() -> None:
    batches = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=3, batch_size=16)
    plan = make_plan(SPLIT, OBJECTIVE, seed=3, epoch=0)
    for step in (0, 1, 5):
        batch = batches(step)
        check_batch(batch, OBJECTIVE, IDS.vocab_size)
        assert {name: array.shape for name, array in batch.items()} == feature_shapes(16, OBJECTIVE)
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
    check_batch(batch, objective, IDS.vocab_size)
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


@BOTH
def test_batch_1000_asked_for_directly_is_the_thousandth_reached_by_iterating(
    objective: PretrainingObjective,
) -> None:
    arguments = {"seed": 5, "batch_size": 8}
    iterated = PretrainingBatches(SPLIT, IDS, objective, **arguments)
    for step in range(1001):
        batch = iterated(step)
    assert iterated.rows_per_epoch < 8000  # over the ends of epochs
    assert_same(PretrainingBatches(SPLIT, IDS, objective, **arguments)(1000), batch)
    assert_same(iterated(1000), batch)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [(OBJECTIVE, "a3c70861d27a4d57"), (PACKED, "af063bebfe849642")],
    ids=["plain", "packed"],
)
def test_a_seed_means_the_same_examples_and_masks_for_good(
    objective: PretrainingObjective, expected: str
) -> None:
    # Runs are repeated by seed: a change of this hash breaks every run, so raise PLAN_FORMAT or
    # PACKING_FORMAT and say so in the changelog.
    split = split_of([[4 + (3 * d + 5 * s) % 17 for s in range(1 + d % 9)] for d in range(40)])
    tokens = (split.tokens % 900 + 4).astype(np.uint16)
    split = Split(tokens, split.sentence_offsets, split.document_offsets)
    batch = PretrainingBatches(split, IDS, objective, seed=42, batch_size=16)(9)
    digest = hashlib.sha256()
    for name in sorted(batch):
        digest.update(batch[name].tobytes())
    assert digest.hexdigest()[:16] == expected


@BOTH
def test_the_batch_size_does_not_change_the_examples(objective: PretrainingObjective) -> None:
    small = PretrainingBatches(SPLIT, IDS, objective, seed=5, batch_size=6)
    large = PretrainingBatches(SPLIT, IDS, objective, seed=5, batch_size=18)
    assert_same(joined([small(step) for step in (6, 7, 8)]), large(2))


@BOTH
@pytest.mark.parametrize("processes", [2, 4, 8])
def test_the_global_batch_is_the_same_for_any_number_of_processes(
    processes: int, objective: PretrainingObjective
) -> None:
    whole = PretrainingBatches(SPLIT, IDS, objective, seed=1, batch_size=8)
    parts = [
        PretrainingBatches(
            SPLIT,
            IDS,
            objective,
            seed=1,
            batch_size=8,
            process_index=index,
            process_count=processes,
        )
        for index in range(processes)
    ]
    end_of_epoch = whole.rows_per_epoch // 8
    for step in (0, 3, end_of_epoch, 5 * end_of_epoch):
        assert_same(joined([part(step) for part in parts]), whole(step))


@BOTH
@pytest.mark.parametrize("widest", [0, 5, 10**6])
def test_rows_asked_for_by_number_are_those_of_the_run(
    monkeypatch: pytest.MonkeyPatch, objective: PretrainingObjective, widest: int
) -> None:
    monkeypatch.setattr(batches_module, "_WIDEST_GAP", widest)
    batches = PretrainingBatches(SPLIT, IDS, objective, seed=3, batch_size=1)
    end = batches.rows_per_epoch
    wanted = [0, 1, 7, 8, 9, end - 1, end, 2 * end + 3]
    found = batches.sequences_at(np.array(wanted))
    alone = [batches.sequences(row) for row in wanted]
    assert found.rows.tolist() == np.repeat(range(8), [len(one.rows) for one in alone]).tolist()
    assert found.numbers.tolist() == np.concatenate([one.numbers for one in alone]).tolist()
    assert (found.examples == np.concatenate([one.examples for one in alone])).all()


def test_two_real_processes_make_the_same_global_batch(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        parts = pool.starmap(part_of_batches, [(index, 2, tmp_path) for index in range(2)])
        pool.close()
        pool.join()
    for place, whole in enumerate(part_of_batches(0, 1, None)):
        assert_same(joined([part[place] for part in parts]), whole)


@BOTH
def test_a_cache_changes_nothing(tmp_path: Path, objective: PretrainingObjective) -> None:
    plain = PretrainingBatches(SPLIT, IDS, objective, seed=1, batch_size=8)
    for _ in range(2):
        cached = PretrainingBatches(SPLIT, IDS, objective, seed=1, batch_size=8, cache_dir=tmp_path)
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


def test_a_packed_run_has_the_sequences_of_an_unpacked_one() -> None:
    plain_objective = dataclasses.replace(PACKED, max_sequences=1)
    packed = PretrainingBatches(SPLIT, IDS, PACKED, seed=0, batch_size=1)
    rows, n = packed.rows_per_epoch, packed.examples_per_epoch
    packed = PretrainingBatches(SPLIT, IDS, PACKED, seed=0, batch_size=rows)
    plain = PretrainingBatches(SPLIT, IDS, plain_objective, seed=0, batch_size=n)
    for epoch in range(2):
        batch = packed(epoch)
        check_batch(batch, PACKED, IDS.vocab_size)
        found = sorted(itertools.chain(*sequences_of(batch)))
        wanted = sorted(itertools.chain(*sequences_of(plain(epoch))))
        # Epoch 0 of seed 0 is the reference that all others are as long as.
        assert found == wanted if epoch == 0 else found != wanted


def test_an_epoch_has_as_many_rows_as_any_other_and_names_both_numbers() -> None:
    plain = PretrainingBatches(SPLIT, IDS, OBJECTIVE, seed=2, batch_size=4)
    assert plain.rows_per_epoch == plain.examples_per_epoch == count_examples(SPLIT, OBJECTIVE)
    packed = PretrainingBatches(SPLIT, IDS, PACKED, seed=2, batch_size=4)
    assert packed.examples_per_epoch == count_examples(SPLIT, PACKED)
    assert packed.rows_per_epoch < 0.8 * packed.examples_per_epoch


@BOTH
def test_static_epochs_come_again_with_their_masks(objective: PretrainingObjective) -> None:
    objective = dataclasses.replace(objective, static_epochs=2)
    rows = PretrainingBatches(SPLIT, IDS, objective, seed=2, batch_size=1).rows_per_epoch
    batches = PretrainingBatches(SPLIT, IDS, objective, seed=2, batch_size=rows)
    assert_same(batches(0), batches(2))
    assert_same(batches(1), batches(5))
    assert (batches(0)["input_ids"] != batches(1)["input_ids"]).any()


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
