import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.store.token_store import Split, TokenStore, sha256_of
from data_pipeline.store.writer import EncodedPart, new_store
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer

TOKENIZER = Tokenizer([*SPECIALS, *"abcdefgh"], Rules(cased=False))
Documents = list[list[list[int]]]


def part_of(documents: Documents) -> EncodedPart:
    sentences = [sentence for document in documents for sentence in document]
    return EncodedPart(
        np.array([token for sentence in sentences for token in sentence], np.uint16),
        np.array([len(sentence) for sentence in sentences], np.int64),
        np.array([len(document) for document in documents], np.int64),
        {"words": len(sentences), "bytes": 2 * len(sentences)},
    )


def make(
    path: Path, train: list[Documents], held_out: Documents, facts: dict | None = None
) -> TokenStore:
    with new_store(path, TOKENIZER) as writer:
        for documents in train:
            writer.splits["train"].append(part_of(documents))
        writer.splits["eval"].append(part_of(held_out))
        return writer.finish(facts or {"sources": []})


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return make(tmp_path / "store", [[[[5, 6], [7]]], [[[8]]]], [[[9, 10, 11]]])


def documents_of(split: Split) -> Documents:
    sentences = [s.tolist() for s in np.split(split.tokens, split.sentence_offsets[1:-1])]
    bounds = zip(split.document_offsets, split.document_offsets[1:], strict=False)
    return [sentences[start:end] for start, end in bounds]


tokens = st.lists(st.integers(0, TOKENIZER.vocab_size - 1), min_size=1, max_size=5)
documents = st.lists(st.lists(tokens, min_size=1, max_size=4), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(train=st.lists(documents, min_size=1, max_size=3), held_out=documents)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, train: list[Documents], held_out: Documents
) -> None:
    path = tmp_path_factory.mktemp("store")
    store = make(path, train, held_out)
    assert documents_of(store.train) == [document for part in train for document in part]
    assert documents_of(store.eval) == held_out
    store.verify()
    shutil.rmtree(path)


def test_the_manifest_counts_what_is_there(store: TokenStore) -> None:
    train = store.manifest["splits"]["train"]
    assert train["documents"] == store.train.num_documents == 2
    assert train["sentences"] == store.train.num_sentences == 3
    assert train["tokens"] == store.train.num_tokens == 4
    assert (train["words"], train["bytes"]) == (3, 6)
    assert store.manifest["tokenizer"]["fingerprint"] == store.tokenizer().fingerprint
    for name, entry in store.manifest["files"].items():
        assert entry == {
            "bytes": (store.path / name).stat().st_size,
            "sha256": sha256_of(store.path / name),
        }
    on_disk = {p.relative_to(store.path).as_posix() for p in store.path.rglob("*") if p.is_file()}
    assert on_disk == {*store.manifest["files"], "manifest.json"}


