"""What a tokeniser does to text before it looks for pieces: Unicode form, case, accents, spaces."""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from tokenizers import Regex, normalizers, pre_tokenizers

from data_pipeline.errors import DataError

UnicodeForm = Literal["none", "nfc", "nfkc"]
# What SentencePiece writes for a space, at the beginning of the word after it.
WORD_MARK = "\u2581"
# Longer words become [UNK], as in Hugging Face's tokenisers; the original's last version has 200.
LONGEST_WORD = 100
# Scripts that put no spaces between words and whose letters the original does not separate: Thai,
# Lao, Myanmar, Khmer, and the Tai scripts (those of Unicode's line-breaking class SA).
UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109f"
    "\u1780-\u17d3\u17d7\u17dc\u17dd\u1950-\u19df\u1a20-\u1aad\ua9e0-\ua9ef\ua9fa-\ua9fe"
    "\uaa60-\uaadf"
)
# What cannot be parted from the letter after it: vowels written before their consonant, and the
# signs that put a consonant below another.
BOUND_TO_NEXT = "\u0e40-\u0e44\u0ec0-\u0ec4\u1039\u17d2\u1a60"
# Scripts that "stripping accents" damages: vowel signs and voicing marks are combining marks, and
# syllables of Hangul fall apart. As they begin the names of their characters.
_MARKED = frozenset(
    "DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL TELUGU KANNADA MALAYALAM SINHALA THAI LAO "
    "TIBETAN MYANMAR KHMER HIRAGANA KATAKANA HANGUL".split()
)
# In a smaller share of the tokens a script is a guest.
_GUESTS = 0.01
_FORMS = {"nfc": normalizers.NFC, "nfkc": normalizers.NFKC}


@dataclass(frozen=True)
class Rules:
    """What decides a tokeniser's ids beside its vocabulary.

    Attributes:
        cased: capitals are kept; else all text is lower-cased.
        strip_accents: combining marks are dropped; None means where the text is lower-cased, as in
            the original.
        tokenize_chinese_chars: each Chinese character is a word.
        unicode_form: what the text is normalised to before everything else.
        split_long_runs: a run of more than `LONGEST_WORD` letters of a script without spaces is cut
            into words of at most that length, where it would be one [UNK]. No other text has other
            ids.
    """

    cased: bool
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    unicode_form: UnicodeForm = "none"
    split_long_runs: bool = False

    def __post_init__(self) -> None:
        if self.unicode_form not in get_args(UnicodeForm):
            raise DataError(
                f"unicode_form must be one of {', '.join(get_args(UnicodeForm))}; "
                f"got {self.unicode_form!r}"
            )

    @property
    def strips_accents(self) -> bool:
        """What `strip_accents` comes to."""
        return not self.cased if self.strip_accents is None else self.strip_accents

    def normalizer(self) -> normalizers.Normalizer:
        """The rules as Hugging Face's component, the Unicode form first."""
        forms = self.form_normalizers()
        words = self.word_normalizer()
        return normalizers.Sequence([*forms, words]) if forms else words

    def form_normalizers(self) -> list[normalizers.Normalizer]:
        """The Unicode form as Hugging Face's component, where there is one."""
        return [] if self.unicode_form == "none" else [_FORMS[self.unicode_form]()]

    def word_normalizer(self) -> normalizers.Normalizer:
        """The rules but for the Unicode form, for text that has it already."""
        return normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=self.tokenize_chinese_chars,
            strip_accents=self.strip_accents,
            lowercase=not self.cased,
        )

    def pre_tokenizer(self) -> pre_tokenizers.PreTokenizer:
        """How normalised text is cut into the words of WordPiece."""
        words = pre_tokenizers.BertPreTokenizer()
        if not self.split_long_runs:
            return words
        return pre_tokenizers.Sequence([words, pre_tokenizers.Split(Regex(LONG_RUN), "isolated")])

    def with_form(self, text: str) -> str:
        """`text` in the Unicode form.

        The library's, not Python's, whose tables differ from version to version.
        """
        if self.unicode_form == "none" or text.isascii():
            return text
        return str(_FORMS[self.unicode_form]().normalize_str(text))

    def facts(self) -> dict[str, Any]:
        """All that decides ids, for a fingerprint.

        Fields that came later are left out at their default, so that fingerprints stay the same.
        """
        facts = {**asdict(self), "strip_accents": self.strips_accents}
        later = ("unicode_form", "split_long_runs")
        return {
            name: value
            for name, value in facts.items()
            if name not in later or value != _DEFAULTS[name]
        }


_DEFAULTS = {field.name: field.default for field in fields(Rules)}
# The beginning of a run that is too long for a word, cut before a letter. Longer than half a word,
# so that a run is cut into few.
LONG_RUN = (
    rf"(?=[{UNSPACED}]{{{LONGEST_WORD + 1}}})"
    rf"[{UNSPACED}]{{{LONGEST_WORD // 2},{LONGEST_WORD}}}(?<![{BOUND_TO_NEXT}])(?!\p{{M}})"
)


def separated(text: str, rules: Rules) -> str:
    """`text` in its Unicode form, with spaces around each ASCII punctuation mark.

    ASCII capitals are lowered if all capitals are. Its words are cut and spelt by the normaliser as
    those of `text` are: a punctuation mark is a word whatever is beside it, and lowering one
    character does not depend on the next. What else ends a word, and all other characters, are left
    for the normaliser.
    """
    text = rules.with_form(text)
    if not rules.cased:
        text = text.encode("utf-8").lower().decode("utf-8")
    for mark in string.punctuation:
        text = text.replace(mark, f" {mark} ")
    return text


def marked_normalizer(rules: Rules) -> normalizers.Normalizer:
    """The rules for SentencePiece, to whom a literal word mark is a space at some places."""
    return normalizers.Sequence([rules.normalizer(), normalizers.Replace(WORD_MARK, " ")])


def marked_scripts(vocab: Sequence[str]) -> list[str]:
    """The scripts of a vocabulary whose letters suffer where accents are dropped, by name."""
    scripts: Counter[str] = Counter()
    for token in vocab:
        scripts.update({unicodedata.name(c, "?").split()[0] for c in token} & _MARKED)
    return sorted(s.title() for s, n in scripts.items() if n > _GUESTS * len(vocab))
