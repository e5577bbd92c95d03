"""A piece of a text in two files: as it is, and as its sentences, for programs that split none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from data_pipeline.documents import Lines, Unit, units_of
from data_pipeline.documents.inputs import open_sources
from data_pipeline.text.sentences import split_sentences
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

LANGUAGE = "en"


class Texts(NamedTuple):
    """Two files of the same documents, with a blank line after each."""

    text: Path
    """Lines as they were."""
    lines: Lines
    """What these hold."""
    sentences: Path
    """A sentence a line, as `data_pipeline` splits them."""


def write_texts(inputs: Sequence[str], tokenizer: TextTokenizer, folder: Path, size: int) -> Texts:
    """Writes the first documents of `inputs` into `folder`.

    Documents are taken until there are `size` bytes, from those units whose lines hold what the
    lines of the first one do. DataError where the inputs cannot be read.
    """
    in_form = tokenizer.rules.with_form
    units = units_of(open_sources(inputs, language=LANGUAGE), lambda n: None)
    first = next(units)
    texts = Texts(folder / "text.txt", first.lines, folder / "sentences.txt")
    with (
        texts.text.open("w", encoding="utf-8") as text,
        texts.sentences.open("w", encoding="utf-8") as sentences,
    ):
        for document in _documents(first, units):
            lines = [in_form(line) for line in document]
            size -= _write(text, lines)
            if first.lines == "paragraph":
                lines = [s for line in lines for s in split_sentences(line, LANGUAGE)]
            _write(sentences, lines)
            if size <= 0:
                break
    return texts


def _documents(first: Unit, others: Iterator[Unit]) -> Iterator[list[str]]:
    yield from first.parse(first.content).documents
    for unit in others:
        if unit.lines == first.lines:
            yield from unit.parse(unit.content).documents


def _write(file: TextIO, lines: Sequence[str]) -> int:
    """Returns the bytes."""
    content = "".join(f"{line}\n" for line in lines) + "\n"
    file.write(content)
    return len(content.encode())
