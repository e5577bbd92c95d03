"""Held-out results beside their baselines, as sentences for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bert_jax.formatting import binary_entropy

# The run is a success by these margins (nats, and a share): what chance or the most trivial
# predictor could reach lies well inside them.
MLM_MARGIN = 0.3
NSP_MARGIN = 0.05
NSP_LABELS = {0: "next", 1: "random"}


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
                baseline_name="unigram entropy of the masked tokens",
                text=f"{_nats(below)} the unigram entropy",
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
    nsp = evaluation.get("nsp") or {}
    if nsp:
        rows += _nsp_verdicts(nsp)
    return rows


def _nsp_verdicts(nsp: Mapping[str, Any]) -> Iterator[Verdict]:
    share = nsp["majority_share"]
    above = nsp["accuracy"] - share
    # The interval is that of the majority share: what always guessing it may well score.
    low, high = nsp.get("interval") or (share, share)
    outside = not low <= nsp["accuracy"] <= high
    where = "outside" if outside else "inside"
    yield Verdict(
        task="NSP",
        measure="accuracy",
        result=percent(nsp["accuracy"]),
        baseline=percent(share),
        baseline_name=(
            f"always “{nsp_label(nsp.get('majority_label'))}”; "
            f"95 % interval {percent(low)} to {percent(high)}"
        ),
        text=f"{_points(above)} the majority label, {where} its interval",
        passed=above >= NSP_MARGIN and outside,
    )
    entropy = binary_entropy(share)
    below = entropy - nsp["loss"]
    yield Verdict(
        task="NSP",
        measure="loss, nats",
        result=f"{nsp['loss']:.3f}",
        baseline=f"{entropy:.3f}",
        baseline_name="entropy of the two labels",
        text=f"{_nats(below)} the entropy of the labels",
        passed=None,
    )


def nsp_label(label: Any) -> str:
    """The name of an NSP label: ``next`` or ``random``."""
    return (
        NSP_LABELS.get(label, str(label)) if isinstance(label, int) else str(label or "one label")
    )


def percent(share: float) -> str:
    """A share as ``12.3 %``."""
    return f"{100 * share:.1f} %"


def _nats(below: float) -> str:
    return f"{abs(below):.2f} nat {'below' if below >= 0 else 'above'}"


def _points(difference: float) -> str:
    side = "above" if difference >= 0 else "below"
    return f"{abs(100 * difference):.1f} points {side}"
