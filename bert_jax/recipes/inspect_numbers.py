"""What is wrong with a store's data: its numbers and warnings, for a person and for a program."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bert_jax.formatting import format_count
from bert_jax.pair_tasks import PAIR_TASKS, PairTask
from bert_jax.recipes.inspect_store import show_counts, show_sources, show_warnings, store_facts
from bert_jax.recipes.text_table import text_table, wrapped
from bert_jax.verdicts import percent
from data_pipeline.doctor.examine import Examination, examine
from data_pipeline.doctor.finding import Finding
from data_pipeline.doctor.findings import findings
from data_pipeline.doctor.lengths import Lengths
from data_pipeline.doctor.numbers import Numbers, TextNumbers
from data_pipeline.objective import PretrainingObjective
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import TokenStore
from data_pipeline.wording import amount

_QUANTILES = (5, 50, 95)
_WIDE_QUANTILES = (1, 5, 25, 50, 75, 95, 99)
_WIDE = 100
_LONGEST_CELL = 32
_IN_MANIFEST = ("vocab_size", "cased")
LENGTHS = {
    "sentence_tokens": "tokens a sentence",
    "document_sentences": "sentences a document",
    "document_tokens": "tokens a document",
}


@dataclass(frozen=True)
class Inspection:
    """A store's manifest, and what was measured and found.

    Attributes:
        facts: one object for `--json`: `store_facts`, and beside it `text`, `rows`, `batches`,
            `loss`, `unknowns`, `batch_tokens` (`data_pipeline.doctor.numbers.Numbers`),
            `objective`, and `findings`; `warnings` are the findings as sentences.
        examination: the numbers as an object, and rows to look at.
        findings: the gravest first.
    """

    facts: dict[str, Any]
    examination: Examination
    findings: tuple[Finding, ...]


def inspect_store(
    path: Path,
    objective: PretrainingObjective | None = None,
    *,
    steps: int = 1000,
    batch_size: int = 32,
    progress: Progress = silent,
) -> Inspection:
    """Measures a store, a few seconds for 100 MB.

    Args:
        path: of the store.
        objective: of pairs and masks; None is the paper's.
        steps: how long a run on it is meant to be.
        batch_size: rows of a step.
        progress: told of each part.

    Raises:
        DataError: there is no whole store at `path`.
    """
    objective = objective or PretrainingObjective()
    facts = store_facts(path)
    examination = examine(TokenStore.open(path), objective, progress=progress)
    found = findings(examination.numbers, steps, batch_size)
    numbers = asdict(examination.numbers)
    facts |= {name: value for name, value in numbers.items() if name not in _IN_MANIFEST}
    facts |= {
        "objective": asdict(objective),
        "planned": {"steps": steps, "batch_size": batch_size},
        "findings": [asdict(finding) for finding in found],
        "warnings": [str(finding) for finding in found],
    }
    return Inspection(facts, examination, found)


def show_inspection(inspection: Inspection, width: int = 80) -> str:
    """An inspection as text of at most `width` columns (80 or more), names of inputs aside."""
    facts, numbers = inspection.facts, inspection.examination.numbers
    task = PAIR_TASKS.get(facts["objective"]["pairs"])
    lines = [
        *show_counts(facts, width),
        *show_sources(facts),
        "",
        *_lengths(numbers, width),
        "",
        *_text(numbers, width),
        *_batches(numbers, task, width),
        "",
        *_loss(numbers, task),
        "",
    ]
    if inspection.findings:
        lines += show_warnings(facts["warnings"], width)
    else:
        lines.append("no warnings: nothing here keeps a loss from falling")
    return "\n".join(lines) + "\n"


def length_rows(
    text: Mapping[str, TextNumbers], quantiles: Sequence[int] = _WIDE_QUANTILES
) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of lengths."""
    names = [("median" if q == 50 else f"{q} %") for q in quantiles]
    rows = []
    for split, numbers in text.items():
        for name, title in LENGTHS.items():
            found: Lengths = getattr(numbers, name)
            values = [found.quantiles[q] for q in quantiles]
            cells = [f"{found.mean:,.1f}", *(format_count(v) for v in [*values, found.max])]
            rows.append([split, title, *cells])
    return ["split", "", "mean", *names, "longest"], rows


def _lengths(numbers: Numbers, width: int) -> list[str]:
    return text_table(*length_rows(numbers.text, _WIDE_QUANTILES if width >= _WIDE else _QUANTILES))


