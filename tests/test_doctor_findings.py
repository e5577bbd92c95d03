"""What a store as a whole warns of, and that a healthy one warns of nothing."""

import pytest
from corpora import Text, found_in, healthy, make_store, tokenizer_of, write

from data_pipeline.doctor.examine import examine
from data_pipeline.doctor.findings import document_findings, findings
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.files import SPECIALS, Rules
from data_pipeline.tokenization.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """That of the healthy text."""
    return tokenizer_of(write(tmp_path_factory.mktemp("tokenizer") / "text.txt", healthy()))


def test_a_healthy_text_sets_off_nothing(tmp_path, tokenizer) -> None:
    assert found_in(make_store(tmp_path, healthy(), tokenizer)) == {}


def test_a_healthy_text_with_a_cased_tokeniser_sets_off_nothing(tmp_path) -> None:
    store = make_store(tmp_path, healthy(), lambda path: tokenizer_of(path, 900, cased=True))
    assert found_in(store) == {}


def test_rows_of_one_sentence_have_no_next_one_either(tmp_path, tokenizer) -> None:
    store = make_store(tmp_path, healthy(), tokenizer)
    objective = PretrainingObjective(short_seq_prob=0.0, max_length=20, max_predictions=3)
    names = {finding.name for finding in findings(examine(store, objective).numbers)}
    assert "label_balance" in names


def test_short_documents_are_mostly_padding(tmp_path, tokenizer) -> None:
    documents = Text().documents(3000, sentences=(2, 3), words=(5, 8))
    found = found_in(make_store(tmp_path, documents, tokenizer))
    assert "of the slots of a row of 128 hold a token" in found["mostly_padding"].seen


def test_few_documents_have_few_partners(tmp_path, tokenizer) -> None:
    documents = Text().documents(20, sentences=(180, 200))
    found = found_in(make_store(tmp_path, documents, tokenizer))
    assert set(found) == {"few_documents"}
    assert found["few_documents"].seen == "train holds 20 documents"
    assert "a blank line" in found["few_documents"].remedy


def test_a_split_of_one_document_has_no_pairs(tmp_path, tokenizer) -> None:
    store = make_store(tmp_path, healthy(), tokenizer, held_out=healthy(1))
    found = found_in(store)
    assert (found["one_document"].split, set(found)) == ("eval", {"one_document"})
    (tmp_path / "alone").mkdir()
    alone = make_store(tmp_path / "alone", healthy(1), tokenizer)
    assert found_in(alone)["one_document"].split == "train"


def test_counts_alone_tell_of_few_documents() -> None:
    few = list(document_findings({"train": 99, "eval": 9}))
    assert [(f.name, f.split) for f in few] == [
        ("few_documents", "train"),
        ("few_documents", "eval"),
    ]
    assert list(document_findings({"train": 100, "eval": 10})) == []
    assert str(next(document_findings({"train": 1}))).startswith("train holds 1 document: next")


def test_too_little_text_for_the_steps_is_many_epochs(tmp_path, tokenizer) -> None:
    store = make_store(tmp_path, healthy(), tokenizer)
    assert found_in(store, steps=1000, batch_size=32) == {}
    found = found_in(store, steps=10_000, batch_size=256)
    assert set(found) == {"few_examples"}
    examples = examine(store).numbers.batches.examples_per_epoch
    assert f"are {-(-2_560_000 // examples):,} epochs" in found["few_examples"].seen


def test_tokens_that_no_text_gives_are_damage(tmp_path, tokenizer) -> None:
    store = make_store(tmp_path, healthy(), tokenizer)
    file = store.path / "train" / "tokens.npy"
    data = bytearray(file.read_bytes())
    data[-2:] = b"\xff\xff"
    data[-4:-2] = tokenizer.mask_id.to_bytes(2, "little")
    file.write_bytes(data)
    found = found_in(TokenStore.open(store.path))
    assert found["damaged_tokens"].seen.startswith("train holds 2 tokens that no text gives")
    assert "--verify" in found["damaged_tokens"].remedy


def test_the_gravest_comes_first(tmp_path) -> None:
    letters = Tokenizer([*SPECIALS, *"abcdefgh"], Rules(cased=False))
    store = make_store(tmp_path, healthy(20), letters)
    names = [finding.name for finding in findings(examine(store).numbers)]
    assert names[:2] == ["few_documents", "unknown_tokens"]
