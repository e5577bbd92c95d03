"""A model, wherever it is: its shape, its head, its tokeniser, and how its weights are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bert_jax.config import BertConfig
from bert_jax.head_config import HeadConfig
from bert_jax.sentence_config import SentenceConfig
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

Kind = Literal["run", "hugging_face", "google"]


class Weights(NamedTuple):
    """Weights that were found to be those of a model, and are not read yet.

    Attributes:
      config: the shape of its encoder.
      head: what is on it.
      read: reads a tree of float32 arrays: numpy's, or a run's on the first device.
      notes: lines for a person: what of the source was left, and why.
    """

    config: BertConfig
    head: HeadConfig
    read: Callable[[], Any]
    notes: tuple[str, ...] = ()


class Model(NamedTuple):
    """All that is needed to use a model, to go on with it, or to write it elsewhere.

    Attributes:
      kind: what it was read from.
      path: where that is.
      weights: the model itself.
      tokenizer: that it was trained with; None where the source has none.
      step: of a run's checkpoint; else None.
      sentences: how a text is read for a vector, of an encoder that makes vectors of sentences.
    """

    kind: Kind
    path: Path
    weights: Weights
    tokenizer: TextTokenizer | None
    step: int | None = None
    sentences: SentenceConfig | None = None

    @property
    def config(self) -> BertConfig:
        """The shape of its encoder."""
        return self.weights.config

    @property
    def head(self) -> HeadConfig:
        """What is on it."""
        return self.weights.head
