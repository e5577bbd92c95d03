"""The ids of the special tokens that batches are made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from data_pipeline.errors import DataError


class _HasSpecialIds(Protocol):
    """What a tokeniser knows of its special tokens."""

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


@dataclass(frozen=True)
class SpecialIds:
    """The ids of the special tokens, and the number of ids."""

    pad: int
    cls: int
    sep: int
    mask: int
    vocab_size: int

    def __post_init__(self) -> None:
        ids = (self.pad, self.cls, self.sep, self.mask)
        if len(set(ids)) < 4 or min(ids) < 0 or max(ids) >= self.vocab_size:
            raise DataError(
                f"[PAD], [CLS], [SEP] and [MASK] need four different ids below the vocabulary's "
                f"size, {self.vocab_size}; got {ids}"
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
        )
