"""What is on an encoder: which head, and what its labels are called."""

import dataclasses
from typing import Any

from bert_jax.errors import UserError
from bert_jax.field_checks import check_choice, check_range, check_types, shown

# Each with what a person calls it.
TASKS = {
    "pretraining": "pretraining",
    "sequence_classification": "sequence classification",
    "token_classification": "token classification",
    "question_answering": "question answering",
    "multiple_choice": "multiple choice",
    "encoder": "an encoder without a head",
}
# What the labels of a sequence are: one of them holds, any number of them do, or each is a number.
PROBLEM_TYPES = ("single_label_classification", "multi_label_classification", "regression")
# How one vector is made of those of the tokens, by the names of sentence-transformers.
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """The head of a model: with a `BertConfig`, all that decides which weights it has.

    Attributes:
      task: one of `TASKS`. `pretraining` is the masked LM head, and with a `BertConfig.pair_task`
        the pooler and the head for pairs.
      labels: names of the classes, in the order of the logits; of classification alone.
      problem_type: of sequence classification, one of `PROBLEM_TYPES`; decides its loss.
      has_pooler: of an encoder alone: whether it has one. Other heads have what they need.
      classifier_dropout: of what goes into the last layer; None: the encoder's hidden dropout.
      pooling: of an encoder that was trained to make vectors of sentences: how it makes one of a
        sequence, one of `POOLINGS`, or several with '+' between, whose vectors are put one after
        another; else 'none'.
      normalize: whether such a vector is divided by its length.
    """

    task: str = "pretraining"
    labels: tuple[str, ...] = ()
    problem_type: str = "single_label_classification"
    has_pooler: bool = True
    classifier_dropout: float | None = None
    pooling: str = "none"
    normalize: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        check_choice(self, "task", tuple(TASKS))
        check_choice(self, "problem_type", PROBLEM_TYPES)
        if not set(self.pooling.split("+")) <= set(POOLINGS):
            check_choice(self, "pooling", ("none", *POOLINGS))
        check_range(self, "classifier_dropout", at_least=0, below=1)
        classifies = self.task in ("sequence_classification", "token_classification")
        if classifies != bool(self.labels):
            raise UserError(
                f"HeadConfig.labels is {shown(self.labels)} with the task {self.task!r}; "
                f"{'it needs a name for each class' if classifies else 'it has no classes'}"
            )

    @property
    def needs_pooler(self) -> bool:
        """Whether a model with this head has a pooler, but for what its pair task decides."""
        if self.task == "encoder":
            return self.has_pooler
        return self.task in ("sequence_classification", "multiple_choice")

    def facts(self) -> dict[str, Any]:
        """The fields that are not at their default, for a `config.json`."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }
