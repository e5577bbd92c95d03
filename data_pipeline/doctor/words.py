"""How the tokeniser fits the text: pieces a word, the words it splits worst, and their case.

A word is a token and the continuing pieces after it in the same sentence. Only words that begin
with a letter or a digit count: a punctuation mark is always one piece and would hide the others.
In a script without spaces between words each character counts as a word, as everywhere else
(`text.words`): a piece of three such characters is three words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from data_pipeline.counter_random import Stream, random_bits, stream_key
from data_pipeline.store.token_store import Split
from data_pipeline.text.characters import UNSPACED, classes_of, codes_of
from data_pipeline.tokenization.byte_level_tokenizer import ByteLevelTokenizer

Bools = npt.NDArray[np.bool_]

_PREFIX = "##"
_WORD_START = "\u2581"  # what SentencePiece puts before a word
_SEED = 0
# Odd, with its bits spread: a place in a word is a power of it.
_PLACE = np.uint64(0xD1342543DE82EF95)


class _Pieces(Protocol):
    """What is asked of a tokeniser."""

    @property
    def vocab_size(self) -> int: ...
    def id_to_token(self, i: int) -> str: ...
    def readable_token(self, i: int) -> str: ...
    def decode(self, ids: list[int]) -> str: ...


@dataclass(frozen=True)
class SplitWord:
    """A word that takes several pieces.

    Attributes:
        word: as text.
        pieces: of it.
        count: how often it comes in the sample.
    """

    word: str
    pieces: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Words:
    """What a sample's words are like.

    Attributes:
        count: of words with a letter or a digit.
        fertility: pieces a word (Rust et al., arXiv 2012.15613, section 3.2); below 1 where pieces
            hold several characters of a script without spaces.
        split_share: of the words, those of more than one piece.
        case_share: of the words, those whose first piece has a letter of two cases.
        capital_share: of these, those with a capital in their first piece.
        ended_share: of the sentences, those whose last piece is no letter or digit: a full stop.
        worst: the words that cost most pieces beyond their first, counted as often as they come.
    """

    count: int
    fertility: float
    split_share: float
    case_share: float
    capital_share: float
    ended_share: float
    worst: tuple[SplitWord, ...]


@dataclass(frozen=True, eq=False)
class PieceTable:
    """What each id of a vocabulary is like; all arrays are [V].

    Attributes:
        continues: whether the piece goes on with a word.
        unspaced: how many of its characters are of a script without spaces between words.
        has_letter: whether it holds a letter or a digit, and is no special token.
        has_case: whether it holds a letter of two cases.
        has_capital: whether lower-casing would change it.
    """

    continues: Bools
    unspaced: npt.NDArray[np.int64]
    has_letter: Bools
    has_case: Bools
    has_capital: Bools

    @classmethod
    def of(cls, tokenizer: _Pieces, special_ids: Iterable[int]) -> PieceTable:
        """Reads a vocabulary: `##` continues a word (WordPiece), `▁` begins one (SentencePiece).

        Of byte-level BPE a letter or digit without a space before it continues one.
        """
        pieces = [tokenizer.id_to_token(i) for i in range(tokenizer.vocab_size)]
        if isinstance(tokenizer, ByteLevelTokenizer):
            pieces = [tokenizer.readable_token(i) for i in range(tokenizer.vocab_size)]
            spaceless = tokenizer.continues_word.tolist()
            continues = [c and p[:1].isalnum() for p, c in zip(pieces, spaceless, strict=True)]
        elif any(piece.startswith(_WORD_START) for piece in pieces):
            continues = [not piece.startswith(_WORD_START) for piece in pieces]
        else:
            continues = [piece.startswith(_PREFIX) and piece != _PREFIX for piece in pieces]
        is_unspaced = (classes_of(codes_of("".join(pieces))) & UNSPACED) != 0
        before = np.concatenate(([0], np.cumsum(is_unspaced)))
        table = cls(
            np.array(continues),
            np.diff(before.take(np.cumsum([0, *map(len, pieces)]))),
            np.array([any(map(str.isalnum, piece)) for piece in pieces]),
            np.array([piece.lower() != piece.upper() for piece in pieces]),
            np.array([piece != piece.lower() for piece in pieces]),
        )
        for flags in (table.continues, table.has_letter, table.has_case, table.has_capital):
            flags[list(special_ids)] = False
        return table


def words_of(split: Split, tokenizer: _Pieces, table: PieceTable, worst: int = 10) -> Words:
    """Looks at all words of a split: give a sample of a large one.

    Ids beyond the vocabulary are taken for its last one.
    """
    tokens = np.minimum(np.asarray(split.tokens), tokenizer.vocab_size - 1)
    unspaced = table.unspaced.take(tokens)
    begins = ~table.continues.take(tokens) | (unspaced > 0)
    begins[1:] |= unspaced[:-1] > 0
    begins[split.sentence_offsets[:-1]] = True
    first = np.flatnonzero(begins)
    length = np.diff(first, append=len(tokens))
    counted = table.has_letter.take(tokens.take(first)) | (unspaced.take(first) > 0)
    first, length = first[counted], length[counted]
    count = int(np.maximum(unspaced.take(first), 1).sum())
    last = tokens.take(np.asarray(split.sentence_offsets[1:]) - 1)
    ended_share = float(1 - table.has_letter.take(last).mean())
    if not count:
        return Words(0, 0.0, 0.0, 0.0, 0.0, ended_share, ())
    several = length > 1
    has_case, has_capital = (
        int(flags.take(tokens.take(first)).sum()) for flags in (table.has_case, table.has_capital)
    )
    return Words(
        count=count,
        fertility=int(length.sum()) / count,
        split_share=int(several.sum()) / count,
        case_share=has_case / count,
        capital_share=has_capital / max(1, has_case),
        ended_share=ended_share,
        worst=_worst(tokens, first[several], length[several], tokenizer, worst),
    )


def sequence_hashes(
    values: npt.NDArray[np.integer], offsets: npt.NDArray[np.int64], stream: int = 0
) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each sequence `values[offsets[i]:offsets[i + 1]]`, which may be empty.

    Sums of random bits of each value times a power for its place: equal for equal sequences, and
    for others with a chance of about 2^-64.
    """
    key = stream_key(_SEED, Stream.DOCTOR_HASH, stream)
    lengths = np.diff(offsets)
    powers = np.full(int(lengths.max(initial=0)) + 1, _PLACE)
    powers[0] = 1
    np.multiply.accumulate(powers, out=powers)
    place = np.arange(len(values)) - np.repeat(offsets[:-1], lengths)
    terms = random_bits(key, values)
    terms *= powers.take(place)
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(terms)))
    return random_bits(
        key, sums.take(offsets[1:]) - sums.take(offsets[:-1]) + lengths.astype(np.uint64)
    )


def _worst(
    tokens: npt.NDArray[np.integer],
    first: npt.NDArray[np.int64],
    length: npt.NDArray[np.int64],
    tokenizer: _Pieces,
    number: int,
) -> tuple[SplitWord, ...]:
    """Of the words at `first`, those with most pieces beyond the first in all."""
    offsets = np.concatenate(([0], np.cumsum(length)))
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - first, length)
    hashes = sequence_hashes(tokens.take(place), offsets)
    _, index, counts = np.unique(hashes, return_index=True, return_counts=True)
    cost = counts * (length[index] - 1)
    # Ties in the order of the text, not of the hashes.
    chosen = np.lexsort((index, -cost))[:number]
    result = []
    for i in chosen:
        lo = first[index[i]]
        ids = [int(token) for token in tokens[lo : lo + length[index[i]]]]
        pieces = tuple(tokenizer.readable_token(token) for token in ids)
        result.append(SplitWord(tokenizer.decode(ids), pieces, int(counts[i])))
    return tuple(result)
