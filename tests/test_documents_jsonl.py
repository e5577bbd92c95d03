import gzip
import json
import pickle
from pathlib import Path

import pytest
from documents import advanced, facts_of, odd, open_one, read, units
from hypothesis import given
from hypothesis import strategies as st

import data_pipeline.documents.jsonl as jsonl
from data_pipeline.documents.jsonl import parse_json_lines
from data_pipeline.errors import DataError

TEXTS = ["He came. He saw.\n\nHe went home. It rained.", "A second document. So it is."]


def write(path: Path, *lines: str | bytes) -> Path:
    rows = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(b"\n".join(rows) + b"\n")
    return path


def objects(*texts: object) -> list[str]:
    return [json.dumps({"id": i, "text": text}) for i, text in enumerate(texts)]


def error_of(path: Path, **given: str) -> str:
    with pytest.raises(DataError) as caught:
        read(open_one(path, "paragraph", **given))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_object_is_a_document_and_a_blank_line_in_its_text_does_not_end_it(
    tmp_path: Path,
) -> None:
    source = open_one(write(tmp_path / "a.jsonl", *objects(*TEXTS)))
    assert read(source) == [
        ["He came. He saw.", "He went home. It rained."],
        ["A second document. So it is."],
    ]
    assert source.describe()["lines"] == "paragraph"
    assert "3 of the first 3 lines" in source.describe()["lines_detected"]


def test_texts_of_a_sentence_a_line_are_found_to_be_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *objects("He came.\nHe saw.\nHe won."))
    assert open_one(path).describe()["lines"] == "sentence"
    assert open_one(path, "paragraph").describe()["lines"] == "paragraph"
    assert open_one(path, "document").describe()["lines"] == "paragraph", "a record is one already"


def test_the_key_of_the_text_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": 1, "body": "One. Two."}')
    source = open_one(path, text_key="body")
    assert read(source) == [["One. Two."]]
    assert source.describe()["text_key"] == "body"


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1),
    st.integers(1, 200),
    st.booleans(),
)
def test_units_of_any_size_hold_the_same_documents(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int, ascii_only: bool
) -> None:
    path = tmp_path_factory.mktemp("units") / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=ascii_only) + "\n" for text in texts),
        encoding="utf-8",
        newline="",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "UNIT_BYTES", size)
        found = read(open_one(path, "paragraph"))
    lines = [[" ".join(row.split()) for row in text.split("\n") if row.split()] for text in texts]
    assert found == [document for document in lines if document]


def test_a_unit_travels_to_another_process(tmp_path: Path) -> None:
    (unit,) = units(open_one(write(tmp_path / "a.jsonl", *objects(*TEXTS))))
    sent = pickle.loads(pickle.dumps(unit))
    assert sent.parse(sent.content).documents == unit.parse(unit.content).documents


def test_a_line_that_is_no_json_is_an_error_with_its_number_in_whichever_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "UNIT_BYTES", 64)
    lines = [*objects(*["Some text."] * 50), "", '{"text": "not closed']
    path = write(tmp_path / "a.jsonl", *lines)
    assert len(units(open_one(path, "paragraph"))) > 10
    message = error_of(path)
    assert f"{path}, line 52: is no JSON: " in message
    assert message.endswith('{"text": "not closed')


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"body": "x", "id": 1}', "has no 'text', but 'body', 'id'; name the key"),
        ("{}", "has no 'text', but nothing"),
        ('{"text": 7}', "'text' must be a string; got 7; name the key"),
        ('{"text": ["a", "b"]}', '\'text\' must be a string; got ["a", "b"]'),
        ('"only a string"', 'a JSON object is needed; got "only a string"'),
        ("{'text': 'x'}", "is no JSON"),
        ("[", "is no JSON: Expecting value: [; one object a line is needed"),
        ("[" * 100_000, "is no JSON"),
        ('{"text": ' + "9" * 5000 + "}", "is no JSON"),
    ],
)
def test_what_is_no_object_with_a_string_is_an_error(
    tmp_path: Path, line: str, message: str
) -> None:
    path = write(tmp_path / "a.jsonl", *objects("Fine."), line)
    assert f"{path}, line 2: {message}" in error_of(path)


def test_null_and_blank_texts_are_no_documents_and_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *objects("One. Two.", None, " \n\t", ""))
    assert read(open_one(path)) == [["One. Two."]]
    assert odd(open_one(path))["empty_documents"] == 3


def test_what_is_no_utf8_is_replaced_and_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        b'{"text": "caf\xe9 here"}',
        rb'{"text": "half \ud83d a pair, \ud83d\ude00 a whole one"}',
        rb'{"text": "nul \u0000 is kept"}',
    )
    assert read(open_one(path)) == [
        ["caf\ufffd here"],
        ["half \ufffd a pair, \U0001f600 a whole one"],
        ["nul \0 is kept"],
    ]
    assert odd(open_one(path))["replaced_characters"] == 2


def test_a_line_longer_than_a_unit_is_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "UNIT_BYTES", 100)
    monkeypatch.setattr(jsonl, "LONGEST_LINE_BYTES", 10_000)
    path = write(tmp_path / "a.jsonl", *objects("Short.", "word " * 1000, "Short."))
    assert [len(document[0].split()) for document in read(open_one(path))] == [1, 1000, 1]
    monkeypatch.setattr(jsonl, "LONGEST_LINE_BYTES", 1000)
    assert f"{path}, line 2: is longer than" in error_of(path)


@given(
    st.lists(
        st.one_of(
            st.fixed_dictionaries({"tëxt": st.text(max_size=9)}).map(json.dumps).map(str.encode),
            st.dictionaries(
                st.sampled_from(["tëxt", "other"]),
                st.text('aé\x80\U0001f600\u20ac\n"\\', max_size=9),
            ).map(lambda value: json.dumps(value, ensure_ascii=False).encode()),
            st.sampled_from(
                [
                    b'{"t\xc3\xabxt": "caf\xe9"}',
                    b'{"t\xc3\xabxt": 3}',
                    b'["t\xc3\xabxt"]',
                    b" ",
                    b"{",
                ]
            ),
        ),
        max_size=4,
    ).map(b"\n".join)
)
def test_a_long_line_is_read_as_a_short_one(content: bytes) -> None:
    def parsed() -> object:
        try:
            return parse_json_lines("tëxt", Path("f"), 1, content)
        except DataError as error:
            return str(error)

    short = parsed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "_LONG_LINE_BYTES", 2)
        assert parsed() == short


def test_empty_files_are_counted_and_an_input_of_nothing_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "", " ")
    (tmp_path / "b.jsonl").touch()
    write(tmp_path / "c.jsonl", *objects(*TEXTS))
    source = open_one(tmp_path)
    assert len(read(source)) == 2
    assert facts_of(source)["empty_files"] == 2
    (tmp_path / "c.jsonl").unlink()
    assert "there is no text in it" in error_of(tmp_path)


def test_progress_counts_the_bytes_on_disk_and_the_manifest_those_of_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    text = "\n".join(objects(*TEXTS * 2000)).encode()
    path.write_bytes(gzip.compress(text))
    source = open_one(path)
    assert advanced(source) == path.stat().st_size
    assert facts_of(source)["bytes"] == len(text)
    assert source.describe()["kind"] == "jsonl"


def test_lines_are_numbered_from_the_first_of_the_unit() -> None:
    with pytest.raises(DataError, match=r"f\.jsonl, line 12: "):
        parse_json_lines("text", Path("f.jsonl"), 10, b'{"text": "a"}\n\n{"t": 1}')
