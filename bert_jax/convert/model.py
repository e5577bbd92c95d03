"""A model, wherever it came from: its shape, its head, its weights, its tokeniser."""

from typing import Any, NamedTuple

from bert_jax.config import BertConfig
from bert_jax.head_config import HeadConfig
from data_pipeline.tokenization.text_tokenizer import TextTokenizer


class Model(NamedTuple):
    """All that is needed to use a model, to go on with it, or to write it elsewhere.

    Attributes:
      config: the shape of its encoder.
      head: what is on it.
      params: a tree of weights, float32.
      tokenizer: that it was trained with; None where the source has none.
      notes: lines for a person: what of the source was left, and why.
    """

    config: BertConfig
    head: HeadConfig
    params: Any
    tokenizer: TextTokenizer | None
    notes: tuple[str, ...] = ()
