"""`bert-jax predict`: what the head of a model says of texts."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bert_jax.commands.output import print_json, print_line, print_nothing
from bert_jax.commands.text_lines import have_text, read_texts
from bert_jax.commands.text_progress import progress_of
from bert_jax.commands.texts import ONE, Item, Parts, each, first_read, in_portions, items_of
from bert_jax.errors import UserError
from bert_jax.formatting import format_probability

# Texts of a long file are answered in portions, so that memory does not grow with the file.
PORTION = 256
DEFAULT_TOP_K = 5


class Task(NamedTuple):
    """What can be asked of a head.

    Attributes:
      parts: texts of one question.
      answer: model, portion, arguments -> one result a text, with `to_dict` and `to_line`.
    """

    parts: Parts
    answer: Callable[[Any, list[Item], argparse.Namespace], Sequence[Any]]


class ScoredPair(NamedTuple):
    """Two texts and the probability that the second follows the first."""

    first: str
    second: str
    probability: float

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return self._asdict()

    def to_line(self) -> str:
        """For a person: `a text | another  ->  97.1 %`."""
        return f"{self.first} | {self.second}  ->  {format_probability(self.probability)}"


def _fill_mask(model: Any, items: list[Item], arguments: argparse.Namespace) -> Sequence[Any]:
    texts = [item.parts[0] for item in items]
    return model.fill_mask(
        texts, arguments.top_k or DEFAULT_TOP_K, truncate=bool(arguments.truncate)
    )


def _pairs(name: str) -> Callable[[Any, list[Item], argparse.Namespace], Sequence[Any]]:
    def answer(model: Any, items: list[Item], arguments: argparse.Namespace) -> Sequence[Any]:
        pairs = [(item.parts[0], item.parts[1]) for item in items]
        scores = getattr(model, name)(pairs, truncate=bool(arguments.truncate))
        return [ScoredPair(*pair, float(p)) for pair, p in zip(pairs, scores, strict=True)]

    return answer


def _classify(model: Any, items: list[Item], arguments: argparse.Namespace) -> Sequence[Any]:
    texts = [item.parts if len(item.parts) > 1 else item.parts[0] for item in items]
    return model.classify(texts, truncate=bool(arguments.truncate))


def _tag(model: Any, items: list[Item], _: argparse.Namespace) -> Sequence[Any]:
    return model.tag([item.parts[0] for item in items])


def _answer(model: Any, items: list[Item], _: argparse.Namespace) -> Sequence[Any]:
    return model.answer([item.parts for item in items])


def _choose(model: Any, items: list[Item], arguments: argparse.Namespace) -> Sequence[Any]:
    questions = [(item.parts[0], item.parts[1:]) for item in items]
    return model.choose(questions, truncate=bool(arguments.truncate))


PAIR = Parts(2, 2)
TASKS = {
    "fill-mask": Task(ONE, _fill_mask),
    "next-sentence": Task(PAIR, _pairs("next_sentence")),
    "sentence-order": Task(PAIR, _pairs("sentence_order")),
    "classify": Task(Parts(1, 2, alike=True), _classify),
    "tag": Task(ONE, _tag),
    "answer": Task(PAIR, _answer),
    "choose": Task(Parts(2, None), _choose),
}
# What a text that is cut has no answer for.
_WHOLE = {
    "tag": "words that are cut off would have no label",
    "answer": "an answer that is cut off could not be found",
}
# What a head does where nothing else is asked for.
_OF_HEAD = {
    "pretraining": "fill-mask",
    "sequence_classification": "classify",
    "token_classification": "tag",
    "question_answering": "answer",
    "multiple_choice": "choose",
}


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each text, in order: one object each with `--json`."""
    if arguments.top_k is not None and arguments.task not in (None, "fill-mask"):
        raise UserError(f"--top_k is for masks; leave it out with --task {arguments.task}")
    # Before the model is opened, so that a missing file is said at once.
    texts = have_text(read_texts(arguments.texts, arguments.file), arguments.file)
    items = None
    if arguments.task is not None:
        items = first_read(items_of(texts, TASKS[arguments.task].parts))
    from bert_jax import devices
    from bert_jax.inference.load import load

    devices.initialize(arguments.platform)
    model = load(arguments.model, cased=arguments.cased)
    name = arguments.task or _OF_HEAD.get(model.head.task)
    if name is None:
        raise UserError(f"{arguments.model} has no head to predict with; see bert-jax embed")
    if arguments.top_k is not None and name != "fill-mask":
        raise UserError("--top_k is for masks, and the model does not fill them; leave it out")
    if arguments.truncate and name in _WHOLE:
        raise UserError(f"--truncate: {_WHOLE[name]}; leave it out, and give a shorter text")
    task = TASKS[name]
    asked = items_of(texts, task.parts) if items is None else items

    def answer(portion: list[Item]) -> Sequence[Any]:
        return task.answer(model, portion, arguments)

    alone, doing = not sys.stdout.isatty(), name.replace("-", " ")
    with progress_of(arguments.file, doing, alone=alone) as progress:
        for portion, results in in_portions(
            asked, PORTION, answer, progress.begin, progress.advance
        ):
            for _, result in each(portion, results):
                if result is None:
                    print_nothing(arguments.json)
                elif arguments.json:
                    print_json(result.to_dict())
                else:
                    print_line(result.to_line())
