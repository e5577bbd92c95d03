"""Classes of texts or pairs: a head for sequence classification or regression."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bert_jax.formatting import format_probability
from bert_jax.inference.inputs import TextTokenizer, encode
from bert_jax.inference.task_logits import TaskLogits, softmax


class LabelScore(NamedTuple):
    """A class and its probability; of a regression, a number and its value."""

    label: str
    score: float


class ClassifiedText(NamedTuple):
    """A text, or two, and every class, the most probable first; of a regression its numbers."""

    text: str
    second: str | None
    labels: list[LabelScore]
    problem_type: str

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "text": self.text,
            **({} if self.second is None else {"second": self.second}),
            "labels": [label._asdict() for label in self.labels],
        }

    def to_line(self) -> str:
        """For a person: `a text  ->  positive 99.1 %, negative 0.9 %`."""
        is_number = self.problem_type == "regression"
        shown = ", ".join(
            f"{label} {score:.4g}" if is_number else f"{label} {format_probability(score)}"
            for label, score in self.labels
        )
        texts = self.text if self.second is None else f"{self.text} | {self.second}"
        return f"{texts}  ->  {shown}"


def classify(
    model: TaskLogits,
    tokenizer: TextTokenizer,
    texts: Sequence[str | tuple[str, str]],
    *,
    truncate: bool = False,
) -> list[ClassifiedText]:
    """Score every class.

    Args:
      model: with a head for sequence classification.
      tokenizer: of the model.
      texts: texts, or pairs of texts; of one kind.
      truncate: whether what is too long is cut, or is an error.

    Raises:
      BadText: one is too long.
    """
    pairs = [(each, None) if isinstance(each, str) else each for each in texts]
    firsts, seconds = [a for a, _ in pairs], [b for _, b in pairs if b is not None]
    rows = encode(tokenizer, model.config, firsts, seconds or None, truncate=truncate)
    kind = model.head.problem_type
    classified = []
    for (first, second), logits in zip(pairs, model.of(rows), strict=True):
        if kind == "single_label_classification":
            scores = softmax(logits)
        elif kind == "multi_label_classification":
            scores = 1 / (1 + np.exp(-logits))
        else:
            scores = logits
        order = range(len(scores)) if kind == "regression" else np.argsort(-scores, kind="stable")
        labels = [LabelScore(model.head.labels[i], float(scores[i])) for i in order]
        classified.append(ClassifiedText(first, second, labels, kind))
    return classified
