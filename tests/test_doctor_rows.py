"""How full rows are, and what real batches hold."""

import numpy as np
import pytest
from corpora import healthy, make_store
from splits import random_split

from data_pipeline.doctor.rows import batch_numbers, batches_of, row_fill, shown_rows
from data_pipeline.doctor.sample import Sample
from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import TokenStore

OBJECTIVE = PretrainingObjective()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("rows"), healthy(120))


def test_rows_are_as_full_as_their_sequences_are_long(store: TokenStore) -> None:
    fill = row_fill(Sample(store.train, 1.0), OBJECTIVE, 128)
    batches = batches_of(Sample(store.train, 1.0), OBJECTIVE, store.tokenizer())
    rows = np.concatenate([batches(step)["attention_mask"] for step in range(2)])
    assert fill.sequences == batches.examples_per_epoch < len(rows)
    assert fill.padded == pytest.approx(rows[: fill.sequences].mean())
    assert fill.padded == pytest.approx(fill.mean_tokens / 128)
    assert row_fill(Sample(store.train, 1.0), OBJECTIVE, 512).padded < fill.padded


def test_packed_rows_are_fuller(store: TokenStore) -> None:
    for length in (128, 512):
        fill = row_fill(Sample(store.train, 1.0), OBJECTIVE, length)
        assert fill.padded < fill.packed <= 1
    assert fill.packed > 0.9


def test_shares_of_labels_and_masks_are_those_of_the_objective(store: TokenStore) -> None:
    sample = Sample(store.train, 1.0)
    batches = batches_of(sample, OBJECTIVE, store.tokenizer())
    found = batch_numbers(batches, sample, store.tokenizer().mask_id)
    assert found.labels == found.rows >= found.examples_per_epoch == batches.examples_per_epoch
    assert 0.5 < found.label_share < 0.7
    assert found.predicted_share == pytest.approx(0.15, abs=0.005)
    assert found.mask_share == pytest.approx(0.8, abs=0.02)
    assert found.random_share == pytest.approx(0.1, abs=0.02)
    assert found.mask_share + found.random_share + found.keep_share == pytest.approx(1)


def test_a_part_of_the_text_stands_for_all_of_it(store: TokenStore) -> None:
    whole = batches_of(Sample(store.train, 1.0), OBJECTIVE, store.tokenizer())
    part = batch_numbers(whole, Sample(store.train, 0.25), store.tokenizer().mask_id)
    assert part.examples_per_epoch == pytest.approx(4 * whole.examples_per_epoch, abs=2)


def test_rows_to_look_at_say_what_stood_there_and_what_is_shown(store: TokenStore) -> None:
    tokenizer = store.tokenizer()
    batches = batches_of(Sample(store.train, 1.0), OBJECTIVE, tokenizer)
    batch, rows = batches(0), shown_rows(batches, tokenizer, 4)
    assert len(rows) == 4
    assert {row.label for row in rows} == {0, 1}
    for number, row in enumerate(rows[:3]):
        shown = [tokenizer.token_to_id(place.shown) for place in row.places]
        used = batch["attention_mask"][number] > 0
        assert shown == batch["input_ids"][number][used].tolist()
        kinds = [place.kind for place in row.places]
        assert kinds.count("special") == 3
        places = batch["masked_lm_positions"][number][batch["masked_lm_weights"][number] > 0]
        assert [i for i, k in enumerate(kinds) if k in ("mask", "random", "keep")] == list(places)
        originals = [tokenizer.token_to_id(row.places[i].token) for i in places]
        assert originals == batch["masked_lm_ids"][number][: len(places)].tolist()
        assert all((p.shown == p.token) == (p.kind not in ("mask", "random")) for p in row.places)


def test_one_document_has_no_rows() -> None:
    split = random_split(0, documents=1)
    with pytest.raises(DataError, match="at least two documents"):
        row_fill(Sample(split, 1.0), OBJECTIVE, 128)
