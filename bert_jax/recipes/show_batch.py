"""The batch of any step of a run, for a person: made again from its number."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.experiment import Experiment
from data_pipeline.batches import PretrainingBatches
from data_pipeline.progress import Progress, silent
from data_pipeline.shown_batch import ShownSequence, shown_batch
from data_pipeline.store.origins import DocumentOrigin
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.special_ids import SpecialIds


def batch_rows(
    experiment: Experiment, step: int, max_rows: int | None = None, progress: Progress = silent
) -> Iterator[dict[str, Any]]:
    """The sequences of the batch that update `step` of the experiment is made of.

    Args:
      experiment: with a token store.
      step: as in `metrics.jsonl`: the first is 1.
      max_rows: how many rows of the batch; None for all.
      progress: shows the making of a plan that is not cached.

    Yields:
      `step row sequence example label label_name text tokens predictions documents`.

    Raises:
      UserError: there is no such step, or the experiment names no store.
      DataError: the store cannot be opened.
    """
    last = experiment.train.num_steps
    if not 1 <= step <= last:
        raise UserError(
            f"--step {step}: the steps of this experiment are 1 to {last:,}, as in metrics.jsonl; "
            "--steps N makes it longer"
        )
    if experiment.data.store is None:
        where = ""
        if experiment.data.corpus is not None:
            folder = f"{experiment.data.corpus}_{experiment.data.corpus_vocab_size}"
            where = f"; that of {experiment.name} is data/{folder} beside the run's folder"
        raise UserError(f"show-batch needs --data STORE, the store that the run reads{where}")
    store = TokenStore.open(experiment.data.store)
    plans = store.path / "plans"
    with progress("planning", None, "example") as task:
        batches = PretrainingBatches(
            store.train,
            SpecialIds.of(store.tokenizer()),
            experiment.objective,
            seed=experiment.train.seed,
            batch_size=experiment.train.batch_size,
            cache_dir=plans if os.access(store.path, os.W_OK) else None,
        )
        task.advance(batches.examples_per_epoch)
    batches.check_batch_fits()
    task_names = PAIR_TASKS.get(experiment.objective.pairs)
    for shown in shown_batch(batches, store, experiment.objective, step - 1, max_rows):
        facts = _facts(step, shown, task_names.labels if task_names else None)
        yield {**facts, "is_packed": experiment.objective.is_packed}


def _facts(step: int, shown: ShownSequence, labels: tuple[str, str] | None) -> dict[str, Any]:
    name = labels[shown.label] if labels is not None and shown.label is not None else None
    return {
        "step": step,
        "row": shown.row,
        "sequence": shown.sequence,
        "example": shown.example,
        "label": shown.label,
        "label_name": name,
        "text": shown.text,
        "tokens": list(shown.tokens),
        "predictions": [prediction._asdict() for prediction in shown.predictions],
        "documents": [_document(part, origin) for part, origin in shown.documents],
    }


def _document(part: str, origin: DocumentOrigin) -> dict[str, Any]:
    place = None if origin.place is None else origin.place._asdict()
    return {"part": part, **origin._asdict(), "place": place}


def show_rows(rows: Iterable[Mapping[str, Any]], width: int) -> Iterator[str]:
    """`batch_rows` as lines of at most `width` columns, names of files aside."""
    for facts in rows:
        packed = f", sequence {facts['sequence']}" if facts["is_packed"] else ""
        label = "" if facts["label_name"] is None else f", label: {facts['label_name']}"
        length = format_amount(len(facts["tokens"]), "token")
        yield f"row {facts['row']}{packed}: example {facts['example']:,}, {length}{label}"
        for origin in facts["documents"]:
            of_file, place = "", origin["place"]
            if place is not None:
                of_file = f", {place['kind']} {place['number']:,} of {origin['name']}"
            elif origin["name"] is not None:
                of_file = f", from {origin['name']}"
            yield f"  {origin['part']}: training document {origin['document']:,}{of_file}"
        yield from textwrap.wrap(facts["text"], width, initial_indent="  ", subsequent_indent="  ")
        words = [
            f"{p['position']} {p['original']}"
            + {"mask": "", "kept": " (kept)", "random": f" (shown: {p['shown']})"}[p["kind"]]
            for p in facts["predictions"]
        ]
        yield from textwrap.wrap(
            f"to predict: {', '.join(words)}", width, initial_indent="  ", subsequent_indent="    "
        )
        yield ""
