"""Signatures: functions of one document, with numbers that stay."""

import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.cleaning.signatures import (
    BEGINNING_BYTES,
    join_signatures,
    shingle_hashes,
    signature_dtype,
    signatures,
)
from data_pipeline.errors import DataError

EXACT = CleaningRules(exact_duplicates=True)
NEAR = CleaningRules(exact_duplicates=True, near_duplicates=0.8)
DOCUMENTS = st.lists(st.lists(st.text(max_size=30), max_size=3), max_size=6)


def test_the_numbers_of_a_known_text_stay() -> None:
    """Another version of a library, of Python or of numpy would drop other documents."""
    record = signatures([["The quick brown fox jumps over the lazy dog.", "“Ça va?”"]], NEAR)[0]
    assert record["exact"].tolist() == [17411927715427439689, 13644500758130455024]
    assert record["minhash"][:4].tolist() == [34206, 5115, 30766, 4267]
    assert zlib.crc32(record["minhash"].tobytes()) == 2405231882
    assert (record["words"], record["beginning"].decode()) == (
        11,
        "The quick brown fox jumps over the lazy dog. “Ça va?”",
    )


def test_a_document_takes_100_bytes_and_256_for_near_duplicates() -> None:
    assert signature_dtype(EXACT).itemsize == 100
    assert signature_dtype(NEAR).itemsize == 356


@settings(deadline=None)
@given(DOCUMENTS, st.integers(0, 6))
def test_the_signatures_of_units_are_those_of_the_whole(
    documents: list[list[str]], cut: int
) -> None:
    whole = signatures(documents, NEAR)
    parts = [signatures(documents[:cut], NEAR), signatures(documents[cut:], NEAR)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


@settings(deadline=None)
@given(st.text(max_size=300))
def test_the_beginning_is_valid_text_of_the_document(text: str) -> None:
    beginning = bytes(signatures([[text]], EXACT)["beginning"][0])
    assert len(beginning) <= BEGINNING_BYTES
    shown = beginning.decode("utf-8", "ignore").rstrip("\0")
    assert " ".join(text.split()).startswith(shown)


def test_shingles_are_words_in_a_row() -> None:
    five = shingle_hashes(b"a b c d e", 3)
    assert len(five) == 3
    assert len(set(five.tolist())) == 3
    assert shingle_hashes(b"x b c d y", 3)[1] == five[1]
    assert shingle_hashes(b"b a", 2) != shingle_hashes(b"a b", 2)


def test_a_text_shorter_than_a_shingle_is_one_shingle() -> None:
    assert len(shingle_hashes(b"a b", 5)) == len(shingle_hashes(b"", 5)) == 1
    assert shingle_hashes(b"a b", 5) == shingle_hashes(b"a b", 2)


@pytest.mark.parametrize("text", ["", "one", "x" * 1_000_000, "é" * 1_000_000, "a " * 100_000])
def test_odd_documents_have_signatures_too(text: str) -> None:
    (record,) = signatures([[text]], NEAR)
    assert record["words"] == len(text.split())


def test_a_long_document_is_hashed_in_pieces_like_a_short_one() -> None:
    """The set of shingles counts: saying all of it again changes nothing."""
    words = [f"w{number}" for number in range(3_000)]
    rules = CleaningRules(near_duplicates=0.8, shingle_words=1)
    once, twice = signatures([[" ".join(words)], [" ".join(words + words)]], rules)
    assert once["minhash"].tobytes() == twice["minhash"].tobytes()


@settings(max_examples=10, deadline=None)
@given(DOCUMENTS)
def test_joined_files_are_the_signatures_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("joined")
    files = []
    for number, part in enumerate((documents[:2], [], documents[2:])):
        files.append(folder / f"{number}.npy")
        np.save(files[-1], signatures(part, NEAR))
    joined = join_signatures(files, folder / "all.npy", NEAR)
    assert joined.tobytes() == signatures(documents, NEAR).tobytes()
    assert np.load(folder / "all.npy").tobytes() == joined.tobytes()


def test_files_of_other_rules_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "unit.npy"
    np.save(file, signatures([["one"]], EXACT))
    with pytest.raises(DataError, match=re.escape(f"{file}: holds signatures of other")):
        join_signatures([file], tmp_path / "all.npy", NEAR)
    assert [path.name for path in tmp_path.iterdir()] == ["unit.npy"]
