import json
from pathlib import Path

import pytest
from test_preparation_prepare import make_documents, text_of

from bert_jax.benchmarks.preparing import run
from bert_jax.errors import UserError
from data_pipeline.tokenization.vocabulary import train_wordpiece


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [[p.replace("[MASK]", "mask") for p in d] for d in make_documents(600)]
    (tmp_path / "text.txt").write_bytes(text_of(documents))
    texts = [paragraph for document in documents for paragraph in document]
    train_wordpiece(texts, size=100).save(tmp_path / "tokenizer")
    return tmp_path


def test_preparation_is_timed_beside_tokenizers_whose_ids_are_equal(folder: Path) -> None:
    rows = run([str(folder / "text.txt")], folder / "tokenizer", rounds=1)
    assert [row["peer"] for row in rows] == [
        None,
        "tokenizers encode_batch",
        "tokenizers encode_batch_fast",
    ]
    assert all(row["value"] > 0 and row["unit"] == "B/s" for row in rows)
    assert [row["ratio"] is None for row in rows] == [True, False, False]
    assert json.dumps(rows)


def test_work_that_is_not_the_same_is_not_compared(folder: Path) -> None:
    # To `tokenizers` this is one special token, to us text.
    with (folder / "text.txt").open("ab") as file:
        file.write(b"\n\nA word of text and a [MASK] within.\n")
    with pytest.raises(UserError, match="gives other ids for this text"):
        run([str(folder / "text.txt")], folder / "tokenizer", rounds=1)
