"""Held-out results beside their baselines, as sentences for a person."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bert_jax.formatting import binary_entropy
from bert_jax.pair_tasks import PAIR_TASKS, PairTask

# The run is a success by these margins (nats, and a share): what chance or the most trivial
# predictor could reach lies well inside them.
MLM_MARGIN = 0.3
PAIR_MARGIN = 0.05
_LEVEL = "level with"


@dataclass(frozen=True)
class Verdict:
    """One held-out result beside its baseline."""

    task: str
    measure: str
    result: str
    baseline: str
    baseline_name: str
    text: str
    passed: bool | None
    """None where the measure decides nothing."""


def verdicts(evaluation: Mapping[str, Any]) -> list[Verdict]:
    """The held-out results against their baselines, as sentences."""
    rows = []
    mlm = evaluation.get("mlm") or {}
    if mlm:
        below = mlm["unigram_entropy"] - mlm["loss"]
        rows.append(
            Verdict(
                task="MLM",
                measure="loss, nats",
                result=f"{mlm['loss']:.3f}",
                baseline=f"{mlm['unigram_entropy']:.3f}",
                baseline_name="unigram entropy of the held-out masked tokens",
                text=f"{_nats(below)} the held-out unigram entropy",
                passed=below >= MLM_MARGIN,
            )
        )
        above = mlm["accuracy"] - mlm["commonest_accuracy"]
        token = mlm.get("commonest_token", "the commonest token")
        rows.append(
            Verdict(
                task="MLM",
                measure="accuracy",
                result=percent(mlm["accuracy"]),
                baseline=percent(mlm["commonest_accuracy"]),
                baseline_name=f"always “{token}”",
                text=f"{_points(above)} the commonest token",
                passed=None,
            )
        )
        if "bits_per_character" in mlm:
            rows.append(_bits_per_character(mlm))
    for task in PAIR_TASKS.values():
        if evaluation.get(task.key):
            rows += _pair_verdicts(task, evaluation[task.key])
    return rows


def _bits_per_character(mlm: Mapping[str, Any]) -> Verdict:
    per_token = mlm["characters_per_token"]
    entropy = bits_per_character(mlm["unigram_entropy"], per_token)
    below = entropy - mlm["bits_per_character"]
    amount = f"{abs(below):.2f}"
    side = _LEVEL if amount == "0.00" else f"{amount} bit {'below' if below > 0 else 'above'}"
    return Verdict(
        task="MLM",
        measure="loss, bits per character",
        result=f"{mlm['bits_per_character']:.3f}",
        baseline=f"{entropy:.3f}",
        baseline_name=f"the held-out unigram entropy; {per_token:.2f} characters a token",
        text=f"{side} the held-out unigram entropy",
        passed=None,
    )


def _pair_verdicts(task: PairTask, pairs: Mapping[str, Any]) -> Iterator[Verdict]:
    share = pairs["majority_share"]
    above = pairs["accuracy"] - share
    # The interval is that of the majority share: what always guessing it may well score.
    low, high = pairs.get("interval") or (share, share)
    outside = not low <= pairs["accuracy"] <= high
    where = "outside" if outside else "inside"
    yield Verdict(
        task=task.title,
        measure="accuracy",
        result=percent(pairs["accuracy"]),
        baseline=percent(share),
        baseline_name=(
            f"always “{label_name(task, pairs.get('majority_label'))}”; "
            f"95 % interval {percent(low)} to {percent(high)}"
        ),
        text=f"{_points(above)} the majority label, {where} its interval",
        passed=above >= PAIR_MARGIN and outside,
    )
    entropy = binary_entropy(share)
    below = entropy - pairs["loss"]
    yield Verdict(
        task=task.title,
        measure="loss, nats",
        result=f"{pairs['loss']:.3f}",
        baseline=f"{entropy:.3f}",
        baseline_name="entropy of the two labels",
        text=f"{_nats(below)} the entropy of the labels",
        passed=None,
    )


def bits_per_character(nats_per_token: float, characters_per_token: float) -> float:
    """A loss that can be compared between vocabularies: of the text, not of its tokens."""
    return nats_per_token / math.log(2) / characters_per_token


def label_name(task: PairTask, label: Any) -> str:
    """What a label is called: ``next`` or ``random`` for next sentence prediction."""
    if isinstance(label, int):
        return task.labels[label] if 0 <= label < len(task.labels) else str(label)
    return str(label or "one label")


def percent(share: float) -> str:
    """A share as ``12.3 %``."""
    return f"{100 * share:.1f} %"


def _nats(below: float) -> str:
    amount = f"{abs(below):.2f}"
    return _LEVEL if amount == "0.00" else f"{amount} nat {'below' if below > 0 else 'above'}"


def _points(above: float) -> str:
    amount = f"{abs(100 * above):.1f}"
    return _LEVEL if amount == "0.0" else f"{amount} points {'above' if above > 0 else 'below'}"
