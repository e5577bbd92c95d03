import dataclasses

import numpy as np
import pytest
from small_runs import make_store

from data_pipeline import baselines
from data_pipeline.errors import DataError
from data_pipeline.store.known_ids import check_ids
from data_pipeline.store.token_store import TokenStore


@pytest.mark.parametrize("split", ["train", "eval"])
def test_an_id_beyond_the_vocabulary_is_refused_with_the_store_and_what_to_do(tmp_path, split):
    store = TokenStore.open(make_store(tmp_path / "store"))
    check_ids(store)
    splits = {"train": store.train, "eval": store.eval}
    tokens = np.array(splits[split].tokens)
    tokens[-1] = store.manifest["tokenizer"]["vocab_size"]
    splits[split] = dataclasses.replace(splits[split], tokens=tokens)
    with pytest.raises(DataError, match="changed since they were written") as refused:
        check_ids(TokenStore(store.path, store.manifest, splits))
    assert f"`bert-jax inspect {store.path} --verify`" in str(refused.value)


def test_of_a_long_text_some_pieces_are_looked_at(monkeypatch):
    monkeypatch.setattr(baselines, "_COUNTED", 100)
    monkeypatch.setattr(baselines, "_PIECE", 10)
    assert sum(map(len, baselines.counted_pieces(np.arange(5000)))) == 100
