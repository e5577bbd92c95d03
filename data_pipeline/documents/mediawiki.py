"""MediaWiki's XML dumps as documents: an article of the main namespace is a document.

The stream is cut between pages here; the pages are parsed where the unit is worked on. A title is
not part of its article's text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

from data_pipeline.documents import Parsed, Place, PlainSource, Unit
from data_pipeline.documents.compression import blocks
from data_pipeline.documents.decoding import decode
from data_pipeline.documents.files import FileStream, InputFiles
from data_pipeline.documents.stretches import UNIT_BYTES, last_after, stretches
from data_pipeline.documents.wikitext import paragraphs_of
from data_pipeline.errors import DataError

# A page has at most 2 MiB of text; one with all its revisions has any size.
LONGEST_PAGE_BYTES = 64 << 20
# What stands before the first page has some 10 kB.
_HEAD_BYTES = 1 << 18
_START, _END, _END_OF_DUMP = b"<page>", b"</page>", b"</mediawiki>"
_MAIN_NAMESPACE = "0"
# Their English names hold in every language; the dump says what else they are called.
_DROPPED_NAMESPACES = {"-2": "media", "6": "file", "14": "category"}
_ALIASES = frozenset({*_DROPPED_NAMESPACES.values(), "image"})
# What XML 1.0 forbids.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_COUNTED = (
    "replaced_characters",
    "redirects",
    "other_namespaces",
    "other_content",
    "unparsed_documents",
    "empty_documents",
)
_DATE = re.compile(r"-(\d{8})-")


@dataclass(frozen=True)
class Site:
    """What a dump says of its wiki, each empty where it does not."""

    database: str
    language: str
    licence: str
    dropped_prefixes: frozenset[str]


@dataclass(frozen=True)
class MediaWikiStream(FileStream):
    """A dump."""

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of about a mebibyte; `advance` counts bytes of the file as it is on disk.

        DataError where the file is no dump, or ends early.
        """
        if not self.size():
            counts["empty_files"] += 1
            return
        first = 1
        for pages, site in self._pages(advance):
            counts["bytes"] += len(pages)
            parse = partial(parse_pages, self.path, first, site.dropped_prefixes)
            yield Unit(pages, parse, "paragraph", first=Place("page", first))
            first += pages.count(_START)
        counts["pages"] += first - 1

    def site(self) -> Site:
        """What stands before the first page. DataError where the file is no dump."""
        return _site(self.path, next(blocks(self.path, lambda n: None, _HEAD_BYTES), b""))

    def _pages(self, advance: Callable[[int], None]) -> Iterator[tuple[bytes, Site]]:
        """Whole pages, about a mebibyte of them at a time."""
        site, rest = self.site(), b""
        read = blocks(self.path, advance, UNIT_BYTES)
        too_long = partial(_refuse, self.path)
        for part in stretches(read, last_after(_END), LONGEST_PAGE_BYTES, too_long, UNIT_BYTES):
            start, end = part.find(_START), part.rfind(_END)
            rest = part[end + len(_END) :] if end >= 0 else part
            if start >= 0 and end > start:
                yield part[start : end + len(_END)], site
        if _END_OF_DUMP not in rest:
            raise DataError(
                f"{self.path}: the dump ends early, without {_END_OF_DUMP.decode()}; fetch it again"
            )


def mediawiki_source(given: InputFiles) -> PlainSource:
    """The source of some dumps. DataError where one is none."""
    streams = tuple(MediaWikiStream(path) for path in given.files)
    sites = [stream.site() for stream in streams if stream.size()]
    dates = {match[1] for path in given.files if (match := _DATE.search(path.name))}
    facts = {
        "kind": "mediawiki",
        "name": _joined(site.database for site in sites),
        "revision": _joined(dates),
        "language": _joined(site.language for site in sites),
        "licence": _joined(site.licence for site in sites),
        "lines": "paragraph",
    }
    return PlainSource(given.name, streams, facts)


def parse_pages(path: Path, first: int, dropped_prefixes: frozenset[str], content: bytes) -> Parsed:
    """The articles of some pages of the dump `path`, of which the first has the number `first`.

    DataError where the XML is broken.
    """
    counts = Counter(dict.fromkeys(_COUNTED, 0))
    xml, replaced = decode(content)
    xml, forbidden = _CONTROL.subn("\ufffd", xml)
    counts["replaced_characters"] = replaced + forbidden
    documents, places = [], []
    for number, page in enumerate(_elements(xml, path, first)):
        text = _wikitext(page, counts)
        if text is None:
            continue
        document = paragraphs_of(text, dropped_prefixes)
        if document is None:
            counts["unparsed_documents"] += 1
        elif document:
            documents.append(document)
            places.append(number)
        else:
            counts["empty_documents"] += 1
    return Parsed(documents, counts, places)


def _elements(xml: str, path: Path, first: int) -> ElementTree.Element:
    """An element whose children are the pages."""
    try:
        return ElementTree.fromstring(f"<pages>{xml}</pages>")
    except ElementTree.ParseError as error:
        line, column = error.position
        rows = xml.split("\n")[:line]
        before = "\n".join([*rows[:-1], rows[-1][:column]]) if rows else ""
        page = first + max(0, before.count(_START.decode()) - 1)
        raise DataError(
            f"{path}, page {page}: broken XML ({error.msg.partition(':')[0]}); fetch the dump again"
        ) from error


def _wikitext(page: ElementTree.Element, counts: Counter[str]) -> str | None:
    """The source of an article; None, counted, for a page that is none."""
    if page.findtext("ns", _MAIN_NAMESPACE).strip() != _MAIN_NAMESPACE:
        counts["other_namespaces"] += 1
    elif page.find("redirect") is not None:
        counts["redirects"] += 1
    elif page.findtext("revision/model", "wikitext") != "wikitext":
        counts["other_content"] += 1
    else:
        # With all revisions in it, the last is the article.
        return ([node.text or "" for node in page.iterfind("revision/text")] or [""])[-1]
    return None


def _site(path: Path, start: bytes) -> Site:
    """What stands before the first page."""
    head = decode(start.partition(_START)[0])[0]
    if "<mediawiki" not in head:
        raise DataError(f"{path}: is no MediaWiki dump: it has no <mediawiki> before its pages")
    names = {
        name.strip().lower()
        for key, name in re.findall(r'<namespace key="(-?\d+)"[^>]*>([^<]*)</namespace>', head)
        if key in _DROPPED_NAMESPACES
    }
    base = urlsplit(_first(r"<base>([^<]*)</base>", head)).hostname or ""
    # The dumps themselves name no licence; https://dumps.wikimedia.org/legal.html does.
    licence = "CC BY-SA 4.0 and GFDL" if base.endswith(".wikipedia.org") else ""
    return Site(
        _first(r"<dbname>([^<]*)</dbname>", head),
        _first(r'<mediawiki[^>]*xml:lang="([^"]*)"', head),
        licence,
        _ALIASES | names,
    )


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1].strip() if found else ""


def _joined(values: Iterable[str]) -> str | None:
    """What the files of one input say, each once; None where they say nothing."""
    return ", ".join(sorted(set(values) - {""})) or None


def _refuse(path: Path, text: bytearray) -> int:
    raise DataError(
        f"{path}: {len(text) >> 20} MiB without the end of a page: this is no dump of articles as "
        "they are now (pages-articles.xml.bz2)"
    )
