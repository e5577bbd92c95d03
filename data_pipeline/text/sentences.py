"""Paragraph -> sentences.

The splitter is `sentencex` (Wikimedia, MIT, https://github.com/wikimedia/sentencex): rules and
lists of abbreviations for some 300 languages, compiled, about 70 MB/s of English a core. Two things
are added: marks that it does not know, and a bound for stretches without any mark. A "sentence" of
the paper is "an arbitrary span of contiguous text"; what matters is that it is short enough for two
of them to fit into a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sentencex import segment

from data_pipeline.text.languages import known_language
from data_pipeline.tokenization.rules import BOUND_TO_NEXT, UNSPACED

# The longest stretch without a mark, in characters: of a script that puts spaces between words, and
# of one that does not. The longest English row has some 2,000 characters; a Thai sentence has about
# 100, and Thai has no mark for its end.
LONGEST = 2000
LONGEST_UNSPACED = 150
# Characters of a paragraph that are split at once: the time of `sentencex` grows with their square
# (a second at 3 million).
LONGEST_PARAGRAPH = 1 << 19
# Marks of the end of a sentence that `sentencex` passes over, with closing quotes and brackets:
# the Greek question mark (U+037E), the Khmer khan and bariyoosan, the Tibetan shad.
_MARK = re.compile("[\u037e\u17d4\u17d5\u0f0d-\u0f11]+[\"'”’»›)\\]〉》」』】）]*")
# Closing quotes and brackets that open nothing in any language, at the beginning of a sentence.
_CLOSING = re.compile(r"[〉》」』】〕〗）］｝｣]+\s*")
# Where all of these are, and little else of the alphabets with spaces: for a quick look.
_ASIAN = re.compile("[\u037e\u0e01-\u1aff\u2e80-\U0003ffff]")
# Chinese, Japanese, and the scripts of South-East Asia.
_UNSPACED = re.compile(
    f"[{UNSPACED}\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Where a long stretch may be cut: best after white space, else after a mark inside a sentence, else
# between any two letters but not before a combining one.
_SPACE = re.compile(r"\s+")
_PAUSE = re.compile("[,;:،؛、，；：・…‥]+")
_LETTER = re.compile(f"(?<![{BOUND_TO_NEXT}])(?=[^\\W_])")


def split_sentences(text: str, language: str = "en") -> list[str]:
    """The sentences of a paragraph, in order, without the white space around them.

    `language` is a code of ISO 639-1 or Wikipedia's such as "en" or "pt-br", as
    `languages.known_language` takes it; `sentencex` uses the nearest related language for one that
    it has no rules for, and else English. Nothing but white space is lost: joined, the sentences
    hold every other character of `text`.

    A paragraph of more than `LONGEST_PARAGRAPH` characters is cut at spaces first. Text without
    marks is cut where it is longer than `LONGEST`, or `LONGEST_UNSPACED` characters in scripts
    without spaces: at spaces, else at commas, else between letters.

    DataError where the language is not known.
    """
    language = known_language(language)
    sentences = [
        sentence
        for part in _affordable(text)
        for sentence in map(str.strip, segment(language, part))
        if sentence
    ]
    if text.isascii() or not _ASIAN.search(text):
        if len(text) <= LONGEST:
            return sentences
        return [short for sentence in sentences for short in _bounded(sentence)]
    return [
        short
        for sentence in _closed(sentences)
        for marked in _after_marks(sentence)
        for short in _bounded(marked)
    ]


def sentences_of(lines: Iterable[str], kind: str, language: str) -> Iterator[str]:
    """The sentences of a document's lines: each is one, or, of the kind "paragraph", is split."""
    if kind == "paragraph":
        for paragraph in lines:
            yield from split_sentences(paragraph, language)
    else:
        yield from lines


def _affordable(text: str) -> Iterator[str]:
    """A paragraph, cut at white space where it is so long that `sentencex` would take minutes."""
    start = 0
    while len(text) - start > LONGEST_PARAGRAPH:
        end = max(text.rfind(mark, start, start + LONGEST_PARAGRAPH) for mark in " \n\t") + 1
        end = end if end > start else start + LONGEST_PARAGRAPH
        yield text[start:end]
        start = end
    yield text[start:]


def _closed(sentences: list[str]) -> Iterator[str]:
    """The sentences, each with the quotes and brackets that close it."""
    before = ""
    for sentence in sentences:
        closing = _CLOSING.match(sentence)
        if closing and before:
            before += closing[0].rstrip()
            sentence = sentence[closing.end() :]
        if sentence:
            if before:
                yield before
            before = sentence
    if before:
        yield before


def _after_marks(sentence: str) -> Iterator[str]:
    """A sentence cut after the marks that `sentencex` passes over."""
    start = 0
    for mark in _MARK.finditer(sentence):
        if mark.start() > start:
            yield sentence[start : mark.end()].strip()
            start = mark.end()
    rest = sentence[start:].strip()
    if rest:
        yield rest


def _bounded(sentence: str) -> Iterator[str]:
    """A sentence cut into parts of about equal length, where it is too long."""
    length = len(sentence)
    if length <= LONGEST_UNSPACED:
        yield sentence
        return
    most = LONGEST
    if length <= LONGEST or not sentence.isascii():
        unspaced = 0 if sentence.isascii() else len(_UNSPACED.findall(sentence))
        most = LONGEST_UNSPACED if 2 * unspaced > length else LONGEST
    if length <= most:
        yield sentence
        return
    start = 0
    while (left := length - start) > most:
        # Not less than half of what is left at most for the last but one, so that none is tiny.
        reach = start + -(-left // -(-left // most))
        end = _last_break(sentence, start, reach)
        part = sentence[start:end].strip()
        if part:
            yield part
        start = end
    rest = sentence[start:].strip()
    if rest:
        yield rest


def _last_break(text: str, start: int, reach: int) -> int:
    """The best place to cut in the second half of `text[start:reach]`."""
    half = (start + reach) // 2
    for place in (_SPACE, _PAUSE, _LETTER):
        ends = [found.end() for found in place.finditer(text, half, reach)]
        if ends:
            return ends[-1]
    return reach
