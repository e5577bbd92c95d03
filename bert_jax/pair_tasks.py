"""What a model is asked about the two parts of a sequence: names, in metrics and for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class PairTask(NamedTuple):
    """A question with two answers about two stretches of text.

    Attributes:
        key: begins the names of its metrics (`nsp_loss`), and is a key of `evaluation.json`.
        title: for a person; the head of a column.
        labels: what label 0 and label 1 of `next_sentence_labels` are called.
    """

    key: str
    title: str
    labels: tuple[str, str]


# By the values of `BertConfig.pair_task`, which may also be "none": no second part, no question.
PAIR_TASKS = {
    # Paper, section 3.1, task 2.
    "next_sentence": PairTask("nsp", "NSP", ("next", "random")),
    # ALBERT, arXiv 1909.11942, section 3.1.
    "sentence_order": PairTask("sop", "SOP", ("in order", "swapped")),
}


def pair_task_of(names: Iterable[str]) -> PairTask | None:
    """The task that some names belong to, or None.

    Args:
        names: of metrics, of training or evaluation, or the keys of `evaluation.json`.
    """
    keys = {name.removeprefix("eval_").partition("_")[0] for name in names}
    return next((task for task in PAIR_TASKS.values() if task.key in keys), None)
