"""What a caller gives as input -> sources of documents."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import cast

from data_pipeline.documents import Source
from data_pipeline.documents.inputs import DEFAULT_TEXT_KEY, open_sources
from data_pipeline.documents.lines import LinesOption
from data_pipeline.errors import DataError
from data_pipeline.progress import Progress

Inputs = str | os.PathLike[str] | Source


def as_sources(
    inputs: Iterable[Inputs],
    lines: LinesOption,
    language: str,
    progress: Progress,
    text_key: str = DEFAULT_TEXT_KEY,
) -> list[Source]:
    """Names become sources; sources stay what they are. Shows what each is taken for."""
    inputs = listed_inputs(inputs)
    names = [i for i in inputs if isinstance(i, str | os.PathLike)]
    sources: list[Source] = [i for i in inputs if not isinstance(i, str | os.PathLike)]
    if names or not sources:
        opened = open_sources(names, lines, language, text_key=text_key)
        for source in opened:
            facts = source.describe()
            with progress(f"reading {source.name}", None, "B") as task:
                task.note("; ".join(filter(None, (facts["kind"], facts.get("lines_detected")))))
        sources = [*opened, *sources]
    return sources


def listed_inputs(inputs: Iterable[Inputs]) -> list[Inputs]:
    """One input or several as a list. DataError for what is none."""
    if isinstance(inputs, str | os.PathLike):
        return [inputs]
    try:
        some = list(inputs)
    except TypeError:
        some = [cast(Inputs, inputs)]
    for given in some:
        if not isinstance(given, str | os.PathLike) and not hasattr(given, "streams"):
            raise DataError(
                f"an input must be the name of a file, glob, folder or data set; got {given!r}"
            )
    return some
