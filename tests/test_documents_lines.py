import gzip
import json
from pathlib import Path

import pytest
from documents import open_one

import data_pipeline.documents.lines as lines_module
from data_pipeline.documents.lines import detect_lines
from data_pipeline.errors import DataError
from data_pipeline.text.sentences import split_sentences

PARAGRAPH = "He came. He saw it all."


def test_a_line_of_one_sentence_is_a_sentence() -> None:
    found, why = detect_lines([["He came.", "He saw it all."]] * 10, "en", blank_lines=False)
    assert found == "sentence"
    assert "0 of the first 20 lines" in why


def test_a_line_of_a_few_sentences_is_a_paragraph() -> None:
    for blank_lines in (True, False):
        found, why = detect_lines([[PARAGRAPH]] * 10, "en", blank_lines=blank_lines)
        assert found == "paragraph"
        assert "10 of the first 10 lines (100% of their text)" in why


def test_a_line_of_many_sentences_is_a_document_unless_blank_lines_end_documents() -> None:
    long = " ".join([PARAGRAPH] * 5)
    found, why = detect_lines([[long] * 3], "en", blank_lines=False)
    assert found == "document"
    assert "the first 3 lines hold 10.0 sentences each" in why
    assert detect_lines([[long] * 3], "en")[0] == "paragraph"


def test_no_lines_at_all_are_no_error() -> None:
    assert detect_lines([], "en", blank_lines=False)[0] == "sentence"


@pytest.mark.parametrize("corpus", ["wikipedia_en", "books_en"])
@pytest.mark.parametrize("kind", ["sentence", "paragraph", "document"])
def test_real_text_is_told_apart_in_all_three_forms(
    tmp_path: Path, shared_data: Path, corpus: str, kind: str
) -> None:
    with gzip.open(shared_data / "corpus" / f"{corpus}.txt.gz") as file:
        text = file.read(1 << 20).decode(errors="ignore")
    documents = [document.split("\n") for document in text.split("\n\n")][:-1]
    if kind == "sentence":
        documents = [[s for p in d for s in split_sentences(p)] for d in documents]
    if kind == "document":
        documents = [[" ".join(document)] for document in documents]
    ends = "\n" if kind == "document" else "\n\n"
    path = tmp_path / "a.txt"
    path.write_text(ends.join("\n".join(document) for document in documents))
    assert open_one(path).describe()["lines"] == kind


def test_text_cut_at_every_sentence_is_no_document_a_line_though_it_has_no_blank_line(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("He came.\nHe saw it all.\n" * 100)
    assert open_one(path).describe()["lines"] == "sentence"


def test_another_kind_of_line_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("He came.")
    with pytest.raises(DataError, match="'words'"):
        open_one(path, "words")


@pytest.mark.parametrize(
    ("documents", "blank_lines", "found", "why"),
    [
        ([], False, "sentence", "its beginning holds no text"),
        ([["He came."]], True, "sentence", "the only line looked at holds 1 sentence"),
        ([[PARAGRAPH]], True, "paragraph", "the only line looked at holds 2 sentences"),
        ([[" ".join([PARAGRAPH] * 5)]], False, "document", "the only line looked at holds 10"),
    ],
)
def test_the_reason_is_said_of_one_line_and_of_none_too(
    documents: list[list[str]], blank_lines: bool, found: str, why: str
) -> None:
    lines, said = detect_lines(documents, "en", blank_lines=blank_lines)
    assert lines == found
    assert said.startswith(why)
    assert said.endswith(f", so a line is taken for a {found}")


@pytest.mark.parametrize("breaks", ["", "\n"])
def test_only_the_beginning_of_a_long_record_is_split_into_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    path = tmp_path / "a.jsonl"
    text = f"{PARAGRAPH}{breaks} " * 20_000
    path.write_text(json.dumps({"text": text}))
    split = []

    def watched(row: str, language: str) -> list[str]:
        split.append(len(row))
        return ["One.", "Two."]

    monkeypatch.setattr(lines_module, "split_sentences", watched)
    described = open_one(path).describe()
    assert 50_000 < sum(split) <= lines_module.RECORD_CHARACTERS < len(text)
    assert described["lines"] == "paragraph"


def test_what_is_said_of_records_is_of_the_lines_of_their_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": " ".join([PARAGRAPH] * 5)}))
    described = open_one(path).describe()
    assert described["lines"] == "paragraph"
    assert described["lines_detected"] == (
        "the only line of text looked at holds 10 sentences, so a line of a record's text is taken "
        "for a paragraph"
    )
    path.write_text(json.dumps({"text": PARAGRAPH}) + "\n" + json.dumps({"text": "He came."}))
    assert (
        open_one(path)
        .describe()["lines_detected"]
        .startswith(
            "1 of the first 2 lines of the records (74% of their text) hold more than one sentence"
        )
    )
