"""From texts to what a model reads: ids with special tokens, and no longer than its positions."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.inference.batching import Row


class Located(Protocol):
    """The ids of a text and its words (`data_pipeline.tokenization.located`)."""

    @property
    def ids(self) -> list[int]:
        """Of the whole text."""

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where each word begins and ends, in characters of the text."""

    @property
    def owners(self) -> np.ndarray:
        """Of each id, the place of its word in `spans`."""


class TextTokenizer(Protocol):
    """What inference needs of a tokeniser (`data_pipeline.load_tokenizer`)."""

    pad_id: int
    cls_id: int
    sep_id: int
    mask_id: int

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without special tokens."""

    def encode_located(self, text: str) -> Located:
        """Ids of a text, without special tokens, and its words with their places."""

    def as_running_text(self, sentences: Sequence[str], ends: Sequence[int]) -> Sequence[str]:
        """Stretches of text as they are to be encoded one by one."""

    def encode_with_masks(self, text: str) -> list[int]:
        """Ids of a text, in which `[MASK]` is one token."""

    def build_inputs(
        self, ids_a: Sequence[int], ids_b: Sequence[int] | None = None, *, type_vocab_size: int = 2
    ) -> tuple[list[int], list[int]]:
        """Ids and token types of one text or two, with special tokens."""

    def readable_token(self, i: int) -> str:
        """The token of an id as a person can read it."""


class BadText(UserError):
    """One of several inputs cannot be taken.

    Attributes:
      index: which one; those before it can be.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def encode(
    tokenizer: TextTokenizer,
    config: BertConfig,
    firsts: Sequence[str],
    seconds: Sequence[str] | None = None,
    *,
    truncate: bool = False,
    masks: bool = False,
) -> list[Row]:
    """Each text, or each pair of texts, with its special tokens.

    Args:
      tokenizer: of the model.
      config: of the model.
      firsts: the texts.
      seconds: the other text of each.
      truncate: cut what is too long for the model at its end, of a pair the longer one first,
        instead of refusing it.
      masks: take each literal `[MASK]` for the mask token, which is data elsewhere.

    Raises:
      BadText: an input is too long.
    """

    def ids_of(texts: Sequence[str]) -> list[list[int]]:
        if masks:
            return [tokenizer.encode_with_masks(text) for text in texts]
        return tokenizer.encode_batch(texts)

    first_ids = ids_of(firsts)
    if seconds is None:
        return [
            single(tokenizer, config, ids, i, firsts[i], truncate=truncate)
            for i, ids in enumerate(first_ids)
        ]
    second_ids = ids_of(seconds)
    return [
        pair(tokenizer, config, a, b, i, firsts[i], truncate=truncate)
        for i, (a, b) in enumerate(zip(first_ids, second_ids, strict=True))
    ]


def single(
    tokenizer: TextTokenizer,
    config: BertConfig,
    ids: Sequence[int],
    index: int,
    text: str,
    *,
    truncate: bool = False,
    limit: int | None = None,
) -> Row:
    """`[CLS] ids [SEP]`; `index` and `text` are for the error.

    Raises:
      BadText: it is longer than the model's positions, or than the limit.
    """
    room = min(config.max_length, limit or config.max_length) - 2
    if len(ids) > room:
        if not truncate:
            raise _too_long(index, text, len(ids) + 2, config, room + 2)
        ids = ids[:room]
    row = np.array([tokenizer.cls_id, *ids, tokenizer.sep_id], np.int32)
    return Row(row, np.zeros_like(row))


def pair(
    tokenizer: TextTokenizer,
    config: BertConfig,
    first: Sequence[int],
    second: Sequence[int],
    index: int,
    text: str,
    *,
    truncate: bool = False,
) -> Row:
    """Two texts as the model's kind has them (`build_inputs`); see `single`.

    Raises:
      BadText: they are too long together.
    """
    specials = len(tokenizer.build_inputs([], [])[0])
    room = config.max_length - specials
    if len(first) + len(second) > room:
        if not truncate:
            raise _too_long(index, text, len(first) + len(second) + specials, config)
        # The longer one gives way until both are alike.
        kept = min(len(second), max(room - len(first), room // 2))
        first, second = first[: room - kept], second[:kept]
    ids, types = tokenizer.build_inputs(first, second, type_vocab_size=config.type_vocab_size)
    return Row(np.array(ids, np.int32), np.array(types, np.int32))


def _too_long(
    index: int, text: str, tokens: int, config: BertConfig, limit: int | None = None
) -> BadText:
    most = f"the model has {config.max_length} positions"
    if limit is not None and limit < config.max_length:
        most = f"the model is for {limit} at most"
    return BadText(
        index,
        f"the text {text[:40]!r}... has {tokens} tokens with [CLS] and [SEP]; {most}: give a "
        "shorter one",
    )
