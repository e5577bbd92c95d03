"""The store that Apache Beam makes is the local one, byte for byte."""

import gzip
from pathlib import Path

import pytest
from test_preparation_prepare import files_of, make_documents, text_of

import data_pipeline.documents.text as text_module
import data_pipeline.preparation.prepare as preparation
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import prepare
from data_pipeline.preparation.work import WorkOnUnit
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import train_wordpiece

pytestmark = pytest.mark.filterwarnings("ignore")  # Beam's own, about what it uses
DIRECT = ("--runner=DirectRunner",)


@pytest.fixture
def tokenizer() -> Tokenizer:
    texts = [paragraph for document in make_documents(50) for paragraph in document]
    return train_wordpiece(texts, size=100)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of several units each, blank lines between documents, and one that is empty."""
    for module in (text_module, preparation):
        monkeypatch.setattr(module, "UNIT_BYTES", 3000)
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_bytes(text_of(make_documents(60)))
    (folder / "b.txt.gz").write_bytes(gzip.compress(text_of(make_documents(60, seed=1))))
    (folder / "c.txt").write_bytes(b"")
    return folder


def make(
    corpus: Path, tokenizer: Tokenizer, output: Path, beam: tuple[str, ...] | None
) -> TokenStore:
    return prepare([corpus], tokenizer, output, eval_share=0.1, workers=1, beam_options=beam)


def test_the_store_of_beam_is_the_local_one_byte_for_byte(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    local = make(corpus, tokenizer, tmp_path / "local", None)
    beam = make(corpus, tokenizer, tmp_path / "beam", DIRECT)
    assert files_of(beam) == files_of(local)


def test_beam_goes_on_with_what_was_begun_on_one_machine(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make(corpus, tokenizer, tmp_path / "whole", None)
    original, done = WorkOnUnit.__call__, []

    def some(self, pending):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(pending.path)
        original(self, pending)

    with monkeypatch.context() as patch:
        patch.setattr(WorkOnUnit, "__call__", some)
        with pytest.raises(KeyboardInterrupt):
            make(corpus, tokenizer, tmp_path / "store", None)
    written = {path: path.stat().st_mtime_ns for path in done}
    with monkeypatch.context() as patch:
        patch.setattr(preparation, "remove_work", lambda output: None)
        store = make(corpus, tokenizer, tmp_path / "store", DIRECT)
    assert {path: path.stat().st_mtime_ns for path in done} == written
    assert files_of(store) == files_of(whole)


def test_a_users_mistake_is_one_line_also_from_within_beam(
    corpus: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="Beam has no option --runer"):
        make(corpus, tokenizer, tmp_path / "store", ("--runer=DirectRunner",))
    path = corpus / "b.txt.gz"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"b\.txt\.gz: damaged gzip") as caught:
        make(corpus, tokenizer, tmp_path / "store", DIRECT)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "store").exists()
