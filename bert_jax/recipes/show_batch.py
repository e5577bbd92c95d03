"""The batch of any step of a run, for a person: made again from its number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.experiment import Experiment
from bert_jax.recipes.length_schedule import stage_of
from bert_jax.recipes.stores import open_stores
from bert_jax.recipes.training_batches import make_training, plan_folder
from bert_jax.wrapping import wrap
from data_pipeline.mixture import MixtureBatches
from data_pipeline.progress import Progress, silent
from data_pipeline.shown_batch import ShownSequence, shown_batch, shown_mixture
from data_pipeline.store.origins import DocumentOrigin


def batch_rows(
    experiment: Experiment, step: int, max_rows: int | None = None, progress: Progress = silent
) -> Iterator[dict[str, Any]]:
    """The sequences of the batch that update `step` of the experiment is made of.

    Args:
      experiment: with a token store, or several.
      step: as in `metrics.jsonl`: the first is 1.
      max_rows: how many rows of the batch; None for all.
      progress: shows the reading of the plan, or the making of one that is not cached.

    Yields:
      `step row sequence example label label_name text tokens predictions documents`, and of a
      mixture the name of the row's `store`, in which the example has its number.

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
    if not experiment.data.paths:
        where = ""
        if experiment.data.corpus is not None:
            folder = f"{experiment.data.corpus}_{experiment.data.corpus_vocab_size}"
            where = f"; that of {experiment.name} is data/{folder} beside the run's folder"
        raise UserError(f"show-batch needs --data STORE, the store that the run reads{where}")
    stage = stage_of(experiment.stages, step)
    objective, of_stage = stage.objective, step - 1 - stage.start
    # No corpus is prepared here, so nothing is written beside anything.
    stores = open_stores(experiment.data, Path())
    with progress("counting examples", None, "example") as task:
        caches = [plan_folder(store) for store in stores.all]
        batches = make_training(stores, objective, stage.train, caches)
        task.advance(batches.examples_per_epoch)
    doing = "reading" if batches.is_planned(of_stage) else "making"
    with progress(f"{doing} the plan", None, "example") as task:
        batches(of_stage)
        task.advance(batches.examples_per_epoch)
    task_names = PAIR_TASKS.get(objective.pairs)
    labels = task_names.labels if task_names else None
    shown: Iterable[tuple[int, ShownSequence]]
    if isinstance(batches, MixtureBatches):
        shown = shown_mixture(batches, stores.all, objective, of_stage, max_rows)
    else:
        one = shown_batch(batches, stores.first, objective, of_stage, max_rows)
        shown = ((0, sequence) for sequence in one)
    for store, sequence in shown:
        facts = _facts(step, sequence, labels)
        if stores.is_mixture:
            facts["store"] = stores.names[store]
        yield {**facts, "is_packed": objective.is_packed}


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
        of_store = f" of {facts['store']}" if "store" in facts else ""
        yield f"row {facts['row']}{packed}{of_store}: example {facts['example']:,}, {length}{label}"
        for origin in facts["documents"]:
            of_file, place = "", origin["place"]
            if place is not None:
                of_file = f", {place['kind']} {place['number']:,} of {origin['name']}"
            elif origin["name"] is not None:
                of_file = f", from {origin['name']}"
            yield f"  {origin['part']}: training document {origin['document']:,}{of_file}"
        yield from wrap(facts["text"], width, "  ", "  ", break_words=True)
        words = [
            f"{p['position']} {p['original_text']}"
            + {"mask": "", "kept": " (kept)", "random": f" (shown: {p['shown_text']})"}[p["kind"]]
            for p in facts["predictions"]
        ]
        yield from wrap(f"to predict: {', '.join(words)}", width, "  ", "    ", break_words=True)
        yield ""
