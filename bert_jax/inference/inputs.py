"""From texts to what a model reads: ids with special tokens, and no longer than its positions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.inference.batching import Row

_SHOWN = 40


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

    Args:
      index: which one; those before it can be.
      message: what is wrong with it, without what to cut it by.
      can_cut: whether what was asked for can be had of a text that is cut.
      name: of the argument that holds it, `texts`; empty where it is alone.

    Attributes:
      index: see above.
      message: see above.
      can_cut: see above.
    """

    def __init__(self, index: int, message: str, *, can_cut: bool = False, name: str = "") -> None:
        place = f"{name}[{index}]: " if name else ""
        super().__init__(f"{place}{message}{', or truncate=True' if can_cut else ''}")
        self.index, self.message, self.can_cut = index, message, can_cut

    def at(self, index: int, name: str = "") -> "BadText":
        """The same of another place."""
        return BadText(index, self.message, can_cut=self.can_cut, name=name)

    def for_command(self) -> str:
        """The message as the command line says it, which has a flag in the place of an argument."""
        return f"{self.message}{', or --truncate' if self.can_cut else ''}"


@contextmanager
def naming(name: str, given: object = None) -> Iterator[None]:
    """Within it a `BadText` names the argument that holds it, where `given` is not one text."""
    try:
        yield
    except BadText as error:
        raise error.at(error.index, "" if isinstance(given, str) else name) from None


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
        pair(tokenizer, config, a, b, i, firsts[i], seconds[i], truncate=truncate)
        for i, (a, b) in enumerate(zip(first_ids, second_ids, strict=True))
    ]


def single(
    tokenizer: TextTokenizer,
    config: BertConfig,
    ids: Sequence[int],
    index: int,
    text: str,
    *,
    truncate: bool | None = None,
    limit: int | None = None,
) -> Row:
    """`[CLS] ids [SEP]`; `index` and `text` are for the error.

    Args:
      tokenizer: of the model.
      config: of the model.
      ids: of the text.
      index: which input it is.
      text: the text.
      truncate: whether it may be cut at its end; None where it never can be.
      limit: tokens of the longest that is taken, where they are fewer than the positions.

    Raises:
      BadText: it is longer than the model's positions, or than the limit.
    """
    most = min(config.max_length, limit or config.max_length)
    if len(ids) > most - 2:
        if not truncate:
            long = f"the text {_begin(text)} has {len(ids) + 2:,} tokens"
            raise _too_long(tokenizer, index, long, config, truncate, most)
        ids = ids[: most - 2]
    row = np.array([tokenizer.cls_id, *ids, tokenizer.sep_id], np.int32)
    return Row(row, np.zeros_like(row))


def pair(
    tokenizer: TextTokenizer,
    config: BertConfig,
    first: Sequence[int],
    second: Sequence[int],
    index: int,
    text: str,
    other: str | None = None,
    *,
    truncate: bool | None = None,
) -> Row:
    """Two texts as the model's kind has them (`build_inputs`); see `single`.

    Raises:
      BadText: they are too long together.
    """
    specials = len(tokenizer.build_inputs([], [])[0])
    room = config.max_length - specials
    if len(first) + len(second) > room:
        if not truncate:
            after = "what follows it" if other is None else f"{_begin(other)}"
            long = (
                f"the text {_begin(text)} of {format_amount(len(first), 'token')} and {after} of "
                f"{format_amount(len(second), 'token')} have "
                f"{len(first) + len(second) + specials:,} tokens together"
            )
            raise _too_long(tokenizer, index, long, config, truncate, config.max_length)
        # The longer one gives way until both are alike.
        kept = min(len(second), max(room - len(first), room // 2))
        first, second = first[: room - kept], second[:kept]
    ids, types = tokenizer.build_inputs(first, second, type_vocab_size=config.type_vocab_size)
    return Row(np.array(ids, np.int32), np.array(types, np.int32))


def _begin(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}..."


def _too_long(
    tokenizer: TextTokenizer,
    index: int,
    long: str,
    config: BertConfig,
    truncate: bool | None,
    limit: int,
) -> BadText:
    """The error of an input; `long` says what has how many tokens."""
    specials = " and ".join(map(tokenizer.readable_token, (tokenizer.cls_id, tokenizer.sep_id)))
    most = f"the model has {config.max_length:,} positions"
    if limit < config.max_length:
        most = f"the model is for {limit:,} at most"
    return BadText(
        index,
        f"{long} with {specials}; {most}: give a shorter one",
        can_cut=truncate is not None,
    )