def test_arrays_stay_on_disk_in_the_narrowest_type_and_cannot_be_written(store: TokenStore) -> None:
    assert store.train.tokens.dtype == np.uint16
    assert store.train.sentence_offsets.dtype == store.train.document_offsets.dtype == np.int64
    assert isinstance(store.train.tokens.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store.train.tokens[0] = 1


def test_fingerprints_follow_the_contents_and_not_the_place(
    tmp_path: Path, store: TokenStore
) -> None:
    same = make(tmp_path / "same", [[[[5, 6], [7]]], [[[8]]]], [[[9, 10, 11]]], {"sources": [1]})
    assert same.fingerprint == store.fingerprint
    assert same.train.fingerprint == store.train.fingerprint != same.eval.fingerprint
    moved = make(tmp_path / "moved", [[[[5], [6, 7]]], [[[8]]]], [[[9, 10, 11]]])
    assert moved.train.fingerprint != store.train.fingerprint
    assert moved.eval.fingerprint == store.eval.fingerprint
    assert moved.fingerprint != store.fingerprint


def test_what_is_there_is_never_overwritten(tmp_path: Path, store: TokenStore) -> None:
    with pytest.raises(DataError, match="a token store is there already"):
        make(store.path, [[[[5]]]], [[[6]]])
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not an empty folder"):
        make(other, [[[[5]]]], [[[6]]])
    with pytest.raises(
        DataError, match=r"notes\.txt: is a file, and a token store is a folder; name"
    ):
        make(other / "notes.txt", [[[[5]]]], [[[6]]])
    assert (other / "notes.txt").read_text() == "mine"


def test_the_name_appears_only_when_the_store_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with pytest.raises(RuntimeError, match="in between"), new_store(path, TOKENIZER) as writer:
        writer.splits["train"].append(part_of([[[5]]]))
        assert not path.exists()
        raise RuntimeError("in between")
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_write_at_once_the_second_fails_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with (
        pytest.raises(DataError, match="meanwhile"),
        new_store(path, TOKENIZER) as first,
        new_store(path, TOKENIZER) as second,
    ):
        for writer in (first, second):
            for split in writer.splits.values():
                split.append(part_of([[[5]]]))
        first.finish({"sources": []})
        second.finish({"sources": []})
    assert [p.name for p in tmp_path.iterdir()] == ["store"]
    TokenStore.open(path).verify()


def test_opening_what_is_no_store_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "begun.partial").mkdir()
    for name in ("begun", "begun.partial"):
        with pytest.raises(
            DataError, match=r"/begun\.partial: a token store that is not finished; "
        ):
            TokenStore.open(tmp_path / name)
    with pytest.raises(DataError, match="absent: no such token store"):
        TokenStore.open(tmp_path / "absent")
    with pytest.raises(DataError, match="is not a token store"):
        TokenStore.open(tmp_path)
    (tmp_path / "wiki.txt").write_text("Text.")
    with pytest.raises(DataError, match=r"wiki\.txt: is a file; a token store is a folder"):
        TokenStore.open(tmp_path / "wiki.txt")
    for text, message in (("{}", "of another kind"), ("[]", "of another kind"), ("{", "not JSON")):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(DataError, match=message):
            TokenStore.open(tmp_path)


def change_manifest(store: TokenStore, **changes: object) -> None:
    text = json.dumps({**store.manifest, **changes})
    (store.path / "manifest.json").write_text(text)


def test_another_format_version_is_an_error_that_says_both(store: TokenStore) -> None:
    change_manifest(store, format_version=99)
    with pytest.raises(DataError, match=r"version 99.*version 1"):
        TokenStore.open(store.path)


def test_a_missing_or_shortened_file_is_noticed_when_the_store_is_opened(store: TokenStore) -> None:
    file = store.path / "train" / "tokens.npy"
    content = file.read_bytes()
    file.write_bytes(content[:-2])
    with pytest.raises(DataError, match=r"train/tokens\.npy has"):
        TokenStore.open(store.path)
    file.unlink()
    with pytest.raises(DataError, match=r"train/tokens\.npy is missing"):
        TokenStore.open(store.path)


def test_a_manifest_of_other_counts_is_noticed(store: TokenStore) -> None:
    splits = store.manifest["splits"]
    splits["eval"]["sentences"] = 7
    change_manifest(store, splits=splits)
    with pytest.raises(DataError, match=r"eval holds 1 sentences.*says 7"):
        TokenStore.open(store.path)


NEEDED = [
    *("fingerprint", "dtype", "sources", "files", "tokenizer", "splits"),
    *("tokenizer fingerprint", "tokenizer vocab_size", "tokenizer cased"),
    *("splits train", "splits eval", "splits eval fingerprint", "splits train tokens"),
    *("files train/tokens.npy", "files eval/document_offsets.npy bytes"),
    *("files tokenizer/vocab.txt sha256",),
]


@pytest.mark.parametrize("wrong", [None, 3, {"rules": []}, {"rules": {}, "dropped": {"short": 1}}])
def test_what_a_manifest_says_of_cleaning_is_of_its_form(store: TokenStore, wrong: object) -> None:
    text = json.dumps({**store.manifest, "cleaning": wrong})
    (store.path / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"damaged token store: manifest\.json.* cleaning"):
        TokenStore.open(store.path)


