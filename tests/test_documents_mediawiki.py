import bz2
import gzip
import pickle
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from documents import advanced, facts_of, odd, open_one, places, read, units

import data_pipeline.documents.mediawiki as mediawiki
from data_pipeline.errors import DataError

HEADER = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="de">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>dewiki</dbname>
    <base>https://de.wikipedia.org/wiki/Hauptseite</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">Datei</namespace>
      <namespace key="14" case="first-letter">Kategorie</namespace>
    </namespaces>
  </siteinfo>
"""


def page(
    text: str, *, title: str = "Title", ns: int = 0, extra: str = "", model: str = "wikitext"
) -> str:
    return f"""  <page>
    <title>{escape(title)}</title>
    <ns>{ns}</ns>
    <id>1</id>
{extra}    <revision>
      <id>2</id>
      <model>{model}</model>
      <format>text/x-wiki</format>
      <text bytes="1" xml:space="preserve">{escape(text)}</text>
    </revision>
  </page>
"""


PAGES = [
    page("'''Ada''' wrote <ref>x</ref>a lot. So it is.\n\n[[Datei:A.jpg|mini|Bild.]]\nA second."),
    page("#REDIRECT [[Ada]]", extra='    <redirect title="Ada" />\n'),
    page("A talk.", ns=1),
    page("{{Only|a template}}"),
    page("function() {}", model="javascript"),
    page("The last & <nowiki><page></nowiki> one."),
]
DOCUMENTS = [["Ada wrote a lot. So it is.", "A second."], ["The last & one."]]


def write(path: Path, pages: list[str], header: str = HEADER, end: str = "</mediawiki>\n") -> Path:
    content = (header + "".join(pages) + end).encode()
    pack = {".bz2": bz2.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(content))
    return path


def error_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(open_one(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.xml", "a.xml.bz2", "a.xml.gz", "a.xml-p1p9.bz2", "a"])
def test_articles_are_documents_and_their_titles_no_text(tmp_path: Path, name: str) -> None:
    assert read(open_one(write(tmp_path / name, PAGES))) == DOCUMENTS


def test_the_place_of_an_article_is_its_page_in_the_dump(tmp_path: Path) -> None:
    found = places(open_one(write(tmp_path / "a.xml", PAGES)))
    assert found == [(("page", 1), DOCUMENTS[0][0]), (("page", 6), DOCUMENTS[1][0])]


def test_what_is_no_article_is_counted(tmp_path: Path) -> None:
    source = open_one(write(tmp_path / "a.xml", PAGES))
    assert odd(source) == {
        "replaced_characters": 0,
        "redirects": 1,
        "other_namespaces": 1,
        "other_content": 1,
        "unparsed_documents": 0,
        "empty_documents": 1,
    }


def test_the_manifest_says_which_dump_it_was(tmp_path: Path) -> None:
    source = open_one(write(tmp_path / "dewiki-20240101-pages-articles.xml.bz2", PAGES))
    facts = facts_of(source)
    assert facts["kind"] == "mediawiki"
    assert (facts["name"], facts["revision"], facts["language"]) == ("dewiki", "20240101", "de")
    assert facts["licence"] == "CC BY-SA 4.0 and GFDL"
    assert (facts["pages"], facts["files"]) == (6, 1)


def test_a_dump_that_says_nothing_of_itself_is_read(tmp_path: Path) -> None:
    source = open_one(write(tmp_path / "a.xml", PAGES[:1], header="<mediawiki>"))
    assert read(source)[0][0] == "Ada wrote a lot. So it is."
    facts = source.describe()
    assert [facts[key] for key in ("name", "revision", "language", "licence")] == [None] * 4


@pytest.mark.parametrize("size", [1, 50, 400, 1 << 20])
def test_units_of_any_size_hold_the_same_articles(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediawiki, "UNIT_BYTES", size)
    source = open_one(write(tmp_path / "a.xml", PAGES))
    found = units(source)
    assert len(found) == {1: 6, 50: 6, 400: 5, 1 << 20: 1}[size]
    sent = pickle.loads(pickle.dumps(found))
    assert [d for unit in sent for d in unit.parse(unit.content).documents] == DOCUMENTS


def test_of_several_revisions_the_last_is_the_article(tmp_path: Path) -> None:
    old = "    <revision><text>Old text.</text></revision>\n"
    path = write(tmp_path / "a.xml", [page("New text.", extra=old)])
    assert read(open_one(path)) == [["New text."]]


def test_a_page_without_a_text_is_empty(tmp_path: Path) -> None:
    bare = "<page><title>T</title><ns>0</ns><revision><text /></revision></page>"
    path = write(tmp_path / "a.xml", [bare, "<page><ns>0</ns></page>", *PAGES])
    assert read(open_one(path)) == DOCUMENTS
    assert odd(open_one(path))["empty_documents"] == 3


def test_a_dump_that_ends_early_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", PAGES, end="")
    assert error_of(path).startswith(f"{path}: the dump ends early, without </mediawiki>")
    path.write_bytes(path.read_bytes()[:-100])
    assert "the dump ends early" in error_of(path)
    packed = write(tmp_path / "b.xml.bz2", PAGES)
    packed.write_bytes(packed.read_bytes()[:-10])
    assert error_of(packed).startswith(f"{packed}: damaged bzip2 file")


def test_broken_xml_is_an_error_that_names_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = page("Text.").replace("</title>", "</tittle>")
    path = write(tmp_path / "a.xml", [*PAGES, broken, *PAGES])
    assert error_of(path).startswith(f"{path}, page 7: broken XML (mismatched tag)")
    monkeypatch.setattr(mediawiki, "UNIT_BYTES", 100)
    assert error_of(path).startswith(f"{path}, page 7: broken XML")


def test_other_xml_is_no_dump(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<rss><channel/></rss>")
    assert error_of(path) == f"{path}: is no MediaWiki dump: it has no <mediawiki> before its pages"


def test_a_dump_without_pages_is_an_error_and_an_empty_file_is_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", [])
    assert "there is no text in it" in error_of(path)
    write(path, PAGES)
    (tmp_path / "b.xml").touch()
    source = open_one(tmp_path)
    assert read(source) == DOCUMENTS
    assert facts_of(source)["empty_files"] == 1


def test_a_page_that_never_ends_is_refused_before_it_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediawiki, "UNIT_BYTES", 1000)
    monkeypatch.setattr(mediawiki, "LONGEST_PAGE_BYTES", 5000)
    path = write(tmp_path / "a.xml", [*PAGES, page("x" * 20_000)])
    assert "without the end of a page" in error_of(path)


def test_bytes_that_xml_forbids_are_replaced_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", [page("A nul \0 here and a bell \x07 there.")])
    content = path.read_bytes().replace(b"bell", b"b\xe9ll")
    path.write_bytes(content)
    assert read(open_one(path)) == [["A nul \ufffd here and a b\ufffdll \ufffd there."]]
    assert odd(open_one(path))["replaced_characters"] == 3


def test_progress_counts_the_bytes_on_disk(tmp_path: Path) -> None:
    source = open_one(write(tmp_path / "a.xml.bz2", PAGES * 100))
    assert advanced(source) == (tmp_path / "a.xml.bz2").stat().st_size
