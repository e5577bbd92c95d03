"""A docstring -> its running prose.

What is not prose is dropped: doctests and other code,
signatures, tables, lists of parameters, references, headings, directives. The rules follow the
three habits of writing docstrings: numpydoc, Google's and Sphinx's. Of a list of parameters only
what is running prose by itself stays: descriptions of several sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Sections that list names or hold code. Other headings go, and what is below them stays.
_DROPPED_SECTIONS = _names(
    """
    args arguments arg parameters params parameter attributes attribute methods method returns
    return yields yield receives raises raise warns throws exceptions fields options keys
    inputs input outputs output usage keywords properties functions classes constants
    variables references reference example examples see-also other-parameters keyword-args
    keyword-arguments other-arguments class-attributes public-methods code todo todos
    copyright license contents authors author history changelog bibliography citation
    citations literature
    """
)
_LISTS = _names(
    """
    args arguments parameters params attributes returns yields raises return other-parameters
    keyword-args keyword-arguments
    """
)
_GOOGLE_HEADING = re.compile(
    r"\s*(?:\*\*)?([A-Za-z]+(?: [A-Za-z]+)?)(?:\*\*)?\s*:(?:\*\*)?\s*(.*)$"
)
_UNDERLINE = re.compile(r"\s*([=\-~^\"'`#*+._:])\1{2,}\s*$")
_FIELD = re.compile(r"\s*(?::[a-z]+(?: [^:]*)?:(?!`)|@[a-z]+(?: \S+)?:)")
_DIRECTIVE = re.compile(r"(\s*)\.\.\s+([\w:.-]+?)\s*::\s*(.*)$")
_EXPLICIT = re.compile(r"\s*\.\.(?:\s|$)")  # footnotes, targets, comments
_ADMONITIONS = _names("note warning important tip hint caution attention danger error")
_BULLET = re.compile(r"(\s*)(?:[-*+•o]|\(?(?:\d{1,2}|[a-zA-Z])[.)])\s+(?=\S)")
_SIGNATURE = re.compile(r"\s*(?:[\w.]+\s*=\s*)?[\w.]+\(.*\)(?:\s*(?:->|--).*)?\s*:?\s*$")
_TABLE = re.compile(r"\S {3,}\S|^\s*[|+]|\t\S|^\s*={2,} +=")
_NAMED_ITEM = re.compile(r"[`'\"*]*[\w.]+[`'\"*]*(?:\s*\([^)]*\))?\s*(?::|--?|=|–|—)(?:\s|$)")
_INLINE = [
    (re.compile(r":[\w:+.-]+:`~[\w.]*?([\w]+)`"), r"\1"),  # :class:`~package.Name`
    (re.compile(r":[\w:+.-]+:`!?([^`<]+?)(?:\s*<[^`>]*>)?`"), r"\1"),  # :ref:`text <label>`
    (re.compile(r"\s*\[(?:#?\w{0,20})\]_"), ""),  # [1]_
    (re.compile(r"`([^`<]+?)\s*<[^`>]+>`__?"), r"\1"),  # `text <address>`_
    (re.compile(r"\[([^\[\]]+)\]\([^()\s]+\)"), r"\1"),  # [text](address)
    (re.compile(r"(`{1,3})([^`]+)\1_{0,2}"), r"\2"),  # `code`
    (re.compile(r"(?<![\w*])(\*{1,2})(?=[^\s*])([^*]+?)(?<=\S)\1(?![\w*])"), r"\2"),  # *emphasis*
    (re.compile(r"<(?:https?://|mailto:)[^>\s]*>"), ""),
    (re.compile(r"\\(?=\W)"), ""),
    (re.compile(r"\|(\w+)\|"), r"\1"),
]
_SENTENCE_END = re.compile(r"[.!?][\"')]* [A-Z]")
# A description of a parameter is prose from here on: several sentences of so many words in all.
_FEWEST_DESCRIPTION_WORDS = 16
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_FEWEST_WORDS = 5
_PLAIN_SHARE = 0.7
_COMMON_SHARE = 0.15
_COMMON = _names(
    """
    a about after all also an and any are as at be been before between both but by can cannot
    do does each either else first for from given has have how if in instead into is it its
    may more must no not of on one only or other otherwise same should so some such than that
    the their them then there these they this those to two up use used using was we when where
    whether which while will with within without would you your
    """
)


def prose_of_docstring(docstring: str) -> list[str]:
    """The paragraphs of running prose of a docstring, without markup, each on one line.

    Descriptions of parameters, where they are several sentences, come last.
    """
    lines = docstring.split("\n")
    descriptions = list(map(_without_markup, _paragraphs(_description_lines(lines))))
    body = list(map(_without_markup, _paragraphs(_prose_lines(lines))))
    # The first line, what the thing does in a phrase, often goes without its full stop.
    kept = [text for i, text in enumerate(body) if is_prose(text, whole=i > 0)]
    return kept + [
        text
        for text in descriptions
        if text.count(" ") >= _FEWEST_DESCRIPTION_WORDS - 1
        and _SENTENCE_END.search(text)
        and is_prose(text)
    ]


def is_prose(paragraph: str, whole: bool = True) -> bool:
    """Whether a paragraph is running English.

    It is made of words, some of them the common ones that no signature, formula or list of names
    holds, and, where it must be `whole`, it has an end.
    """
    words = paragraph.split()
    if len(words) < _FEWEST_WORDS or not (paragraph[0].isalpha() or paragraph[0] in "\"'("):
        return False
    end = paragraph.rstrip("\"')”’")[-1:]
    if whole or not (paragraph[0].isupper() and end.isalnum()):
        if end not in (".", "!", "?", ":") or paragraph.endswith(".."):
            return False
        if paragraph[0].islower() and end == ":":
            return False
    stripped = [word.strip(".,;:!?\"'()") for word in words]
    plain = sum(_WORD.fullmatch(word) is not None for word in stripped)
    common = sum(word.lower() in _COMMON for word in stripped)
    return plain >= _PLAIN_SHARE * len(words) and common >= _COMMON_SHARE * len(words)


def _prose_lines(lines: list[str]) -> Iterator[str]:
    """The lines without sections, directives and code; what is taken out leaves a blank line."""
    i = 0
    while i < len(lines):
        line = lines[i]
        following = lines[i + 1] if i + 1 < len(lines) else ""
        stripped = line.strip()
        if not stripped or _UNDERLINE.match(line) or stripped.startswith("#"):
            yield ""
            i += 1
        elif (
            _UNDERLINE.match(following)
            and len(stripped) < 100
            and _indent(following) == _indent(line)
        ):
            i = _after_section(lines, i + 2) if _is_dropped(stripped) else i + 2
            yield ""
        elif stripped.startswith(">>>"):
            while i < len(lines) and lines[i].strip():
                i += 1
        elif stripped.startswith(("```", "~~~")):
            i += 1
            while i < len(lines) and not lines[i].strip().startswith(stripped[:3]):
                i += 1
            i += 1
            yield ""
        elif directive := _DIRECTIVE.match(line):
            yield ""
            if directive[2].lower() in _ADMONITIONS:
                if directive[3]:
                    lines[i] = directive[1] + "   " + directive[3]
                else:
                    i += 1
            else:
                i = _after_indented(lines, i)
        elif _EXPLICIT.match(line) or _FIELD.match(line) or _SIGNATURE.match(line):
            yield ""
            i = i + 1 if _SIGNATURE.match(line) else _after_indented(lines, i)
        elif (heading := _GOOGLE_HEADING.match(line)) and _is_dropped(heading[1]):
            yield ""
            i = _after_indented(lines, i)
        elif heading and not heading[2] and _indent(following) > _indent(line):
            yield ""  # "Note:" above what stays
            i += 1
        elif stripped.endswith("::"):
            yield line.rstrip()[:-1]
            yield ""
            i = _after_indented(lines, i)
        else:
            yield line
            i += 1


def _description_lines(lines: list[str]) -> Iterator[str]:
    """What `_prose_lines` leaves out as lists of parameters, without the names."""
    i = 0
    while i < len(lines):
        line = lines[i]
        following = lines[i + 1] if i + 1 < len(lines) else ""
        heading = _GOOGLE_HEADING.match(line)
        if _UNDERLINE.match(following) and _name_of(line) in _LISTS:
            end, depth = _after_section(lines, i + 2), _indent(line)
            yield from _prose_lines([r if _indent(r) > depth else "" for r in lines[i + 2 : end]])
            i = end
        elif heading and not heading[2] and _name_of(heading[1]) in _LISTS:
            end = _after_indented(lines, i)
            for row in lines[i + 1 : end]:
                item = _NAMED_ITEM.match(row.strip())
                if item:
                    yield ""
                yield row.strip()[item.end() if item else 0 :]
            i = end
        elif field := _FIELD.match(line):
            end = _after_indented(lines, i)
            yield line[field.end() :].strip()
            yield from (row.strip() for row in lines[i + 1 : end])
            i = end
        else:
            i += 1
            continue
        yield ""


def _name_of(heading: str) -> str:
    return heading.strip().rstrip(":").lower().replace(" ", "-")


def _is_dropped(heading: str) -> bool:
    return _name_of(heading) in _DROPPED_SECTIONS


def _after_section(lines: list[str], i: int) -> int:
    """The next underlined heading at or after line i."""
    while i + 1 < len(lines) and not (lines[i].strip() and _UNDERLINE.match(lines[i + 1])):
        i += 1
    return i if i + 1 < len(lines) else len(lines)


def _after_indented(lines: list[str], i: int) -> int:
    """The first line after i that is not blank and not deeper than line i."""
    depth = _indent(lines[i])
    i += 1
    while i < len(lines) and (not lines[i].strip() or _indent(lines[i]) > depth):
        i += 1
    return i


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Lines joined to paragraphs: up to a blank line, a bullet, or a change of indentation."""
    block: list[str] = []
    bullet = False
    for line in [*lines, ""]:
        starts = _BULLET.match(line)
        ends = not line.strip() or starts is not None
        if block and not ends:
            change = _indent(line) - _indent(block[-1])
            ends = change < 0 or (change > 0 and not (bullet and len(block) == 1))
        if ends and block:
            if not any(_TABLE.search(row.strip()) for row in block):
                text = " ".join(row.strip() for row in block)
                if not (bullet and _NAMED_ITEM.match(text)):
                    yield text
            block = []
        if line.strip():
            if not block:
                bullet = starts is not None
            block.append(line[: _indent(line)] + line[starts.end() :] if starts else line)


def _without_markup(paragraph: str) -> str:
    for pattern, replacement in _INLINE:
        paragraph = pattern.sub(replacement, paragraph)
    return " ".join(paragraph.split())
