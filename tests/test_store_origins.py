"""Each document of a store can be looked up in the file that it came from."""

import json
from pathlib import Path

import numpy as np
import pytest

import data_pipeline.documents.text as text_module
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.documents import SplitName
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import prepare
from data_pipeline.store.origins import Origins
from data_pipeline.store.token_store import SPLITS, TokenStore
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

NAMES = ("a.txt", "b.jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of 200 documents, every fifth of them too short, and 100 lines, every fifth empty."""
    folder = tmp_path_factory.mktemp("origins")
    documents = [f"number {n} of it\n" + "more of it\n" * (n % 5) for n in range(200)]
    (folder / "a.txt").write_text("\n\n".join(documents))
    texts = [f"record {n} is here" * (n % 5 > 0) for n in range(100)]
    (folder / "b.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> TokenStore:
    words = ["number", "of", "it", "more", "record", "is", "here", *map(str, range(200))]
    tokenizer = Tokenizer([*SPECIALS, *words], Rules(cased=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_module, "UNIT_BYTES", 500)
        inputs = [folder / name for name in NAMES]
        rules = CleaningRules(min_words=4, near_duplicates=None)
        return prepare(
            inputs, tokenizer, folder / "store", eval_share=0.2, workers=1, cleaning=rules
        )


def second_word(store: TokenStore, split: SplitName, document: int) -> str:
    """What tells the documents of a file apart."""
    arrays = getattr(store, split)
    first = arrays.sentence_offsets[arrays.document_offsets[document]]
    return store.tokenizer().id_to_token(int(arrays.tokens[first + 1]))


def test_the_place_of_a_document_counts_those_that_were_dropped(
    folder: Path, store: TokenStore
) -> None:
    origins = Origins(store)
    rows = {str(folder / name): (folder / name).read_text().split("\n") for name in NAMES}
    seen = 0
    for split in SPLITS:
        for document in range(getattr(store, split).num_documents):
            found = origins.of(split, document)
            assert found.document == document
            assert found.name is not None
            assert found.place is not None
            assert found.place.kind == "line"
            line = rows[found.name][found.place.number - 1]
            assert line.startswith(("number ", '{"text": "record '))
            assert f" {second_word(store, split, document)} " in line
            seen += 1
    assert store.train.num_documents > store.eval.num_documents > 10
    assert seen == 200 + 80


def test_an_older_store_says_no_origins_or_no_places(store: TokenStore, tmp_path: Path) -> None:
    older = TokenStore(tmp_path, store.manifest, {"train": store.train, "eval": store.eval})
    assert Origins(older).of("eval", 0) == (0, None, None)
    rows = json.loads((store.path / "origins.json").read_text())
    for row in rows:
        del row["places"]
    (tmp_path / "origins.json").write_text(json.dumps(rows))
    assert Origins(older).of("eval", 0) == (0, rows[0]["name"], None)
    beyond = Origins(older).of("train", store.train.num_documents)
    assert (beyond.name, beyond.place) == (None, None)


def test_a_damaged_file_of_origins_is_named(store: TokenStore, tmp_path: Path) -> None:
    damaged = TokenStore(tmp_path, store.manifest, {"train": store.train, "eval": store.eval})
    (tmp_path / "origins.json").write_text('[{"source": 0}]')
    with pytest.raises(DataError, match=r"origins\.json: is damaged"):
        Origins(damaged)
    (tmp_path / "origins.json").write_text((store.path / "origins.json").read_text())
    (tmp_path / "train").mkdir()
    np.save(tmp_path / "train" / "document_places.npy", np.zeros(3, np.float32))
    with pytest.raises(DataError, match=r"document_places\.npy must hold int64"):
        Origins(damaged)
