"""What the rest of the project knows of a tokeniser, and what all kinds have in common.

A word's pieces depend on nothing around it, so each distinct word is split once and remembered,
which on running text is several times faster than doing it anew.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import chain
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from data_pipeline.tokenization.located import Located
from data_pipeline.tokenization.rules import Rules

Kind = Literal["wordpiece", "sentencepiece", "byte_level_bpe"]
PAD, UNK, CLS, SEP, MASK = SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# What others call their roles.
ROLES = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
# Words whose pieces are remembered, with long ones counting for more: about 80 MB.
_CACHE_SIZE = 1 << 19


class PairLayout(NamedTuple):
    """How two texts are put in a row.

    Attributes:
        separators: how many stand between them.
        second_type: the token type of the second text and the separator after it.
    """

    separators: int = 1
    second_type: int = 1


BERT_PAIR, ROBERTA_PAIR = PairLayout(), PairLayout(separators=2, second_type=0)


class TextTokenizer(ABC):
    """Text <-> ids of pieces.

    No text becomes a special token: a literal "[SEP]" in a corpus is data, and is split like any
    other word.

    Attributes:
        kind: "wordpiece", "sentencepiece" or "byte_level_bpe".
        vocab: the token of each id.
        vocab_size: how many there are.
        rules: what is done to text before.
        cased: whether capitals are kept.
        dtype: the narrowest type that holds every id, uint16 or uint32.
        model_max_length: the longest input of the model, in tokens; for others to read.
        special_tokens: those for padding, unknown words, beginning, end, and masks, as they are
            written ("[PAD]", "[UNK]", "[CLS]", "[SEP]" and "[MASK]", or others).
        pad_id, unk_id, cls_id, sep_id, mask_id: of these, looked up in the vocabulary.
        pair_layout: how two texts are put in a row.
    """

    kind: ClassVar[Kind]

    def __init__(
        self,
        vocab: Sequence[str],
        rules: Rules,
        model_max_length: int,
        special_tokens: Sequence[str] = SPECIALS,
        pair_layout: PairLayout = BERT_PAIR,
    ) -> None:
        """The vocabulary must hold all special tokens."""
        self.special_tokens, self.pair_layout = tuple(special_tokens), pair_layout
        self.vocab = tuple(vocab)
        self.rules = rules
        self.model_max_length = model_max_length
        self.vocab_size = len(self.vocab)
        self.cased = rules.cased
        self._ids = {token: i for i, token in enumerate(self.vocab)}
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self._ids[token] for token in self.special_tokens
        )
        self.dtype: np.dtype[np.unsignedinteger] = np.dtype(
            np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        )
        self._cache: dict[str, bytes] = {}
        self._cached = 0

    def with_max_length(self, length: int) -> Self:
        """The same for a model whose longest input is another."""
        found = copy(self)
        found.model_max_length = length
        return found

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, without special tokens."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without special tokens."""
        return [np.frombuffer(ids, self.dtype).tolist() for ids in self._encode_bytes(texts)]

    def encode_flat(
        self, texts: Sequence[str]
    ) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.int64]]:
        """The ids of all texts in a row, of type `dtype`, and each text's number of ids."""
        encoded = self._encode_bytes(texts)
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded)) // self.dtype.itemsize
        return np.frombuffer(b"".join(encoded), self.dtype), lengths

    @abstractmethod
    def encode_located(self, text: str) -> Located:
        """Like `encode`, and where in `text` the word of each id stands.

        What a word is, the tokeniser says; see the classes. Nothing is remembered, so `encode` is
        faster where only ids are wanted.
        """

    def as_running_text(self, sentences: Sequence[str], ends: Sequence[int]) -> Sequence[str]:
        """Sentences of documents as they are to be encoded one by one.

        As they are, where the ids of a sentence do not tell whether a space is before it.

        Args:
            sentences: of all documents in a row.
            ends: 0, then the number of sentences up to the end of each document.
        """
        del ends
        return sentences

    @property
    def mask_token(self) -> str:
        """The mask token as it is written in a text ("[MASK]"); "[MASK]" is understood always."""
        return self.special_tokens[-1]

    def build_inputs(
        self, ids_a: Sequence[int], ids_b: Sequence[int] | None = None, *, type_vocab_size: int = 2
    ) -> tuple[list[int], list[int]]:
        """A text, or two, with special tokens, as the model's kind has them in fine-tuning.

        BERT's `[CLS] A [SEP] B [SEP]`, the types of B and its separator 1 (Devlin et al., arXiv
        1810.04805, section 3); RoBERTa's `<s> A </s> </s> B </s>`, all types 0.

        Args:
            ids_a: of the first text.
            ids_b: of the second, None where there is none.
            type_vocab_size: of the model; with a single type all are 0.

        Returns:
            (input_ids, token_type_ids), of the same length.
        """
        ids = [self.cls_id, *ids_a, self.sep_id]
        types = [0] * len(ids)
        if ids_b is not None:
            more = [self.sep_id] * (self.pair_layout.separators - 1)
            second = [*ids_b, self.sep_id]
            ids += [*more, *second]
            kind = self.pair_layout.second_type if type_vocab_size > 1 else 0
            types += [0] * len(more) + [kind] * len(second)
        return ids, types

    @abstractmethod
    def encode_with_masks(self, text: str) -> list[int]:
        """Like `encode`, but each literal "[MASK]" is the mask token. For inference only."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Readable text: pieces joined, special tokens as they are written."""

    def id_to_token(self, i: int) -> str:
        """IndexError where there is no such id."""
        if not 0 <= i < self.vocab_size:
            raise IndexError(f"id {i} is outside the vocabulary of {self.vocab_size}")
        return self.vocab[i]

    def readable_token(self, i: int) -> str:
        """The token of an id as a person can read it."""
        return self.id_to_token(i)

    def token_to_id(self, token: str) -> int | None:
        """None where the vocabulary does not hold the token."""
        return self._ids.get(token)

    @property
    @abstractmethod
    def continues_word(self) -> npt.NDArray[np.bool_]:
        """Of each id, whether its token goes on with the word of the token before; [vocab_size]."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of all that decides the ids: vocabulary and rules."""

    @abstractmethod
    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the folder that `load_tokenizer` opens.

        A folder in which this tokeniser was not written to the end is completed. DataError where
        the folder holds anything else.
        """

    @abstractmethod
    def with_rules(self, rules: Rules) -> TextTokenizer:
        """A tokeniser of the same vocabulary and other rules. DataError where they contradict."""

    @abstractmethod
    def _words(self, texts: Sequence[str]) -> list[list[str]]:
        """Each text as words that can be split into pieces by themselves."""

    @abstractmethod
    def _pieces(self, words: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Each word with its ids as the bytes of an array of `dtype`."""

    def _encode_bytes(self, texts: Sequence[str]) -> list[bytes]:
        """The ids of each text as the bytes of an array."""
        words = self._words(texts)
        cache = self._cache
        missing = sorted(set(chain.from_iterable(words)).difference(cache))
        if missing:
            if self._cached > _CACHE_SIZE:
                # A new dictionary, not a cleared one: another thread may be reading the old one.
                self._cache = cache = {}
                self._cached = 0
                missing = sorted(set(chain.from_iterable(words)))
            cache.update(self._pieces(missing))
            self._cached += len(missing) + sum(map(len, missing)) // 32
        pieces = cache.__getitem__
        return [b"".join(map(pieces, text)) for text in words]
