"""Wikitext -> paragraphs of running text.

What is kept is what the paper kept of Wikipedia (section 3.1): text passages, without lists, tables
and headings. The parser is mwparserfromhell (https://github.com/earwig/mwparserfromhell); what is
dropped of its tree is said here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import mwparserfromhell
from mwparserfromhell.nodes import ExternalLink, HTMLEntity, Tag, Text, Wikilink
from mwparserfromhell.nodes import Heading as _Heading
from mwparserfromhell.parser import ParserError
from mwparserfromhell.wikicode import Wikicode

# Tags whose content is not running text.
_DROPPED_TAGS = frozenset(
    "categorytree ce chem code dl gallery graph hiero imagemap includeonly indicator inputbox "
    "mapframe maplink math ol pre ref references score section source syntaxhighlight table "
    "templatedata templatestyles timeline ul".split()
)
_BLOCK_TAGS = frozenset("blockquote center div h1 h2 h3 h4 h5 h6 hr p poem".split())
# Half of an encyclopedia's wikitext; the parser takes twice as long to find the same.
_REFERENCE = re.compile(
    r"<!--.*?-->|<ref(?:\s[^<>]*)?/>|<ref(?:\s[^<>]*)?>[^<]*(?:<(?!/?ref\b)[^<]*)*</ref\s*>",
    re.DOTALL | re.IGNORECASE,
)
_LIST_TAGS = frozenset("li dd dt".split())
# Stands before what a list's line holds, until lines are told apart; no text has it (a noncharacter
# of Unicode).
_IN_LIST = "\ufdd0"
# A link to another language's article, from before such links moved to Wikidata.
_LANGUAGE_PREFIX = re.compile(r"[a-z]{2,3}(-[a-z]+)*")
_LEFT_OVER_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_STYLE = re.compile("'{2,5}")
_SWITCH = re.compile(r"__[A-Z]+__")
# Markup that the parser could not make sense of and left in the text.
_BROKEN = re.compile(
    rf"\{{\{{|\}}\}}|\[\[|\]\]|\{{\||\|\}}|^[|!]|</?(?:{'|'.join(sorted(_DROPPED_TAGS))})\b",
    re.IGNORECASE,
)
# What dropped templates leave behind: "(; born 1950)", "( )", "text ,".
_OPENED = re.compile(r"\(\s*(?:[,;:]\s*)+")
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]")
_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:!?)](?:\s|$))")


def paragraphs_of(wikitext: str, dropped_prefixes: frozenset[str]) -> list[str] | None:
    """The paragraphs of an article, without markup, runs of white space made one space.

    Args:
        wikitext: the article's source.
        dropped_prefixes: the names, in small letters, of the namespaces of files and categories: a
            link to one is no text.

    Returns:
        The paragraphs, in order; None where the parser gives up.
    """
    try:
        code = mwparserfromhell.parse(_REFERENCE.sub("", wikitext), skip_style_tags=True)
    except ParserError:
        return None
    text = "".join(_texts(code, dropped_prefixes))
    return [line for row in text.split("\n") if (line := _cleaned(row))]


def _texts(code: Wikicode, dropped_prefixes: frozenset[str]) -> Iterator[str]:
    """The text of each node; a line feed where a block begins or ends."""
    for node in code.nodes:
        if isinstance(node, Text):
            yield str(node)
        elif isinstance(node, Wikilink):
            yield from _link(node, dropped_prefixes)
        elif isinstance(node, ExternalLink):
            if node.title is not None:
                yield from _texts(node.title, dropped_prefixes)
        elif isinstance(node, HTMLEntity):
            yield _entity(node)
        elif isinstance(node, Tag):
            yield from _tag(node, dropped_prefixes)
        elif isinstance(node, _Heading):
            yield "\n"


def _link(link: Wikilink, dropped_prefixes: frozenset[str]) -> Iterator[str]:
    title = str(link.title)
    prefix, colon, _ = title.partition(":")
    if colon:
        name = prefix.strip().replace("_", " ").lower()
        if name in dropped_prefixes:
            return
        if link.text is None and _LANGUAGE_PREFIX.fullmatch(prefix.strip()):
            return
    if link.text is None:
        yield title.removeprefix(":")
    else:
        yield from _texts(link.text, dropped_prefixes)


def _entity(entity: HTMLEntity) -> str:
    character = str(entity.normalize())
    # Half of a pair is no character, and cannot be written as UTF-8.
    return "\ufffd" if "\ud800" <= character <= "\udfff" else character


def _tag(tag: Tag, dropped_prefixes: frozenset[str]) -> Iterator[str]:
    name = str(tag.tag).strip().lower()
    if name in _LIST_TAGS:
        yield _IN_LIST
    elif name == "br":
        yield " "
    elif name in _BLOCK_TAGS:
        yield "\n"
        yield from _content(tag, dropped_prefixes)
        yield "\n"
    elif name not in _DROPPED_TAGS:
        yield from _content(tag, dropped_prefixes)


def _content(tag: Tag, dropped_prefixes: frozenset[str]) -> Iterator[str]:
    if tag.contents is not None:
        yield from _texts(tag.contents, dropped_prefixes)


def _cleaned(row: str) -> str:
    """A line without what is left of markup; empty where it is a list's or the parser failed."""
    row = _SWITCH.sub("", _STYLE.sub("", row)).strip()
    if _IN_LIST in row or _BROKEN.search(row):
        return ""
    row = _LEFT_OVER_TAG.sub("", row)
    row = _EMPTY.sub("", _OPENED.sub("(", row))
    row = " ".join(_SPACE_BEFORE.sub("", row).split())
    return row if any(map(str.isalnum, row)) else ""