def test_a_manifest_that_lacks_something_is_an_error_that_names_it(store: TokenStore) -> None:
    for keys in NEEDED:
        *path, last = keys.split()
        for damage in ("missing", None, {}):
            manifest = copy.deepcopy(store.manifest)
            inner = manifest
            for key in path:
                inner = inner[key]
            if damage == "missing":
                del inner[last]
            else:
                inner[last] = damage
            (store.path / "manifest.json").write_text(json.dumps(manifest))
            with pytest.raises(DataError) as caught:
                TokenStore.open(store.path)
            message = str(caught.value)
            assert message.startswith(f"{store.path}: damaged token store: manifest.json")
            assert " > ".join(keys.split()) in message
            assert message.endswith("prepare it again")


def test_a_type_of_ids_that_cannot_be_is_an_error(store: TokenStore) -> None:
    change_manifest(store, dtype="nonsense")
    with pytest.raises(DataError, match="dtype must be uint16 or uint32"):
        TokenStore.open(store.path)


def overwrite(file: Path, content: bytes) -> None:
    """Another content of the same length, as far as it fills it."""
    old = file.read_bytes()
    file.write_bytes((content + old[len(content) :])[: len(old)])


@pytest.mark.parametrize("name", ["train/tokens.npy", "eval/sentence_offsets.npy"])
@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 128,
        b"PK\x03\x04",
        b"\x80\x04",
        b"\x93NUMPY\x09\x09",
        b"\x93NUMPY\x01\0\x76\0" + b"(" * 100,
        b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '<f9', 'fortran_order': False, 'shape': (1,)}",
        b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        b"\x93NUMPY\x01\0\x76\0" + b"{'descr': '<u2', 'fortran_order': False, 'shape': (9**9,)}",
    ],
)
def test_a_damaged_header_is_an_error_that_names_the_file(
    store: TokenStore, name: str, content: bytes
) -> None:
    overwrite(store.path / name, content)
    with pytest.raises(DataError, match=f"damaged token store: {name} is no array.*prepare it"):
        TokenStore.open(store.path)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros(4, np.int16), r"int16 \[4\]"),
        (np.zeros((2, 2), np.uint16), r"uint16 \[2, 2\]"),
        (np.zeros(4, np.dtype(">u2")), r">u2 \[4\]"),
    ],
)
def test_an_array_of_another_kind_is_an_error_that_says_both(
    store: TokenStore, array: np.ndarray, found: str
) -> None:
    file = store.path / "train" / "tokens.npy"
    np.save(file, array)
    with pytest.raises(DataError, match=f"must hold uint16 of one dimension; it holds {found}"):
        TokenStore.open(store.path)


def test_offsets_that_do_not_fit_are_an_error_that_names_the_store(store: TokenStore) -> None:
    file = store.path / "train" / "sentence_offsets.npy"
    np.save(file, np.array([0, 2, 3, 9]))
    with pytest.raises(DataError, match=r"store: damaged.*train/: sentence_offsets must"):
        TokenStore.open(store.path)


def test_a_changed_token_is_found_by_the_checksums(store: TokenStore) -> None:
    file = store.path / "train" / "tokens.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"train/tokens\.npy has changed"):
        TokenStore.open(store.path).verify()


def test_another_tokenizer_in_the_store_is_an_error(store: TokenStore) -> None:
    shutil.rmtree(store.path / "tokenizer")
    Tokenizer(TOKENIZER.vocab, Rules(cased=True)).save(store.path / "tokenizer")
    with pytest.raises(DataError, match="not the tokeniser that made"):
        store.tokenizer()


@pytest.mark.parametrize(
    ("sentences", "documents_", "name"),
    [
        ([0, 2], [0, 1], "sentence_offsets"),
        ([1, 3], [0, 1], "sentence_offsets"),
        ([], [0], "sentence_offsets"),
        ([0, 3], [0, 2], "document_offsets"),
    ],
)
def test_offsets_that_do_not_fit_are_an_error(
    sentences: list[int], documents_: list[int], name: str
) -> None:
    with pytest.raises(DataError, match=name):
        Split(np.zeros(3, np.uint16), np.array(sentences, np.int64), np.array(documents_, np.int64))
