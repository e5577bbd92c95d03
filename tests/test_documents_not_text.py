import gzip
import json
from pathlib import Path

import pytest
from documents import open_one

from data_pipeline.documents.not_text import check_is_text
from data_pipeline.errors import DataError

OBJECTS = "".join(json.dumps({"text": f"Text {i}.", "url": i}) + "\n" for i in range(30))
TABLE = "id,text\n" + "".join(f'{i},"Number {i}, or so."\n' for i in range(30))
PROSE = "He came, he saw, he conquered.\nIt was cold, they say.\n" * 20


def write(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.txt", OBJECTS, "holds JSON lines, and would be read as plain text; name it .jsonl"),
        ("a.txt.gz", OBJECTS, "holds JSON lines"),
        ("a.txt", "\ufeff\n\n" + OBJECTS.replace("\n", "\r\n"), "holds JSON lines"),
        ("a.txt", OBJECTS.rstrip("\n").splitlines()[0], "holds JSON lines"),
        ("a.txt", json.dumps({"text": "long " * 100_000}), "holds JSON lines"),
        ("a.txt", OBJECTS * 200, "holds JSON lines"),
        ("a.txt", json.dumps([{"text": "a"}] * 9), "holds JSON, and"),
        ("a.md", json.dumps([{"text": "a"}] * 9, indent=1), "one object a line"),
        ("a.txt", json.dumps({"text": "a"}, indent=1), "holds JSON, and"),
        ("a.txt", TABLE, "is a table with the columns 'id', 'text', and would be"),
        ("a.log", TABLE.replace(",", "\t"), "is a table with the columns 'id', 'text'"),
        ("a.txt", ",a,b c,d_e,f\n" + "0,1,2,3,4\n" * 9, "columns '', 'a', 'b c', 'd_e', ..."),
        ("a.csv", "one,two\n", "is a table with the columns 'one', 'two'"),
        ("a.csv.gz", PROSE, "is a table"),
        ("a.TSV", "one\ttwo\n", "is a table with the columns 'one', 'two'"),
        ("a.txt", "<mediawiki><page>", "is a MediaWiki dump"),
        ("a.txt", "PAR1 and more", "is a Parquet file"),
    ],
)
def test_what_is_no_text_is_refused_unless_it_is_asked_for(
    tmp_path: Path, name: str, text: str, what: str
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(DataError) as error:
        open_one(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert what in message
    assert "or say --lines (in Python, lines=) sentence, paragraph or document" in message
    assert open_one(path, "paragraph").describe()["kind"] == "text"


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "",
        "\n\n",
        "{braces} in a text\n",
        '{"a": 1} is an object.\n',
        '{"a": 1}\nThat was an object.\n',
        "[see below]\n{here}\n",
        "3\n4\n",
        "Paris, France\nRome, Italy\nOslo, Norway\nBern, Switzerland\nKyiv, Ukraine\nRiga, Latvia",
        "Yes\nno\nyes\nno\nyes\nno\n",
        "One; two\n" * 20,
        '"He came," he said.\n' * 20,
        'An open " quote, here\n' * 20,
        "a,b\n1,2\n",
        "a," + "x" * 200_000 + "\n",
    ],
)
def test_text_is_not_taken_for_something_else(tmp_path: Path, text: str) -> None:
    check_is_text(write(tmp_path / "a.txt", text))
