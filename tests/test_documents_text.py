import gzip
from pathlib import Path

import pytest
from documents import facts_of, odd, open_one, places, read, units
from hypothesis import given
from hypothesis import strategies as st

import data_pipeline.documents.text as text_module
from data_pipeline.documents import PlainSource
from data_pipeline.documents.text import TextStream, documents_of
from data_pipeline.errors import DataError

TWO_DOCUMENTS = b"One. Two. Three.\nFour.\n\nFive is here. Six too.\n"


def shrink(monkeypatch: pytest.MonkeyPatch, unit: int, longest: int = 1 << 20) -> None:
    """Small files have several units then."""
    monkeypatch.setattr(text_module, "UNIT_BYTES", unit)
    monkeypatch.setattr(text_module, "LONGEST_DOCUMENT_BYTES", longest)


def write(path: Path, content: bytes = TWO_DOCUMENTS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "no_suffix"])
def test_a_blank_line_ends_a_document(tmp_path: Path, name: str) -> None:
    source = open_one(write(tmp_path / name))
    assert read(source) == [["One. Two. Three.", "Four."], ["Five is here. Six too."]]


def test_lines_of_white_space_are_blank_and_runs_of_it_are_one_space() -> None:
    text = "\n \t\nOne \t two\n\u00a0\u2003\n three\u2028four \n\n\n"
    assert list(documents_of(text)) == [(2, ["One two"]), (4, ["three four"])]


@pytest.mark.parametrize("lines", ["sentence", "document"])
def test_the_place_of_a_document_is_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    shrink(monkeypatch, unit=60)
    rows = [f"{number}" * (number % 4 > 0) for number in range(1, 200)]
    rows[40:100] = [" "] * 60  # more than a unit of nothing
    found = places(open_one(write(tmp_path / "a.txt", "\r\n".join(rows).encode()), lines))
    assert len(found) > 20
    for place, first in found:
        assert place.kind == "line"
        assert rows[place.number - 1] == first


def test_a_file_is_never_in_memory_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, unit=1000)
    source = open_one(
        write(tmp_path / "a.txt", b"A sentence.\nMore of it.\n\n" * 1000), "paragraph"
    )
    sizes = [len(unit.content) for unit in units(source)]
    assert len(sizes) > 20
    assert max(sizes) < 2000


def test_a_text_without_blank_lines_is_cut_at_line_ends_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, unit=100, longest=300)
    source = open_one(write(tmp_path / "a.txt", b"A line of text.\n" * 100), "sentence")
    documents = read(source)
    assert len(documents) > 4
    assert {line for document in documents for line in document} == {"A line of text."}
    assert facts_of(source)["cut_documents"] == len(documents) - 1


def test_a_single_endless_line_is_cut_between_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, unit=100, longest=300)
    documents = read(open_one(write(tmp_path / "a.txt", "wörd ".encode() * 500), "sentence"))
    assert {word for (line,) in documents for word in line.split()} == {"wörd"}


def test_a_single_endless_word_is_cut_between_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, unit=100, longest=100)
    documents = read(open_one(write(tmp_path / "a.txt", "中".encode() * 500), "sentence"))
    assert "".join(line for (line,) in documents) == "中" * 500


@pytest.mark.parametrize("name", ["empty.txt", "blank.txt", "blank.txt.gz"])
def test_a_source_without_text_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"" if "empty" in name else b"\n \n\t\n")
    with pytest.raises(DataError, match=f"{name}: there is no text"):
        units(open_one(path, "sentence"))


def test_some_bad_bytes_and_nul_bytes_are_no_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"caf\xe9 is a word here. \0 So it is, and so on.\n")
    assert read(open_one(path)) == [["caf\ufffd is a word here. \0 So it is, and so on."]]


@given(st.lists(st.lists(st.text("ab é", min_size=1).filter(str.strip), min_size=1), min_size=1))
def test_units_of_any_size_hold_the_same_documents(documents: list[list[str]]) -> None:
    text = "\n\n".join("\n".join(document) for document in documents).encode()
    for size in (1, 7, 64):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(text_module, "UNIT_BYTES", size)
            blocks = [text[i : i + 5] for i in range(0, len(text), 5)]
            patch.setattr(text_module, "text_blocks", lambda *_, b=blocks: iter(b))
            found, lines = (
                read(PlainSource("given", (TextStream(Path("given"), kind),), {}))
                for kind in ("paragraph", "document")
            )
        assert found == [[" ".join(line.split()) for line in d] for d in documents]
        assert lines == [[line] for document in found for line in document]


def test_a_document_a_line_is_split_into_sentences_and_never_cut_between_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, unit=50, longest=200)
    source = open_one(write(tmp_path / "a.txt", b"A line. Of text.\n" * 50), "document")
    found = units(source)
    assert len(found) > 10
    assert {unit.lines for unit in found} == {"paragraph"}
    assert read(source) == [["A line. Of text."]] * 50
    assert "cut_documents" not in facts_of(source)
    assert source.describe()["lines"] == "document"


def test_a_file_that_ends_without_a_line_end_loses_nothing(tmp_path: Path) -> None:
    source = open_one(write(tmp_path / "a.txt", b"One. Two.\nThree."), "document")
    assert read(source) == [["One. Two."], ["Three."]]


def test_each_file_ends_its_last_document(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", b"One. Two.")
    write(tmp_path / "b.txt", b"Three. Four.")
    assert read(open_one(tmp_path)) == [["One. Two."], ["Three. Four."]]


def test_an_empty_file_among_others_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", b"")
    write(tmp_path / "b.txt")
    source = open_one(tmp_path)
    assert len(read(source)) == 2
    assert facts_of(source)["empty_files"] == 1
    assert source.describe()["files"] == 2


def test_bytes_that_are_no_utf8_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"caf\xe9 is a word here, and so on.\n\nAnd \xff here is.\n")
    assert odd(open_one(path)) == {"replaced_characters": 2}
