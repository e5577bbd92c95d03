"""What is wrong with a store's data: its numbers and warnings, for a person and for a program."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bert_jax.formatting import format_count
from bert_jax.recipes.inspect_store import show_counts, show_sources, show_warnings, store_facts
from bert_jax.recipes.text_table import text_table, wrapped
from bert_jax.verdicts import percent
from data_pipeline.doctor.examine import Examination, examine
from data_pipeline.doctor.finding import Finding
from data_pipeline.doctor.findings import findings
from data_pipeline.doctor.lengths import Lengths
from data_pipeline.doctor.numbers import DuplicateNumbers, Numbers, TextNumbers
from data_pipeline.objective import PretrainingObjective
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import TokenStore

_QUANTILES = (5, 50, 95)
_WIDE_QUANTILES = (1, 5, 25, 50, 75, 95, 99)
_WIDE = 100
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
    lines = [
        *show_counts(facts),
        *show_sources(facts),
        "",
        *_lengths(numbers, width),
        "",
        *_text(numbers, width),
        *_batches(numbers, width),
        "",
        *_loss(numbers),
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
    head = [
        *("split", "[UNK]", "never seen", "pieces/word"),
        *("repeated tokens", "documents", "entropy"),
    ]
    rows = []
    for split, text in numbers.text.items():
        rows.append(
            [
                split,
                small_percent(text.unknown_share),
                small_percent(text.unseen_share) if split == "train" else "",
                f"{text.words.fertility:.2f}",
                repeated(text.duplicate_sentences, text.counted_share, tokens=True),
                repeated(text.duplicate_documents, text.counted_share),
                f"{text.unigram_entropy:.2f} nats",
            ]
        )
    yield from text_table(head, rows)
    train = numbers.text["train"]
    worst = train.words.worst[: 10 if width >= _WIDE else 5]
    if worst:
        words = ", ".join(f"{w.word} ({' '.join(w.pieces)}) {w.count:,} times" for w in worst)
        yield from wrapped(f"split worst: {words}", width, "  ")
    for split, text in numbers.text.items():
        if text.counted_share < 1:
            yield f"  {split}: counted on {format_count(text.counted_tokens)} of its tokens"
    if train.sampled_tokens < train.tokens:
        yield (
            f"  words, pairs and masks: of a sample of {format_count(train.sampled_tokens)} tokens"
        )


def _batches(numbers: Numbers, width: int) -> Iterable[str]:
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
    labels = f"labels: {percent(found.label_share)} random; " if found.labels else ""
    yield from wrapped(
        f"{labels}predicted: {percent(found.predicted_share)} of the tokens, of these "
        f"{percent(found.mask_share)} [MASK], {percent(found.random_share)} another token, "
        f"{percent(found.keep_share)} kept ({found.rows:,} rows)",
        width,
        "  ",
    )
    about = "about " if numbers.batch_tokens < numbers.text["train"].tokens else ""
    yield f"  an epoch: {about}{found.examples_per_epoch:,} examples"


def _loss(numbers: Numbers) -> Iterable[str]:
    loss = numbers.loss
    bits = numbers.text["train"].unigram_entropy_bits
    rows = [
        ["before training", f"{loss.start:.3f}", f"{loss.start_mlm:.3f}", f"{loss.start_nsp:.3f}"],
        [
            f"frequencies alone ({bits:.2f} bits)",
            f"{loss.stuck:.3f}",
            f"{loss.stuck_mlm:.3f}",
            f"{loss.stuck_nsp:.3f}",
        ],
    ]
    return text_table(["", "loss", "MLM", "NSP"], rows)


def small_percent(share: float) -> str:
    """A share that may be tiny: `0.012 %`."""
    return f"{100 * share:.3f} %" if 0 < share < 0.001 else percent(share)


def repeated(found: DuplicateNumbers, counted_share: float, tokens: bool = False) -> str:
    """The share of what is repeated; a lower bound where only a part was compared."""
    share = percent(found.token_share if tokens else found.share)
    return share if counted_share >= 1 else f"≥ {share}"
