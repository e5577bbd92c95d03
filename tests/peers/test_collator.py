"""The peer of `bert-jax benchmark data` does the work that it is timed for."""

import numpy as np
import pytest
from small_runs import make_store

from bert_jax.benchmarks.collator import FORMS, LENGTH, ROWS, collator_and_rows
from data_pipeline.store.token_store import TokenStore


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("collator"), size=50)


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_every_form_are_masked_as_often_as_ours(store, form):
    collate, (rows,) = collator_and_rows(store, "piece", form, batches=1)
    batch = collate(rows)
    ids, labels = batch["input_ids"].numpy(), batch["labels"].numpy()
    assert ids.shape == labels.shape == (ROWS, LENGTH)
    assert batch.keys() - {"token_type_ids", "attention_mask"} == {"input_ids", "labels"}
    # 15 % of 126 tokens: ours predicts 19. Within five standard deviations of 32 rows' mean.
    assert (labels != -100).sum() / ROWS == pytest.approx(18.9, abs=3.6)
    tokens = TokenStore.open(store).train.tokens[: ROWS * (LENGTH - 2)].reshape(ROWS, -1)
    text = np.where(labels == -100, ids, labels)[:, 1:-1]
    assert (text == tokens).all()


def test_whole_words_are_masked_as_such(store):
    collate, (rows,) = collator_and_rows(store, "whole_word", "dicts", batches=1)
    batch = collate(rows)
    masked = batch["labels"].numpy() != -100
    tokenizer = TokenStore.open(store).tokenizer()
    inside = tokenizer.continues_word[np.array([row["input_ids"] for row in rows])]
    inside[:, 1] = False  # what goes on with a word of the row before begins one here
    assert inside.any()
    assert masked.any()
    assert (masked[:, 1:] == masked[:, :-1])[inside[:, 1:]].all()
    assert (batch["input_ids"].numpy()[masked] == tokenizer.mask_id).all()
