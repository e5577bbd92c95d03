import pytest
from mwparserfromhell.parser import ParserError

import data_pipeline.documents.wikitext as wikitext
from data_pipeline.documents.wikitext import paragraphs_of

DROPPED = frozenset({"file", "image", "category", "datei"})


def text_of(source: str) -> str:
    return "|".join(paragraphs_of(source, DROPPED) or [])


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("'''Ada''' was a ''great'' writer.", "Ada was a great writer."),
        ("A [[mathematician]] and [[writer|author]]s.", "A mathematician and authors."),
        ("See [[:File:A.jpg]] there.", "See File:A.jpg there."),
        ("[https://a.example the site] and [https://b.example].", "the site and."),
        ("Bread &amp; butter, 5&nbsp;km, &#8212; &#x2014;.", "Bread & butter, 5 km, — —."),
        ("H<sub>2</sub>O, x<sup>2</sup>, one<br/>two.", "H2O, x2, one two."),
        ("A <span style='x'>span</span> and <small>small</small>.", "A span and small."),
        (
            "It's the '90s, 'quoted' and ''''bold quoted''''.",
            "It's the '90s, 'quoted' and bold quoted.",
        ),
        ("Text.__NOTOC__", "Text."),
    ],
)
def test_markup_within_a_line_leaves_its_text(source: str, text: str) -> None:
    assert text_of(source) == text


@pytest.mark.parametrize(
    "markup",
    [
        "{{Infobox|name=x|text={{nested|{{deep}}}}}}",
        "{{unclosed|infobox",
        '{| class="wikitable"\n! a !! b\n|-\n| 1 || {{t}}\n{|\n| inner\n|}\n|}',
        "{| unclosed\n| cell",
        "<table><tr><td>cell</td></tr></table>",
        "[[File:A.jpg|thumb|left|A [[caption]] of {{t}}.]]",
        "[[Datei:A.jpg|mini|Eine Unterschrift.]]",
        "[[file:A.jpg]]",
        "[[Category:Things]][[de:Ada]][[zh-min-nan:Ada]]",
        "== Heading ==",
        "=== ''Styled'' [[heading]] ===",
        "* an item\n** [[another]] item\n# numbered\n: indented\n; term : definition",
        "<ul><li>item</li></ul><ol><li>item</li></ol>",
        "<gallery>\nFile:A.jpg|A caption.\n</gallery>",
        "<math>x^2 < y</math>",
        '<syntaxhighlight lang="python">print("<b>")</syntaxhighlight>',
        "<!-- a comment with [[ and {{ -->",
        '<ref>{{cite|title=T}} [[x]]</ref><ref name="a" /><ref name="b">x</ref>',
        "<references><ref>x</ref></references>",
        "----",
        "()",
        "...",
    ],
)
def test_what_is_no_running_text_is_dropped(markup: str) -> None:
    assert text_of(f"Before it.\n\n{markup}\n\nAfter it.") == "Before it.|After it."


def test_a_line_is_a_paragraph_and_so_is_a_block() -> None:
    source = "One.\nTwo.\n\n<blockquote>A quote.</blockquote>Three.<div>Four.</div>"
    assert text_of(source) == "One.|Two.|A quote.|Three.|Four."


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Ada ({{IPA|x}}; born 1815) was {{x}}.", "Ada (born 1815) was."),
        ("Ada ({{IPA|x}}) was.", "Ada was."),
        ("Ada ({{a}}, {{b}}, or A) was.", "Ada (or A) was."),
        ("It is {{convert|5|km}} long , so.", "It is long, so."),
        ("A version .5 of it.", "A version .5 of it."),
    ],
)
def test_what_dropped_templates_leave_behind_is_tidied(source: str, text: str) -> None:
    assert text_of(source) == text


def test_references_do_not_swallow_what_stands_between_them() -> None:
    assert text_of('A.<ref>x</ref> B.<ref name="a"/> C.<ref>y</ref>') == "A. B. C."
    assert text_of("A.<ref name=a/> B.<REF>y</REF>") == "A. B."
    assert text_of("Lost.<ref>unclosed\n\nKept.<ref>y</ref>") == "Kept."


def test_a_number_that_is_no_character_does_no_harm() -> None:
    text = text_of("a &#xD800; b &#x110000; c &nosuch; d")
    assert text == "a \ufffd b &#x110000; c &nosuch; d"
    assert text.encode()


def test_an_article_that_the_parser_gives_up_on_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ParserError("too deep")

    monkeypatch.setattr(wikitext.mwparserfromhell, "parse", fail)
    assert paragraphs_of("Text.", DROPPED) is None


def test_deeply_nested_markup_ends() -> None:
    for opening in ("{{", "[[", "{|\n|", "<div>", "<ref>", "''", "{{{"):
        assert paragraphs_of(opening * 2000 + "text", DROPPED) is not None
