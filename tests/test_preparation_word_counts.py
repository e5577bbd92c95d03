"""Words are counted the same however a text is cut into units and parts."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from documents import open_one
from hypothesis import given
from hypothesis import strategies as st

import data_pipeline.text.parts as parts
from data_pipeline.documents import Unit
from data_pipeline.documents.text import parse_text
from data_pipeline.preparation.word_counts import UnitCounter, counted_words
from data_pipeline.progress import silent
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.vocabulary import count_words

UNCASED = Rules(cased=False)
DOCUMENTS = st.lists(
    st.lists(st.text("aB é.語\u0301", min_size=1, max_size=12), min_size=1, max_size=3), max_size=6
)


def bytes_of(documents: list[list[str]]) -> bytes:
    return "\n\n".join("\n".join(lines) for lines in documents).encode()


@given(documents=DOCUMENTS, cut=st.integers(0, 6), cased=st.booleans())
def test_units_may_be_cut_anywhere_between_documents(
    documents: list[list[str]], cut: int, cased: bool
) -> None:
    count = UnitCounter(Rules(cased=cased))
    whole, one, other = (
        count(Unit(bytes_of(some), parse_text, "paragraph"))
        for some in (documents, documents[:cut], documents[cut:])
    )
    assert one[0] + other[0] == whole[0]
    text = " ".join(line for lines in documents for line in lines)
    assert whole == (count_words(text, Rules(cased=cased)), 0)


def test_a_large_unit_is_counted_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Unit(bytes_of([["The cat", "sat."], ["The end."]]), parse_text, "paragraph")
    whole = UnitCounter(UNCASED)(unit)
    monkeypatch.setattr(parts, "PART", 7)
    assert UnitCounter(UNCASED)(unit) == whole
    assert whole[0] == Counter({"the": 2, "cat": 1, "sat": 1, "end": 1, ".": 2})


def test_all_sources_are_counted_with_what_was_no_utf8_and_all_bytes_are_told_of(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.txt").write_bytes(b"The cat sat here.\n\nA \xff cat \xc3 sat.\n" * 3)
    (tmp_path / "b.txt").write_bytes(b"The cat.\n")
    told: list[int] = []
    totals: list[int | None] = []

    class Task:
        def __enter__(self) -> "Task":
            return self

        def __exit__(self, *_: Any) -> None:
            pass

        def advance(self, n: int = 1) -> None:
            told.append(n)

        def note(self, text: str) -> None:
            raise AssertionError(text)

    def progress(description: str, total: int | None, unit: str) -> Task:
        assert (description, unit) == ("counting words", "B")
        totals.append(total)
        return Task()

    sources = [open_one(tmp_path / name) for name in ("a.txt", "b.txt")]
    odd = Counter({"replaced_characters": 1})
    counts = counted_words(sources, UNCASED, 1, progress, odd)
    assert (counts["cat"], counts["the"]) == (7, 4)
    assert odd == {"replaced_characters": 1 + 6}
    assert [sum(told)] == totals == [sum(p.stat().st_size for p in tmp_path.iterdir())]
    assert counted_words(sources, UNCASED, 1, silent) == counts
