"""What masks and rows need of a vocabulary: the special tokens, and the ids inside of words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError


class _HasSpecialIds(Protocol):
    """What a tokeniser knows of its ids."""

    @property
    def pad_id(self) -> int: ...
    @property
    def cls_id(self) -> int: ...
    @property
    def sep_id(self) -> int: ...
    @property
    def mask_id(self) -> int: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def continues_word(self) -> npt.NDArray[np.bool_]: ...


@dataclass(frozen=True)
class SpecialIds:
    """The ids of the special tokens, and the number of ids.

    Attributes:
        pad: id of [PAD]; as `cls`, `sep` and `mask` are those of [CLS], [SEP] and [MASK].
        vocab_size: number of ids.
        continues_word: [vocab_size], true for an id that goes on with the word of the token before
            it ("##ing"). None where nobody said; then single pieces alone can be masked. Does not
            count when two are compared.

    Raises:
        DataError: two ids are the same, one is outside the vocabulary, `continues_word` has
            another shape or type, or a special token would go on with a word.
    """

    pad: int
    cls: int
    sep: int
    mask: int
    vocab_size: int
    continues_word: npt.NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        ids = (self.pad, self.cls, self.sep, self.mask)
        if len(set(ids)) < 4 or min(ids) < 0 or max(ids) >= self.vocab_size:
            raise DataError(
                f"[PAD], [CLS], [SEP] and [MASK] need four different ids below the vocabulary's "
                f"size, {self.vocab_size}; got {ids}"
            )
        table = self.continues_word
        if table is None:
            return
        if table.dtype != np.bool_ or table.shape != (self.vocab_size,):
            raise DataError(
                f"continues_word must hold a bool for each of the {self.vocab_size} ids; "
                f"got {table.dtype} of shape {table.shape}"
            )
        if table[list(ids)].any():
            raise DataError(
                f"continues_word must be false for [PAD], [CLS], [SEP] and [MASK], {ids}; "
                f"got {table[list(ids)].tolist()}"
            )

    @classmethod
    def of(cls, tokenizer: _HasSpecialIds) -> SpecialIds:
        """Those of a tokeniser."""
        return cls(
            tokenizer.pad_id,
            tokenizer.cls_id,
            tokenizer.sep_id,
            tokenizer.mask_id,
            tokenizer.vocab_size,
            tokenizer.continues_word,
        )
