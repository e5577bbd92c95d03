"""The best of several endings: a head for multiple choice."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bert_jax.formatting import format_probability
from bert_jax.inference.inputs import BadText, TextTokenizer, encode
from bert_jax.inference.task_logits import TaskLogits, softmax


class Choice(NamedTuple):
    """A beginning, its choices, and the probability of each."""

    text: str
    choices: list[str]
    probabilities: list[float]

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**self._asdict(), "best": int(np.argmax(self.probabilities))}

    def to_line(self) -> str:
        """For a person: `a beginning  ->  the best choice 61.2 %, another 38.8 %`."""
        order = np.argsort(-np.array(self.probabilities), kind="stable")
        shown = ", ".join(
            f"{self.choices[i]} {format_probability(self.probabilities[i])}" for i in order
        )
        return f"{self.text}  ->  {shown}"


def choose(
    model: TaskLogits,
    tokenizer: TextTokenizer,
    questions: Sequence[tuple[str, Sequence[str]]],
    *,
    truncate: bool = False,
) -> list[Choice]:
    """How likely each choice is among those of its question (paper, section 4.4).

    Args:
      model: with a head for multiple choice.
      tokenizer: of the model.
      questions: (text, its choices, one or more).
      truncate: whether what is too long is cut, or is an error.

    Raises:
      BadText: a text and a choice are too long together, or there is no choice.
    """
    counts = [len(choices) for _, choices in questions]
    for i, (text, choices) in enumerate(questions):
        if not choices:
            raise BadText(i, f"the text {text[:60]!r} has no choices; give one or more")
    owners = [i for i, count in enumerate(counts) for _ in range(count)]
    firsts = [questions[i][0] for i in owners]
    seconds = [choice for _, choices in questions for choice in choices]
    try:
        rows = encode(tokenizer, model.config, firsts, seconds, truncate=truncate)
    except BadText as error:
        raise error.at(owners[error.index]) from None
    logits = np.concatenate([np.empty(0, np.float32), *model.of(rows)])
    parts = np.split(logits, np.cumsum(counts)[:-1]) if counts else []
    return [
        Choice(text, list(choices), [float(p) for p in softmax(part)])
        for (text, choices), part in zip(questions, parts, strict=True)
    ]
