"""`inspect.html`: complete, self-contained, and safe for any text."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from corpora import Text, healthy, make_store

from bert_jax.recipes.inspect_numbers import Inspection, inspect_store
from bert_jax.recipes.inspect_page import render_inspection, write_inspection
from data_pipeline.doctor.rows import Shown, ShownRow


class Page(HTMLParser):
    """What a browser would see: the open tags at each text, and what is loaded from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        for name, value in attrs:
            if name in ("src", "href", "data") and value and not value.startswith("#"):
                self.loaded.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def inspection(tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    return inspect_store(make_store(tmp_path_factory.mktemp("page"), healthy()).path)


def test_the_page_has_every_part_and_loads_nothing(inspection: Inspection) -> None:
    html = render_inspection(inspection)
    page = Page(html)
    assert page.tags.count("svg") == 3
    assert "script" not in page.tags
    assert page.loaded == []
    assert len(page.ids) == len(set(page.ids))
    assert {"warnings", "lengths", "text", "rows", "loss", "examples", "store"} < set(page.ids)
    assert page.tags.count("mark") > 40
    assert page.attributes.count(("class", "verdict chip")) == 4
    words = inspection.examination.numbers.text["train"].words.worst
    assert all(word.word in html for word in words)
    assert "None: nothing here keeps a loss from falling." in html


def test_pairs_and_pieces_are_called_what_they_are(inspection: Inspection) -> None:
    assert "NSP" in Page(render_inspection(inspection)).texts
    facts = inspection.facts
    facts = {
        **facts,
        "objective": {**facts["objective"], "pairs": "none"},
        "tokenizer": {**facts["tokenizer"], "kind": "sentencepiece"},
    }
    page = Page(render_inspection(replace(inspection, facts=facts)))
    assert "NSP" not in page.texts
    assert any(" pieces of SentencePiece, uncased." in text for text in page.texts)


def test_warnings_say_why_and_what_to_do(tmp_path: Path) -> None:
    documents = Text().documents(1)
    found = inspect_store(make_store(tmp_path, documents).path)
    path = write_inspection(tmp_path / "page.html", found)
    html = path.read_text(encoding="utf-8")
    for finding in found.findings:
        assert finding.why in html
    assert "Train holds 1 document" in html
    assert "No pairs can be made of this text" in html
    assert "There is no example to show." in html


def test_a_text_of_tags_stays_text(inspection: Inspection) -> None:
    row = ShownRow((Shown("mask", "<script>", "[MASK]"), Shown("random", "<b>", "<i>")), 1)
    changed = replace(inspection.examination, examples=(row,))
    html = render_inspection(replace(inspection, examination=changed))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<s>&lt;b&gt;</s> &lt;i&gt;" in html


def test_pieces_are_put_together_and_marks_stand_as_in_text(inspection: Inspection) -> None:
    tokens = ["[CLS]", "un", "##happ", "##y", "(", "cat", ")", "."]
    kinds = ["special", *["text"] * 7]
    places = tuple(Shown(kind, t, t) for kind, t in zip(kinds, tokens, strict=True))
    changed = replace(inspection.examination, examples=(ShownRow(places, None),))
    page = Page(render_inspection(replace(inspection, examination=changed)))
    shown = "".join(page.texts)
    assert "unhappy (cat)." in " ".join(shown.split())
    # Of a tokeniser that marks where words begin.
    places = (Shown("text", "un", "un"), Shown("mask", "happy", "<mask>", continues=True))
    changed = replace(inspection.examination, examples=(ShownRow(places, None),))
    html = render_inspection(replace(inspection, examination=changed))
    assert "unhappy" in "".join("".join(Page(html).texts).split("\n"))
    assert ("class", "verdict chip") not in page.attributes
