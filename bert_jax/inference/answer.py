"""Answers in a text: a head for question answering."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bert_jax.formatting import format_probability
from bert_jax.inference.inputs import TextTokenizer, pair
from bert_jax.inference.task_logits import TaskLogits

# The longest answer, in pieces, as in the original's script for SQuAD (run_squad.py).
LONGEST_ANSWER = 30


class Answer(NamedTuple):
    """The best answer to a question.

    Attributes:
      question: what was asked.
      answer: `context[start:end]`; empty where the context has no token.
      start: its first character.
      end: the character after its last.
      probability: the product of that of its first and that of its last piece.
    """

    question: str
    answer: str
    start: int
    end: int
    probability: float

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return self._asdict()

    def to_line(self) -> str:
        """For a person: `a question  ->  its answer 81.2 %`."""
        return f"{self.question}  ->  {self.answer} {format_probability(self.probability)}"


def answer(
    model: TaskLogits,
    tokenizer: TextTokenizer,
    questions: Sequence[tuple[str, str]],
    *,
    longest: int = LONGEST_ANSWER,
) -> list[Answer]:
    """The best span of each context (paper, section 4.2): whole words, at most `longest` pieces.

    Args:
      model: with a head for question answering.
      tokenizer: of the model; it cuts the context into words (`encode_located`).
      questions: (question, context that the answer is in).
      longest: of an answer, in pieces.

    Raises:
      BadText: a question and its context are too long together.
    """
    rows, spans, owners, begins = [], [], [], []
    for i, (question, context) in enumerate(questions):
        found = tokenizer.encode_located(context)
        ids = found.ids
        [asked] = tokenizer.encode_batch([question])
        rows.append(pair(tokenizer, model.config, asked, ids, i, question, context))
        # All but the context and the separator at the end comes before it.
        begins.append(len(rows[-1].ids) - 1 - len(ids))
        spans.append(found.spans)
        owners.append(found.owners)
    answers = []
    for (question, context), places, of_word, begin, logits in zip(
        questions, spans, owners, begins, model.of(rows), strict=True
    ):
        logits = logits[begin : begin + len(of_word)].astype(np.float64)
        if not len(logits):
            answers.append(Answer(question, "", 0, 0, 0.0))
            continue
        first, last, score = best_span(logits[:, 0], logits[:, 1], longest)
        start, end = places[of_word[first]][0], places[of_word[last]][1]
        chosen = context[start:end]
        # Pieces of white space, which byte-level tokenisers have, can be at its ends.
        start, end = end - len(chosen.lstrip()), start + len(chosen.rstrip())
        answers.append(Answer(question, context[start:end], start, max(start, end), score))
    return answers


def best_span(starts: np.ndarray, ends: np.ndarray, longest: int) -> tuple[int, int, float]:
    """First and last place of the best span, and its probability.

    Args:
      starts: [L] scores of the first place.
      ends: [L] scores of the last place.
      longest: places in a span.
    """
    starts, ends = (np.exp(x - x.max()) / np.exp(x - x.max()).sum() for x in (starts, ends))
    places = np.arange(len(starts))
    width = places[None] - places[:, None]
    scores = np.where((width >= 0) & (width < longest), starts[:, None] * ends[None], -1.0)
    first, last = divmod(int(scores.argmax()), len(starts))
    return first, last, float(scores[first, last])
