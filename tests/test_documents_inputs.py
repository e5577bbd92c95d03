import json
import os
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from documents import facts_of, read

from data_pipeline.documents import PlainSource
from data_pipeline.documents.inputs import open_sources
from data_pipeline.errors import DataError


def mixed(folder: Path) -> Path:
    (folder / "a.txt").write_text("A text. So it is.\n\nAnother one. It is.")
    (folder / "b.jsonl").write_text(json.dumps({"text": "A line. So it is."}))
    pq.write_table(pa.table({"text": ["A row. So it is."]}), folder / "c.parquet")
    (folder / "d.xml").write_text(
        "<mediawiki><page><ns>0</ns><revision><text>'''An''' article. So it is.</text>"
        "</revision></page></mediawiki>"
    )
    return folder


def test_one_call_takes_all_kinds_of_files(tmp_path: Path) -> None:
    sources = open_sources([mixed(tmp_path)])
    assert [source.describe()["kind"] for source in sources] == [
        *("text", "jsonl", "parquet", "mediawiki")
    ]
    assert {source.describe()["input"] for source in sources} == {str(tmp_path)}
    assert [document for source in sources for document in read(source)] == [
        ["A text. So it is."],
        ["Another one. It is."],
        ["A line. So it is."],
        ["A row. So it is."],
        ["An article. So it is."],
    ]


def test_sources_are_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    mixed(tmp_path)
    names = [str(tmp_path / name) for name in ("d.xml", "a.txt", "c.parquet")]
    assert [source.describe()["input"] for source in open_sources(names)] == names


def test_every_kind_says_what_the_manifest_asks_for(tmp_path: Path) -> None:
    for source in open_sources([mixed(tmp_path)]):
        facts = facts_of(source)
        assert {"kind", "input", "files", "bytes", "lines"} <= set(facts)
        assert json.loads(json.dumps(facts)) == facts


def test_streams_travel_to_other_processes_and_say_what_they_are(tmp_path: Path) -> None:
    for source in open_sources([mixed(tmp_path)]):
        sent = PlainSource("sent", pickle.loads(pickle.dumps(source.streams)), {})
        assert read(sent) == read(source)
        for stream in source.streams:
            assert stream.identity()["path"] == stream.name
            assert json.loads(json.dumps(stream.identity())) == stream.identity()
            assert stream.size() == Path(stream.name).stat().st_size


def test_no_input_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="no input was given"):
        open_sources([])


def test_an_empty_name_is_not_the_present_folder() -> None:
    with pytest.raises(DataError, match="an input is an empty name"):
        open_sources([""])


def test_a_key_that_no_input_has_anything_of_is_an_error(tmp_path: Path) -> None:
    mixed(tmp_path)
    names = [str(tmp_path / "a.txt"), str(tmp_path / "d.xml")]
    with pytest.raises(DataError, match=r"--text_key body .* is mediawiki and text; leave"):
        open_sources(names, text_key="body")
    (tmp_path / "b.jsonl").write_text(json.dumps({"body": "A line. So it is."}))
    assert len(open_sources([*names, tmp_path / "b.jsonl"], text_key="body")) == 3


def test_a_name_that_is_no_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("A text.")
    with pytest.raises(DataError, match=r"/caf\\udce9\.txt: its name is no UTF-8"):
        open_sources([tmp_path])


@pytest.mark.parametrize("name", ["tfds:mnist", "hf:datasets/own/set"])
def test_a_data_set_given_twice_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} is given twice"):
        open_sources([name, "a.txt", name])


def test_a_file_may_be_called_like_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tfds:mnist").write_text("A text. So it is.")
    (source,) = open_sources(["./tfds:mnist"])
    assert read(source) == [["A text. So it is."]]
