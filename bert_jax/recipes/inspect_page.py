"""`inspect.html`: a store's data for a person to look at, in one self-contained file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bert_jax.figure_output import to_svg
from bert_jax.formatting import format_count
from bert_jax.histograms import Histogram, draw_histogram
from bert_jax.page import render_page, write_page
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.inspect_numbers import (
    LENGTHS,
    Inspection,
    length_rows,
    text_rows,
)
from bert_jax.recipes.inspect_store import pieces_of
from bert_jax.report_facts import flatten, names_of, split_rows
from bert_jax.verdicts import percent
from data_pipeline.doctor.lengths import Lengths
from data_pipeline.doctor.numbers import Numbers
from data_pipeline.doctor.rows import Shown, ShownRow

PAGE_FILE = "inspect.html"
TEMPLATE = "inspect_template.html.j2"
_PREFIX = "##"
_CLOSING, _OPENING = set(".,;:!?)]}%'’”»"), set("([{“«'’")


class Place(NamedTuple):
    """A token of an example as the page shows it.

    Attributes:
        kind: as in `data_pipeline.doctor.rows.Shown`.
        text: what stood there.
        shown: what the model sees there, where that is something else.
        gap: whether a space stands before it.
    """

    kind: str
    text: str
    shown: str
    gap: bool


def write_inspection(path: Path, inspection: Inspection) -> Path:
    """Writes the page.

    Raises:
        OSError: it cannot be written there.
    """
    return write_page(path, render_inspection(inspection))


def render_inspection(inspection: Inspection) -> str:
    """The page's HTML."""
    facts, numbers = inspection.facts, inspection.examination.numbers
    task = PAIR_TASKS.get(facts["objective"]["pairs"])
    labels = dict(enumerate(task.labels)) if task else {}
    rest = {
        name: facts[name]
        for name in facts
        if name not in ("splits", "warnings", "findings", "html", *_measured())
    }
    pairs, tables = flatten(rest)
    lengths_head, lengths_rows = length_rows(numbers.text)
    return render_page(
        TEMPLATE,
        title=Path(facts["path"]).resolve().name,
        summary=_summary(facts),
        facts=_headline(facts, numbers),
        findings=inspection.findings,
        splits=split_rows(facts),
        split_names=names_of(split_rows(facts)),
        plots=_plots(numbers),
        lengths_head=lengths_head,
        lengths_rows=lengths_rows,
        numbers=numbers,
        objective=facts["objective"],
        pair_title=task.title if task else None,
        text_rows=text_rows(numbers.text),
        batch_pairs=_batch_pairs(numbers, labels),
        examples=[_example(row, labels) for row in inspection.examination.examples],
        pairs=pairs,
        tables=[(name, names_of(rows), rows) for name, rows in tables],
    )


def _measured() -> Sequence[str]:
    return (
        "text",
        "rows",
        "batches",
        "loss",
        "unknowns",
        "objective",
        "batch_tokens",
        "planned",
        "has_capitals",
    )


def _summary(facts: dict[str, Any]) -> str:
    documents = format_count(facts["splits"]["train"]["documents"])
    return f"A token store: {documents} documents of training text, {pieces_of(facts)}."


def _headline(facts: dict[str, Any], numbers: Numbers) -> list[tuple[str, str]]:
    """The few numbers at the top: (value, what it is)."""
    rows = [
        (format_count(facts["splits"]["train"]["tokens"]), "tokens of training text"),
        (f"{numbers.loss.start:.2f}", "the loss before training, nats"),
        (f"{numbers.loss.stuck:.2f}", "the loss of knowing only frequencies"),
        (f"{numbers.text['train'].words.fertility:.2f}", "pieces a word"),
    ]
    if 128 in numbers.rows:
        rows.append((percent(numbers.rows[128].padded), "of a row of 128 filled"))
    return rows


def _plots(numbers: Numbers) -> list[str]:
    """The training text's three distributions."""
    plots = []
    for name, title in LENGTHS.items():
        found: Lengths = getattr(numbers.text["train"], name)
        marks = [(float(found.median), f"median {found.median:,}")]
        histogram = Histogram(title.capitalize(), found.edges, found.counts, marks)
        about = f"{title}: from {found.min:,} to {found.max:,}, median {found.median:,}"
        plots.append(to_svg(draw_histogram(histogram), name, about))
    return plots


def _batch_pairs(numbers: Numbers, labels: Mapping[int, str]) -> list[tuple[str, str]]:
    found = numbers.batches
    if found is None:
        return []
    about = "about " if numbers.batch_tokens < numbers.text["train"].tokens else ""
    pairs = [("examples an epoch", f"{about}{found.examples_per_epoch:,}")]
    if found.labels:
        pairs.append((f"pairs labelled {labels.get(1, '1')}", percent(found.label_share)))
    return [
        *pairs,
        ("tokens predicted", percent(found.predicted_share)),
        ("of these [MASK]", percent(found.mask_share)),
        ("of these another token", percent(found.random_share)),
        ("of these kept", percent(found.keep_share)),
        ("rows looked at", f"{found.rows:,}"),
    ]


def _example(row: ShownRow, labels: Mapping[int, str]) -> dict[str, Any]:
    """A row with its label's name and its tokens, put together as text is."""
    places = []
    before = ""
    for shown in row.places:
        places.append(_place(shown, before))
        before = shown.token
    label = None if row.label is None else labels.get(row.label, str(row.label))
    return {"label": label, "places": places}


def _place(shown: Shown, before: str) -> Place:
    marked = shown.continues or shown.token.startswith(_PREFIX)
    continues = marked and shown.kind != "special"
    gap = not continues and shown.token not in _CLOSING and before not in _OPENING
    other = shown.shown if shown.kind == "random" else ""
    return Place(shown.kind, shown.token.removeprefix(_PREFIX), other, gap or not before)
