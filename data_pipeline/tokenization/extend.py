"""Adding the words that a WordPiece tokeniser splits worst in some text.

They go to the end of the vocabulary, so that all that was learned of the old ids stays of use. A
tokeniser takes the longest token that a word begins with: a new word is also the first piece of
longer words that begin with it. No other word has other ids.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError
from data_pipeline.tokenization.extension import Extension, extension_of
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import count_words

DEFAULT_WORDS = 1000
# Of a rarer word too few places would teach the row; word2vec's own least count (its `min_count`).
LEAST_COUNT = 5
# Words whose ids are in memory at a time, and above all characters: the end of a range of words.
_BATCH, _LAST = 1 << 16, "\U0010ffff"

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AddedWord:
    """A new token.

    Attributes:
        word: as the tokeniser's rules spell it.
        count: how often it comes in the text.
        pieces: the old tokens that it was split into.
    """

    word: str
    count: int
    pieces: tuple[str, ...]

    @property
    def saved(self) -> int:
        """Tokens that the text has less because of this word itself."""
        return self.count * (len(self.pieces) - 1)


@dataclass(frozen=True)
class Changed:
    """How often words come that begin with a new one and are split otherwise than before.

    Attributes:
        fewer: of them into fewer pieces.
        as_many: into as many, but others.
        more: into more.
    """

    fewer: int
    as_many: int
    more: int

    @property
    def times(self) -> int:
        """All of them."""
        return self.fewer + self.as_many + self.more


@dataclass(frozen=True)
class Extended:
    """A tokeniser with more words, and what that does to the text that they were chosen from.

    Attributes:
        tokenizer: the new one.
        extension: what it has more.
        added: the new words in the order of their ids: first what saves most tokens.
        words: how many words the text has: what the rules leave between spaces and punctuation,
            with a letter or a digit.
        pieces_before, pieces_after: the tokens that these words have.
        tokens_before, tokens_after: the tokens of the whole text, punctuation too.
        changed: words that begin with a new one.
        unknown: how often the old tokeniser makes [UNK] of a word.
    """

    tokenizer: Tokenizer
    extension: Extension
    added: tuple[AddedWord, ...]
    words: int
    pieces_before: int
    pieces_after: int
    tokens_before: int
    tokens_after: int
    changed: Changed
    unknown: int


def checked_wordpiece(tokenizer: TextTokenizer) -> Tokenizer:
    """The tokeniser; DataError where it is of a kind that cannot be extended."""
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    raise DataError(
        f"only a WordPiece tokeniser can be extended; this one is {_why_not(tokenizer)}. Learn a "
        "vocabulary of the text's own (vocab without --extend), or start from a model with "
        "WordPiece"
    )


def _why_not(tokenizer: TextTokenizer) -> str:
    """What it is, and what a new token would need."""
    if tokenizer.kind == "byte_level_bpe":
        return "byte-level BPE, whose tokens are made by merges that were learned in their order"
    if getattr(tokenizer, "model_type", "unigram") == "bpe":
        return "SentencePiece BPE, whose pieces have ranks that a new word has none of"
    return "SentencePiece unigram, whose pieces have scores that a new word has none of"


def extended_by(counts: Counter[str], tokenizer: Tokenizer, most: int = DEFAULT_WORDS) -> Extended:
    """The tokeniser with the words that it splits worst: at most `most`, by tokens saved.

    A word of n pieces saves n - 1 tokens each time it comes; of equal words the first in the order
    of characters is taken. Taken are words of letters (and marks on them) that come `LEAST_COUNT`
    times. A word that is [UNK] is not: there are no pieces to make its row of, and a word saves
    tokens only where it was more than one. Nor is a word that would make another one [UNK], which
    can only be where a vocabulary has letters that never continue a word.

    Choosing again after each word, with what is left to save, would save 0.3 to 0.8 % more of what
    is saved (1,000 words, the original's uncased vocabulary, an encyclopedia and novels).

    Args:
        counts: of the text's words by the tokeniser's rules (`vocabulary.count_words`).
        tokenizer: the old one.
        most: how many words to add, where the text has as many.

    Raises:
        DataError: `most` is below 1, or no word can be added.
    """
    if not isinstance(most, int) or most < 1:
        raise DataError(f"the number of words to add must be at least 1; got {most!r}")
    words = sorted(counts)
    times = np.fromiter(map(counts.__getitem__, words), np.int64, len(words))
    lengths, unknown = _lengths(tokenizer, words)
    saved = np.where(times >= LEAST_COUNT, times * (lengths - 1), 0)
    ranked = np.argsort(-saved, kind="stable")
    ranked = ranked[: np.count_nonzero(saved)]
    refused: set[str] = set()
    while True:
        new = _first(ranked, words, tokenizer, most, refused)
        if not new:
            raise DataError(
                f"there is nothing to add: no word of letters that comes {LEAST_COUNT} times in "
                "the text is split into several known pieces"
            )
        larger = Tokenizer(
            [*tokenizer.vocab, *new],
            tokenizer.rules,
            tokenizer.model_max_length,
            added=tokenizer.added,
        )
        at = _beginning_with(new, words)
        longer = [words[i] for i in at]
        new_lengths, new_unknown = _lengths(larger, longer)
        lost = new_unknown & ~unknown[at]
        if not lost.any():
            break
        refused.update(_longest_beginning(longer[i], new) for i in np.flatnonzero(lost))
    after = lengths.copy()
    after[at] = new_lengths
    extension = extension_of(tokenizer, larger)
    is_word = np.fromiter((any(map(str.isalnum, word)) for word in words), np.bool_, len(words))
    return Extended(
        larger,
        extension,
        tuple(
            AddedWord(word, counts[word], tuple(tokenizer.vocab[i] for i in ids))
            for word, ids in extension.pieces.items()
        ),
        words=int(times @ is_word),
        pieces_before=int(times @ (lengths * is_word)),
        pieces_after=int(times @ (after * is_word)),
        tokens_before=int(times @ lengths),
        tokens_after=int(times @ after),
        changed=_changed(tokenizer, larger, longer, times[at], new),
        unknown=int(times @ unknown),
    )


def _lengths(tokenizer: Tokenizer, words: Sequence[str]) -> tuple[Counts, npt.NDArray[np.bool_]]:
    """How many pieces each word has, and whether it is [UNK]: [words]."""
    lengths, unknown = np.zeros(len(words), np.int64), np.zeros(len(words), np.bool_)
    for start in range(0, len(words), _BATCH):
        batch = slice(start, start + _BATCH)
        ids, lengths[batch] = tokenizer.encode_flat(words[batch])
        firsts = np.cumsum(lengths[batch]) - lengths[batch]
        unknown[batch] = ids[firsts] == tokenizer.unk_id
    return lengths, unknown


def _first(
    ranked: Counts, words: Sequence[str], tokenizer: Tokenizer, most: int, refused: set[str]
) -> list[str]:
    """The first `most` words that may be tokens."""
    new: list[str] = []
    for i in ranked.tolist():
        word = words[i]
        if word not in refused and _may_be_token(word, tokenizer):
            new.append(word)
            if len(new) == most:
                break
    return new


def _may_be_token(word: str, tokenizer: Tokenizer) -> bool:
    """Whether it is of letters and their marks, and stays as it is under the rules."""
    if word.isascii():
        return word.isalpha()
    return (
        word[0].isalpha()
        and all(unicodedata.category(character)[0] in "LM" for character in word)
        and (tokenizer.cased or word == word.lower())
        and list(count_words(word, tokenizer.rules)) == [word]
    )


def _beginning_with(new: Sequence[str], words: Sequence[str]) -> Counts:
    """Where in the sorted words those are that begin with a new one, ascending."""
    ranges = [np.arange(bisect_left(words, w), bisect_left(words, w + _LAST)) for w in new]
    return np.unique(np.concatenate(ranges))


def _longest_beginning(word: str, new: Sequence[str]) -> str:
    return max((w for w in new if word.startswith(w)), key=len)


def _changed(
    old: Tokenizer, new: Tokenizer, words: Sequence[str], times: Counts, added: Sequence[str]
) -> Changed:
    """Of words that begin with an added one."""
    fewer = as_many = more = 0
    whole = set(added)
    for word, n, before, after in zip(
        words, times.tolist(), old.encode_batch(words), new.encode_batch(words), strict=True
    ):
        if word in whole or before == after:
            continue
        fewer += n * (len(after) < len(before))
        as_many += n * (len(after) == len(before))
        more += n * (len(after) > len(before))
    return Changed(fewer, as_many, more)
