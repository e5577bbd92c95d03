"""What a user names -> sources of documents, whatever kind each is."""

from __future__ import annotations

import os
from collections.abc import Iterable

from data_pipeline.documents import Source
from data_pipeline.documents.files import InputFiles, input_files
from data_pipeline.documents.lines import LINES_OPTIONS, LinesOption
from data_pipeline.errors import DataError

DEFAULT_TEXT_KEY = "text"
_TFDS, _HUB = "tfds:", "hf:"


def open_sources(
    inputs: Iterable[str | os.PathLike[str]],
    lines: LinesOption = "auto",
    language: str = "en",
    *,
    text_key: str = DEFAULT_TEXT_KEY,
) -> list[Source]:
    """The sources of documents that `inputs` name, in their order.

    Args:
        inputs: files, globs and folders of text, JSON lines, Parquet and MediaWiki dumps;
            `tfds:NAME...` for a prepared TensorFlow data set; `hf:datasets/NAME...` for one of the
            Hugging Face Hub.
        lines: what a line of text holds; with "auto" the beginning of each source decides.
        language: that of the text, for splitting sentences.
        text_key: the key or column of the text, for all kinds that have one.

    Raises:
        DataError: an input matches nothing, cannot be read, is not of its kind, or comes twice;
            no input has anything of the name `text_key`, which was given.
    """
    if lines not in LINES_OPTIONS:
        options = ", ".join(map(repr, LINES_OPTIONS))
        raise DataError(f"lines must be one of {options}; got {lines!r}")
    names = [os.fspath(given) for given in inputs]
    if not names:
        raise DataError(
            "no input was given; give files, globs or folders, tfds:NAME or hf:datasets/NAME"
        )
    for name in names:
        if not name:
            raise DataError("an input is an empty name; give a file, a glob or a folder")
        if name.startswith((_TFDS, _HUB)) and names.count(name) > 1:
            raise DataError(f"{name} is given twice")
    files = input_files(name for name in names if not name.startswith((_TFDS, _HUB)))
    sources: list[Source] = []
    for name in names:
        # Each kind is loaded where it is asked for: some need libraries that are slow to import.
        if name.startswith((_TFDS, _HUB)):
            sources.append(_named_source(name, lines, language, text_key))
        else:
            some = [given for given in files if given.name == name]
            sources += [_file_source(given, lines, language, text_key) for given in some]
    if text_key != DEFAULT_TEXT_KEY and not any("text_key" in s.describe() for s in sources):
        kinds = " and ".join(sorted({str(s.describe()["kind"]) for s in sources}))
        raise DataError(
            f"--text_key {text_key} (in Python, text_key) is for JSON lines, Parquet and data "
            f"sets, and the input is {kinds}; leave it out, or name files by what they hold "
            "(.jsonl, .parquet)"
        )
    return sources


def _named_source(name: str, lines: LinesOption, language: str, text_key: str) -> Source:
    if name.startswith(_TFDS):
        from data_pipeline.documents.tfds import tfds_source

        return tfds_source(name, text_key, lines, language)
    from data_pipeline.documents.hub import hub_source

    return hub_source(name, text_key, lines, language)


def _file_source(given: InputFiles, lines: LinesOption, language: str, text_key: str) -> Source:
    if given.kind == "text":
        from data_pipeline.documents.text import text_source

        return text_source(given, lines, language)
    if given.kind == "jsonl":
        from data_pipeline.documents.jsonl import json_lines_source

        return json_lines_source(given, text_key, lines, language)
    if given.kind == "parquet":
        from data_pipeline.documents.parquet import parquet_source

        return parquet_source(given, text_key, lines, language)
    from data_pipeline.documents.mediawiki import mediawiki_source

    return mediawiki_source(given)
