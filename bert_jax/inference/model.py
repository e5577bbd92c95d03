"""A model that is ready to be used, whatever head it has."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import jax
import numpy as np

from bert_jax.config import BertConfig, ComputeConfig
from bert_jax.head_config import HeadConfig
from bert_jax.inference.answer import LONGEST_ANSWER, Answer, answer
from bert_jax.inference.choose import Choice, choose
from bert_jax.inference.classify import ClassifiedText, classify
from bert_jax.inference.describe import check_head, check_pair_head, describe_model
from bert_jax.inference.embed import LAST, Embedder
from bert_jax.inference.fill_mask import FilledText, FillMask
from bert_jax.inference.given import (
    check_boolean,
    check_choices,
    check_pairs,
    check_text,
    check_texts,
    check_texts_or_pairs,
    check_texts_or_words,
    check_whole_number,
)
from bert_jax.inference.inputs import TextTokenizer, naming
from bert_jax.inference.inside import Encoder, Inside
from bert_jax.inference.pairs import PairScorer
from bert_jax.inference.tag import TaggedText, tag
from bert_jax.inference.task_logits import TaskLogits
from bert_jax.sentence_config import SentenceConfig


class LoadedModel:
    """A model with its head and its tokeniser (`bert_jax.load`).

    Every model makes vectors (`embed`) and shows what goes on inside (`encode`); what else it can
    do depends on its head. Texts of like length are computed together, in few shapes; results are
    in the order of the texts.

    Attributes:
      config: the shape of the model.
      head: what is on it.
      params: its weights, on the first device.
      tokenizer: the one that it was trained with.
      compute: how it is computed.
      sentences: how `embed` reads a text.
    """

    def __init__(
        self,
        config: BertConfig,
        head: HeadConfig,
        params: Any,
        tokenizer: TextTokenizer,
        compute: ComputeConfig | None = None,
        sentences: SentenceConfig | None = None,
    ) -> None:
        self.config, self.head, self.tokenizer = config, head, tokenizer
        self.sentences = sentences or SentenceConfig()
        self.compute = compute or ComputeConfig()
        self.params = jax.device_put(params, jax.local_devices()[0])

    def __repr__(self) -> str:
        return f"<LoadedModel: {describe_model(self.config, self.head)}>"

    def embed(
        self,
        texts: str | Iterable[str],
        pooling: str | None = None,
        layers: int | Sequence[int] = LAST,
        mix: str | Sequence[float] = "mean",
        normalize: bool | None = None,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncate: bool | None = None,
        truncate_dim: int | None = None,
        on_cut: Callable[[int], object] = lambda count: None,
        advance: Callable[[int], object] = lambda count: None,
    ) -> np.ndarray:
        """One vector for each text, [N, E] float32.

        Args:
          texts: one or several.
          pooling: `mean` of all tokens, `cls`, `max` or `pooler`; where not given, what the model
            was trained to make vectors of sentences by, or else `mean`.
          layers: which states: 0 the embeddings, 1 the first layer, -1 the last; several are mixed.
          mix: `mean`, `sum` or `concat` (then [N, E * layers]), or a weight for each layer.
          normalize: whether what is returned is divided by its length; where not given, as the
            model was trained to, which is before `truncate_dim`.
          prompt_name: of one of `sentences.prompts`, which is put before each text; the default
            one where neither name nor prompt is given.
          prompt: the text itself; empty for none.
          truncate: whether a text that is too long is cut at its end, or is an error; where not
            given, it is cut if the model was trained to make vectors of sentences.
          truncate_dim: numbers that each vector is cut to; where not given, as the model says.
          on_cut: is told how many texts were cut.
          advance: is told now and then how many more texts are done; a bar's `update`, say.

        Raises:
          UserError: what is given is no text, an argument is out of range, or a text is too long.
        """
        if prompt is not None:
            prompt = check_text(prompt, "prompt")
        if normalize is not None:
            normalize = check_boolean(normalize, "normalize")
        if truncate is not None:
            truncate = check_boolean(truncate, "truncate")
        with naming("texts", texts):
            return self._embedder.embed(
                *(check_texts(texts), pooling, layers, mix, normalize),
                prompt_name=prompt_name,
                prompt=prompt,
                truncate=truncate,
                truncate_dim=truncate_dim,
                on_cut=on_cut,
                advance=advance,
            )

    @property
    def embed_limit(self) -> int:
        """Tokens of the longest text that `embed` takes whole, [CLS] and [SEP] among them."""
        return self._embedder.limit

    def encode(
        self,
        text: str,
        second: str | None = None,
        *,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
        truncate: bool = False,
    ) -> Inside:
        """What the encoder makes of one text, or of two, for those who look inside.

        `[MASK]`, or the model's own mask token, is the mask here, as it is to `fill_mask`; to all
        other methods it is text.

        Args:
          text: the text.
          second: what follows it.
          output_hidden_states: whether every layer is wanted.
          output_attentions: whether attention is wanted.
          truncate: whether what is too long is cut, or is an error.

        Raises:
          UserError: it is too long.
        """
        return self._encoder.look(
            check_text(text),
            None if second is None else check_text(second, "second"),
            output_hidden_states=check_boolean(output_hidden_states, "output_hidden_states"),
            output_attentions=check_boolean(output_attentions, "output_attentions"),
            truncate=check_boolean(truncate, "truncate"),
        )

    def fill_mask(
        self, texts: str | Iterable[str], top_k: int = 5, *, truncate: bool = False
    ) -> list[FilledText]:
        """The most probable tokens for every `[MASK]`, each by itself, given the whole text.

        Args:
          texts: one or several, each with at least one `[MASK]`, or the model's own mask token.
          top_k: how many tokens for each mask.
          truncate: whether a text that is too long is cut at its end, or is an error.

        Raises:
          UserError: the model has no masked LM head; a text has no mask, is too long, or would
            lose a mask.
        """
        self._need("pretraining", "fill masks")
        truncate = check_boolean(truncate, "truncate")
        with naming("texts", texts):
            return self._fill_mask.fill_mask(check_texts(texts), top_k, truncate=truncate)

    def next_sentence(
        self, pairs: Iterable[tuple[str, str]], *, truncate: bool = False
    ) -> np.ndarray:
        """Of each pair, the probability that the second text follows the first, [N] float32.

        Args:
          pairs: (first text, second text).
          truncate: whether a pair that is too long is cut, the longer text first, or is an error.

        Raises:
          UserError: the model has no head for next sentences, or a pair is too long.
        """
        return self._score_pairs("next_sentence", pairs, truncate)

    def sentence_order(
        self, pairs: Iterable[tuple[str, str]], *, truncate: bool = False
    ) -> np.ndarray:
        """Of each pair, the probability that its texts are in their order; see `next_sentence`.

        Raises:
          UserError: the model has no head for sentence order, or a pair is too long.
        """
        return self._score_pairs("sentence_order", pairs, truncate)

    def classify(
        self, texts: str | Iterable[str | tuple[str, str]], *, truncate: bool = False
    ) -> list[ClassifiedText]:
        """Every class of each text, the most probable first; of a regression its numbers.

        A model with one label and no `problem_type` is a regression: what comes is its number, of
        which the pipeline of transformers gives the sigmoid.

        Args:
          texts: one or several, or a list of pairs (first text, second text): `[("a", "b")]`.
          truncate: whether what is too long is cut, or is an error.

        Raises:
          UserError: the model does not classify sequences, or a text is too long.
        """
        self._need("sequence_classification", "classify texts")
        truncate = check_boolean(truncate, "truncate")
        given = check_texts_or_pairs(texts)
        with naming("texts", texts):
            return classify(self._logits, self.tokenizer, given, truncate=truncate)

    def tag(self, texts: str | Iterable[str | Iterable[str]]) -> list[TaggedText]:
        """The label of every word.

        Args:
          texts: one or several; each as its words, or as text, which the tokeniser cuts into words
            (`encode_located` of its class says how).

        Raises:
          UserError: the model does not classify tokens, or a text is too long.
        """
        self._need("token_classification", "label words")
        with naming("texts", texts):
            return tag(self._logits, self.tokenizer, check_texts_or_words(texts))

    def answer(
        self, questions: Iterable[tuple[str, str]], longest: int = LONGEST_ANSWER
    ) -> list[Answer]:
        """The best stretch of each context: whole words.

        Args:
          questions: (question, context that the answer is in).
          longest: of an answer, in pieces.

        Raises:
          UserError: the model does not answer questions, or a context is too long.
        """
        self._need("question_answering", "answer questions")
        longest = check_whole_number(longest, "longest", 1)
        asked = check_pairs(questions, "questions", "(question, context)")
        with naming("questions"):
            return answer(self._logits, self.tokenizer, asked, longest=longest)

    def choose(
        self, questions: Iterable[tuple[str, Iterable[str]]], *, truncate: bool = False
    ) -> list[Choice]:
        """How likely each choice is among those of its question.

        Args:
          questions: (text, its choices).
          truncate: whether what is too long is cut, or is an error.

        Raises:
          UserError: the model has no head for choices, or one is too long.
        """
        self._need("multiple_choice", "choose")
        truncate = check_boolean(truncate, "truncate")
        given = check_choices(questions)
        with naming("questions"):
            return choose(self._logits, self.tokenizer, given, truncate=truncate)

    def _need(self, task: str, what: str) -> None:
        check_head(self.config, self.head, task, what)

    def _score_pairs(
        self, task: str, pairs: Iterable[tuple[str, str]], truncate: bool
    ) -> np.ndarray:
        check_pair_head(self.config, self.head, task)
        truncate = check_boolean(truncate, "truncate")
        with naming("pairs"):
            return self._pairs.score(check_pairs(pairs), truncate=truncate)

    @cached_property
    def _fill_mask(self) -> FillMask:
        return FillMask(self.config, self.params, self.tokenizer, self.compute)

    @cached_property
    def _pairs(self) -> PairScorer:
        return PairScorer(self.config, self.params, self.tokenizer, self.compute)

    @cached_property
    def _embedder(self) -> Embedder:
        return Embedder(
            *(self.config, self.head, self.params, self.tokenizer, self.compute),
            sentences=self.sentences,
        )

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.config, self.params, self.tokenizer, self.compute)

    @cached_property
    def _logits(self) -> TaskLogits:
        return TaskLogits(self.config, self.head, self.params, self.tokenizer.pad_id, self.compute)
