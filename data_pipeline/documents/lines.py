"""What a line of a text holds: a sentence, a paragraph or a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from data_pipeline.documents import Lines, Stream
from data_pipeline.text.sentences import split_sentences
from data_pipeline.wording import amount

LinesOption = Literal["auto", "sentence", "paragraph", "document"]
LinesFound = Literal["sentence", "paragraph", "document"]
LINES_OPTIONS: tuple[LinesOption, ...] = ("auto", "sentence", "paragraph", "document")

SAMPLE_BYTES = 1 << 18
# A record of one line may be as long as a file; this much of it tells a paragraph from a sentence.
RECORD_CHARACTERS = 100_000
# The share of the text in lines of several sentences from which lines are paragraphs. Encyclopedia
# articles have 0.84 to 0.88 and novels, with their dialogues, 0.50 to 0.77; the same texts with one
# sentence a line, cut by another splitter, 0.02 to 0.08.
_PARAGRAPH_SHARE = 0.25
# The sentences a line from which lines are documents, where no blank line stands between them.
# Paragraphs have 2.5 to 2.9 in encyclopedia articles and 1.5 to 2.4 in novels; the same texts with
# one article or chapter a line 13 to 21 and 72 to 134.
_DOCUMENT_SENTENCES = 6.0


def detect_lines(
    documents: Sequence[Sequence[str]],
    language: str,
    *,
    blank_lines: bool = True,
    records: bool = False,
) -> tuple[LinesFound, str]:
    """What a line holds, and a sentence that says why.

    Args:
        documents: some of the text, each document as its lines.
        language: that of the text, for splitting sentences.
        blank_lines: whether something other than a line's end ends a document; where nothing does,
            a line may be one.
        records: whether the documents are records, whose beginnings these are. A line of a record's
            text is not a line of its file, and is never a document.
    """
    of_records = " of the records" if records else ""
    rows = [line for document in documents for line in document]
    if not rows:
        return "sentence", "its beginning holds no text, so a line is taken for a sentence"
    counts = [len(split_sentences(row, language)) for row in rows]
    mean = sum(counts) / len(rows)
    if not blank_lines and mean >= _DOCUMENT_SENTENCES:
        found: LinesFound = "document"
        seen = (
            f"the first {len(rows)} lines hold {mean:.1f} sentences each, on average, and no blank "
            "line stands between them"
        )
    else:
        several = [row for row, count in zip(rows, counts, strict=True) if count > 1]
        share = sum(map(len, several)) / sum(map(len, rows))
        found = "paragraph" if share >= _PARAGRAPH_SHARE else "sentence"
        seen = (
            f"{len(several)} of the first {len(rows)} lines{of_records} ({share:.0%} of their "
            "text) hold more than one sentence"
        )
    if len(rows) == 1:
        held = f"holds {amount(counts[0], 'sentence')}"
        if records and len(rows[0]) >= RECORD_CHARACTERS:
            held = f"begins with {amount(counts[0], 'sentence')}"
        seen = f"the only line{' of text' if records else ''} looked at {held}"
    if records:
        return found, f"{seen}, so a line of a record's text is taken for a {found}"
    return found, f"{seen}, so a line is taken for a {found}"


def record_lines(
    streams: Sequence[Stream], lines: LinesOption, language: str
) -> tuple[Lines, str | None]:
    """What a line of a record's text holds, and why where that is looked up.

    A record is a document whatever `lines` says; with "document" its lines are paragraphs.
    """
    if lines == "sentence" or lines == "paragraph":
        return lines, None
    if lines == "document":
        return "paragraph", None
    units = (unit for stream in streams for unit in stream.units(lambda n: None, Counter()))
    documents: list[list[str]] = []
    room = SAMPLE_BYTES
    for unit in islice(units, 1):
        for document in unit.parse(unit.content).documents:
            documents.append(_beginning(document, RECORD_CHARACTERS))
            room -= sum(map(len, documents[-1]))
            if room < 0:
                break
    found, why = detect_lines(documents, language, records=True)
    return ("sentence" if found == "sentence" else "paragraph"), why


def _beginning(document: Sequence[str], characters: int) -> list[str]:
    """The first lines of a document, the last of them cut, with so many characters at most."""
    lines: list[str] = []
    for line in document:
        if characters <= 0:
            break
        lines.append(line[:characters])
        characters -= len(line)
    return lines
