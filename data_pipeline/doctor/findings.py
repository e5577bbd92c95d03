"""What the numbers of a store warn of: what was seen, why it matters, what to do.

Each rule is one function, numbers -> findings. The bounds are wide enough that encyclopedia
articles and software documentation stay well inside them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from data_pipeline.doctor import text_rules
from data_pipeline.doctor.finding import Finding, Findings, percent
from data_pipeline.doctor.numbers import Numbers
from data_pipeline.wording import amount

FEW_DOCUMENTS = {"train": 100, "eval": 10}
LABEL_BOUNDS = (0.35, 0.7)
MOST_EPOCHS = 40  # what the paper trained (arXiv 1810.04805, A.2)
LEAST_FILL = 0.35

_OF_ROWS = 128


def findings(numbers: Numbers, steps: int = 1000, batch_size: int = 32) -> tuple[Finding, ...]:
    """All findings, the gravest first.

    Args:
        numbers: of `examine`.
        steps: how long the run is meant to be; the default is a short one.
        batch_size: rows of a step.
    """
    counts = {name: text.documents for name, text in numbers.text.items()}
    return (
        *_damaged(numbers),
        *document_findings(counts),
        *(finding for rule in _RULES for finding in rule(numbers)),
        *_few_examples(numbers, steps * batch_size),
    )


def document_findings(documents: Mapping[str, int]) -> Findings:
    """What the number of documents of each split warns of; needs nothing but the manifest."""
    for split, n in documents.items():
        if n < 2:
            yield Finding(
                "one_document",
                split,
                f"{split} holds {amount(n, 'document')}",
                "next-sentence pairs need two",
                "prepare again with more documents or another --eval_share; "
                "a blank line ends a document",
            )
        elif n < FEW_DOCUMENTS.get(split, 0):
            if split == "eval":
                why = "held-out results rest on so few that they say little of other text"
                remedy = "hold out more with --eval_share when preparing"
            else:
                why = (
                    "random partners come from so few others that their subject gives them away, "
                    "and next sentences are learned from that alone"
                )
                remedy = (
                    "give more documents; if the text has more, put a blank line between them "
                    "and prepare it again"
                )
            yield Finding(
                "few_documents", split, f"{split} holds {amount(n, 'document')}", why, remedy
            )


def _damaged(numbers: Numbers) -> Findings:
    for split, text in numbers.text.items():
        if text.stray_tokens:
            yield Finding(
                "damaged_tokens",
                split,
                f"{split} holds {amount(text.stray_tokens, 'token')} that no text gives "
                f"(a special token, or an id beyond the {numbers.vocab_size:,} of the vocabulary)",
                "the files are not as they were written, and a loss may become no number",
                "compare checksums with --verify, and prepare the text again",
            )


def _labels(numbers: Numbers) -> Findings:
    batches = numbers.batches
    if batches is None or not batches.labels:
        return
    low, high = LABEL_BOUNDS
    if not low <= batches.label_share <= high:
        majority = max(batches.label_share, 1 - batches.label_share)
        yield Finding(
            "label_balance",
            "train",
            f"{percent(batches.label_share)} of {batches.rows:,} pairs are labelled 1 (random)",
            f"always guessing one label is right in {percent(majority)}, and little is left to "
            "learn from pairs",
            "give documents of several sentences: a chunk of one sentence always gets a random "
            "partner; or train without pairs (PretrainingObjective.pairs = 'none')",
        )


def _fill(numbers: Numbers) -> Findings:
    fill = numbers.rows.get(_OF_ROWS)
    if fill is not None and fill.padded < LEAST_FILL:
        yield Finding(
            "mostly_padding",
            "train",
            f"{percent(fill.padded)} of the slots of a row of {_OF_ROWS} hold a token, "
            f"{fill.mean_tokens:.0f} on the average",
            "the rest is padding, which costs as much time as text",
            "give longer documents, a shorter max_length, or pack rows "
            "(PretrainingObjective.max_sequences)",
        )


def _few_examples(numbers: Numbers, wanted: int) -> Findings:
    if numbers.batches is None:
        return
    examples = numbers.batches.examples_per_epoch
    if wanted > MOST_EPOCHS * examples:
        yield Finding(
            "few_examples",
            "train",
            f"an epoch is {amount(examples, 'example')}, so {wanted:,} of them "
            f"are {amount(math.ceil(wanted / examples), 'epoch')}",
            f"the paper saw its text some {MOST_EPOCHS} times; beyond that a model learns this "
            "text by heart and held-out losses rise",
            "give more text, or train for fewer steps",
        )


_RULES: tuple[Callable[[Numbers], Findings], ...] = (
    text_rules.unknown_tokens,
    text_rules.case_and_accents,
    text_rules.one_sentence_documents,
    text_rules.sentence_lengths,
    _labels,
    text_rules.duplicates,
    text_rules.vocabulary,
    _fill,
)
