from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from documents import advanced, facts_of, odd, open_one, places, read, units

import data_pipeline.documents.parquet as parquet
import data_pipeline.documents.records as records
from data_pipeline.errors import DataError

TEXTS = ["He came. He saw.\n\nHe went home. It rained.", "A second document. So it is."]


def write(path: Path, texts: object, name: str = "text", **options: object) -> Path:
    column = texts if isinstance(texts, pa.Array) else pa.array(texts)
    table = pa.table({"id": list(range(len(column))), name: column})
    pq.write_table(table, path, **options)
    return path


def error_of(path: Path, **given: str) -> str:
    with pytest.raises(DataError) as caught:
        read(open_one(path, "paragraph", **given))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_row_is_a_document_and_a_blank_line_in_its_text_does_not_end_it(tmp_path: Path) -> None:
    source = open_one(write(tmp_path / "a.parquet", TEXTS))
    assert read(source) == [
        ["He came. He saw.", "He went home. It rained."],
        ["A second document. So it is."],
    ]
    facts = facts_of(source)
    assert (facts["kind"], facts["files"], facts["records"]) == ("parquet", 1, 2)
    assert facts["bytes"] == sum(map(len, TEXTS))
    assert facts["lines"] == "paragraph"


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
)
def test_every_type_of_string_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    column = pa.array(["One. Two.", None, "Three."]).cast(kind)
    path = write(tmp_path / "a.parquet", column)
    assert read(open_one(path)) == [["One. Two."], ["Three."]]
    assert odd(open_one(path))["empty_documents"] == 1


def test_the_place_of_a_document_is_its_row_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "UNIT_BYTES", 100)
    monkeypatch.setattr(records, "UNIT_BYTES", 100)
    rows = [f"Record {n}." if n % 4 and not 20 < n < 60 else None for n in range(1, 90)]
    found = places(open_one(write(tmp_path / "a.parquet", rows)))
    assert len(found) == sum(row is not None for row in rows)
    assert all(rows[place.number - 1] == first for place, first in found)
    assert {place.kind for place, _ in found} == {"record"}


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_pages_may_be_compressed(tmp_path: Path, compression: str) -> None:
    path = write(tmp_path / "a.parquet", TEXTS, compression=compression)
    assert len(read(open_one(path))) == 2


def test_units_are_of_a_size_however_rows_are_grouped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (parquet, records):
        monkeypatch.setattr(module, "UNIT_BYTES", 1000)
    texts = [f"Number {i}. " + "It is text. " * (i % 7) for i in range(500)]
    found = []
    for i, rows in enumerate((1, 10, 1000)):
        path = write(tmp_path / f"{i}.parquet", texts, row_group_size=rows)
        source = open_one(path)
        found_units = units(source)
        sizes = [
            sum(len(t) for d in unit.parse(unit.content).documents for t in d)
            for unit in found_units
        ]
        assert len(found_units) > 10
        assert max(sizes) < 2500
        found.append(read(source))
    assert found == [[[text.strip()] for text in texts]] * 3


def test_a_text_longer_than_a_unit_is_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (parquet, records):
        monkeypatch.setattr(module, "UNIT_BYTES", 100)
    path = write(tmp_path / "a.parquet", ["Short.", "word " * 1000, "Short."])
    assert [len(document[0].split()) for document in read(open_one(path))] == [1, 1000, 1]


def test_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"Plain text. " * 100)
    assert error_of(path).startswith(f"{path}: cannot be read as a Parquet file: ")
    whole = write(path, TEXTS * 1000).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert error_of(path).startswith(f"{path}: cannot be read as a Parquet file: ")


def test_a_damaged_page_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", TEXTS * 1000, compression="zstd", use_dictionary=False)
    damaged = bytearray(path.read_bytes())
    metadata = pq.read_metadata(path).row_group(0).column(1)
    start = metadata.data_page_offset
    damaged[start : start + metadata.total_compressed_size] = (
        b"\xff" * metadata.total_compressed_size
    )
    path.write_bytes(bytes(damaged))
    assert error_of(path).startswith(f"{path}: cannot be read as a Parquet file: ")


def test_a_column_that_is_not_there_or_holds_no_strings_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", TEXTS, "body")
    assert "has no column 'text', but 'id', 'body'; name the column" in error_of(path)
    assert "column 'id' must hold strings; it holds int64" in error_of(path, text_key="id")
    assert len(read(open_one(path, text_key="body"))) == 2


def test_rows_without_text_alone_are_an_error_and_empty_files_are_passed_by(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", pa.array([None, ""], pa.string()))
    assert "there is no text in it" in error_of(tmp_path)
    (tmp_path / "b.parquet").touch()
    write(tmp_path / "c.parquet", TEXTS)
    assert len(read(open_one(tmp_path))) == 2


def test_text_that_is_no_utf8_is_replaced_and_counted(tmp_path: Path) -> None:
    bad = pa.array([b"caf\xe9 here"], pa.binary())
    text = pa.StringArray.from_buffers(1, *bad.buffers()[1:])
    path = write(tmp_path / "a.parquet", text)
    assert read(open_one(path)) == [["caf\ufffd here"]]
    assert odd(open_one(path))["replaced_characters"] == 1


def test_progress_counts_the_bytes_on_disk(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"{i}.parquet", TEXTS * 1000, row_group_size=300)
    source = open_one(tmp_path)
    assert advanced(source) > 0