def _text(numbers: Numbers, width: int) -> Iterable[str]:
    yield from text_table(
        ["", *numbers.text], ([what, *row] for what, row in text_rows(numbers.text, short=True))
    )
    train = numbers.text["train"]
    worst = train.words.worst[: 10 if width >= _WIDE else 5]
    if worst:
        rows = [[_cut(w.word), _cut(" ".join(w.pieces)), f"{w.count:,}"] for w in worst]
        yield ""
        yield from text_table(["words split most", "pieces", "times"], rows)
    for split, text in numbers.text.items():
        if text.counted_share < 1:
            yield f"  {split}: counted on {format_count(text.counted_tokens)} of its tokens"
    if train.sampled_tokens < train.tokens:
        yield (
            f"  words, pairs and masks: of a sample of {format_count(train.sampled_tokens)} tokens"
        )


def text_rows(text: Mapping[str, TextNumbers], short: bool = False) -> list[tuple[str, list[str]]]:
    """The table of the text: a row for each measure, a column for each split.

    Args:
        text: by split.
        short: only what a terminal has room for.
    """
    return [
        (what, [value(numbers) for numbers in text.values()])
        for what, value, in_terminal in _MEASURES
        if in_terminal or not short
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _batches(numbers: Numbers, task: PairTask | None, width: int) -> Iterable[str]:
    if numbers.rows:
        rows = [
            [
                f"{length}",
                f"{fill.mean_tokens:.1f}",
                percent(fill.padded),
                percent(fill.packed),
            ]
            for length, fill in numbers.rows.items()
        ]
        head = ["row length", "tokens a sequence", "filled", "filled if packed"]
        yield ""
        yield from text_table(head, rows)
    found = numbers.batches
    if found is None:
        return
    labels = f"labels: {percent(found.label_share)} {task.labels[1]}; " if task else ""
    yield from wrapped(
        f"{labels}predicted: {percent(found.predicted_share)} of the tokens, of these "
        f"{percent(found.mask_share)} [MASK], {percent(found.random_share)} another token, "
        f"{percent(found.keep_share)} kept ({amount(found.rows, 'row')})",
        width,
        "  ",
    )
    about = "about " if numbers.batch_tokens < numbers.text["train"].tokens else ""
    yield f"  an epoch: {about}{amount(found.examples_per_epoch, 'example')}"


def _loss(numbers: Numbers, task: PairTask | None) -> Iterable[str]:
    loss = numbers.loss
    bits = numbers.text["train"].unigram_entropy_bits
    head = ["", "loss", "MLM", *([task.title] if task else [])]
    rows = {
        "before training": (loss.start, loss.start_mlm, loss.start_nsp),
        f"frequencies alone ({bits:.2f} bits)": (loss.stuck, loss.stuck_mlm, loss.stuck_nsp),
    }
    cells = [[name, *(f"{loss:.3f}" for loss in losses)] for name, losses in rows.items()]
    return text_table(head, [row[: len(head)] for row in cells])


def _small_percent(share: float) -> str:
    """A share that may be tiny: `0.012 %`."""
    return f"{100 * share:.3f} %" if 0 < share < 0.001 else percent(share)


def _repeated(text: TextNumbers, share: float) -> str:
    """The share of what is repeated; a lower bound where only a part was compared."""
    return percent(share) if text.counted_share >= 1 else f"≥ {percent(share)}"


def _nearly(text: TextNumbers) -> str:
    near = text.near_duplicates
    return percent(near.share) if near.documents >= text.documents else f"≥ {percent(near.share)}"


# What it is called, its value, and whether the terminal shows it.
_MEASURES: tuple[tuple[str, Callable[[TextNumbers], str], bool], ...] = (
    ("[UNK] among the tokens", lambda t: _small_percent(t.unknown_share), True),
    ("vocabulary that never comes", lambda t: _small_percent(t.unseen_share), True),
    ("pieces a word (fertility)", lambda t: f"{t.words.fertility:.3f}", True),
    ("words of several pieces", lambda t: percent(t.words.split_share), False),
    ("documents of one sentence", lambda t: percent(t.one_sentence_share), False),
    ("tokens in sentences of more than 125", lambda t: percent(t.long_token_share), False),
    ("sentences that end with a mark", lambda t: percent(t.words.ended_share), False),
    ("documents that came before", lambda t: _repeated(t, t.duplicate_documents.share), True),
    ("sentences that came before", lambda t: _repeated(t, t.duplicate_sentences.share), False),
    ("nearly another's copy, of a sample", _nearly, True),
    ("documents compared for this", lambda t: format_count(t.near_duplicates.documents), False),
    (
        "tokens in sentences that came before",
        lambda t: _repeated(t, t.duplicate_sentences.token_share),
        True,
    ),
    ("unigram entropy, nats", lambda t: f"{t.unigram_entropy:.3f}", True),
    ("unigram entropy, bits", lambda t: f"{t.unigram_entropy_bits:.3f}", False),
    ("tokens counted for this", lambda t: format_count(t.counted_tokens), False),
    ("tokens whose words were looked at", lambda t: format_count(t.sampled_tokens), False),
)
