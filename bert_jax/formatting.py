"""Numbers as a person reads them, and the lines of the table of training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bert_jax.pair_tasks import PairTask, pair_task_of


def format_count(n: int) -> str:
    """A number of things: ``12,345``, and ``1.23M`` from a million on."""
    return f"{n:,}" if abs(n) < 1_000_000 else format_rate(n)


def format_rate(value: float) -> str:
    """A speed in three digits: ``0.123 45.6 789 1,234 12.3k 4.56M``."""
    if not math.isfinite(value):
        return str(value)
    if 999.5 <= abs(value) < 9_999.5:
        return f"{value:,.0f}"
    digits, letter = _scaled(value)
    return digits + letter


def format_amount(n: float, unit: str) -> str:
    """A number with its unit: ``1 file``, ``12,345 files``, ``4.56 MB`` for bytes (``B``)."""
    if unit == "B":
        digits, letter = _scaled(n)
        return f"{digits} {letter}B"
    number = format_count(n) if isinstance(n, int) else format_rate(n)
    return f"{number} {plural(unit) if number != '1' else unit}"


def format_tokenizer(vocab_size: int, kind: str, cased: bool) -> str:
    """A tokeniser by its size: `30,522 word pieces, uncased`.

    Args:
      vocab_size: its ids.
      kind: `wordpiece`, `sentencepiece` or `byte_level_bpe`.
      cased: whether it keeps capitals.
    """
    names = {"sentencepiece": "pieces of SentencePiece", "byte_level_bpe": "pieces of bytes"}
    return f"{vocab_size:,} {names.get(kind, 'word pieces')}, {'cased' if cased else 'uncased'}"


def plural(unit: str) -> str:
    """The plural of a unit; one that ends in ``s`` is a plural already."""
    return unit if unit.endswith("s") else unit + "s"


def _scaled(value: float) -> tuple[str, str]:
    """A number in three digits and the letter of its thousands."""
    factor, letter = next(((f, c) for f, c in _THOUSANDS if abs(value) < 999.5 * f), _THOUSANDS[-1])
    value /= factor
    if value == 0:
        return "0", letter
    # The power of ten of the first digit, after rounding to three digits.
    exponent = int(f"{abs(value):.2e}".partition("e")[2])
    return f"{value:.{max(0, min(3, 2 - exponent))}f}", letter


_THOUSANDS = ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"))


def format_duration(seconds: float) -> str:
    """A time: ``0:07``, ``12:34``, ``1:02:03``, and from two days on ``2.5 days``, ``110 days``."""
    if not math.isfinite(seconds):
        return "?"
    days = seconds / 86400
    if days >= 2:
        return f"{days:.1f} days" if days < 9.95 else f"{days:,.0f} days"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_probability(share: float) -> str:
    """A probability that may be small: ``31.2 %``, ``0.04 %``, ``<0.01 %``."""
    if 0 < share < 0.00005:
        return "<0.01 %"
    return f"{100 * share:.{1 if share >= 0.00995 or share == 0 else 2}f} %"


def format_alike(numbers: Sequence[float]) -> list[str]:
    """Numbers of a column, all with as many decimals as tell the smallest from 0: ``12.06 0.04``.

    One decimal at least, which is what numbers from a tenth on have: ``12.1``.
    """
    smallest = min((number for number in numbers if number > 0), default=1.0)
    decimals = max(1, math.ceil(-math.log10(smallest / 0.95) - 1e-9))
    return [f"{number:,.{decimals}f}" for number in numbers]


TO_BEAT = "to beat"

# The table of training: (name in metrics.jsonl, header, width, how a value is written).
_Column = tuple[str, str, int, Any]


def _loss(value: float) -> str:
    # 2,345 or 12.3k of a run that diverged: powers of ten hide whether it still rises.
    if 100 <= abs(value) < 999.5e12:
        return format_rate(value)
    return f"{value:.3f}" if not abs(value) >= 100 else f"{value:.0e}"


def _share(value: float) -> str:
    return f"{100 * value:.1f}%" if math.isfinite(value) else str(value)


def _learning_rate(value: float) -> str:
    # 1.00e-4, not 1.00e-04: the column is narrow.
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def _grad_norm(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else format_rate(value)


def _columns(task: PairTask | None) -> tuple[_Column, ...]:
    return _OF_MLM + (() if task is None else _of_pairs(task)) + _OF_STEPS


def _of_pairs(task: PairTask) -> tuple[_Column, ...]:
    return (
        (f"{task.key}_loss", task.title, 5, _loss),
        (f"{task.key}_accuracy", "acc.", 6, _share),
    )


_OF_MLM: tuple[_Column, ...] = (
    ("loss", "loss", 6, _loss),
    ("mlm_loss", "MLM", 6, _loss),
    ("mlm_accuracy", "acc.", 6, _share),
)
_OF_STEPS: tuple[_Column, ...] = (
    ("learning_rate", "lr", 7, _learning_rate),
    ("grad_norm", "grad.", 5, _grad_norm),
    ("tokens_per_second", "tok/s", 5, format_rate),
    ("input_wait", "wait", 5, _share),
)


def _step_width(num_steps: int) -> int:
    return max(2 * len(str(num_steps)) + 1, len("eval ") + len(str(num_steps)), len(TO_BEAT))


def _row(
    first: str, cells: list[str], columns: tuple[_Column, ...], num_steps: int, width: int
) -> str:
    cells = [first, *cells]
    widths = [_step_width(num_steps), *(column[2] for column in columns)]
    # As airy as the width allows, and never wider than it.
    spare = width - sum(widths)
    gap = " " * min(3, max(1, spare // (len(widths) - 1)))
    line = gap.join(cell.rjust(wide) for cell, wide in zip(cells, widths, strict=True))
    return line[:width].rstrip()


def format_training_header(num_steps: int, width: int = 80, task: PairTask | None = None) -> str:
    """The heads of the columns that `format_training_line` fills.

    ``lr`` is the learning rate, ``grad.`` the gradient's norm before clipping, ``wait`` the share
    of time spent waiting for input.

    Args:
        num_steps: the steps of the whole run.
        width: of the terminal.
        task: the pair task that the run has columns of, if any.
    """
    columns = _columns(task)
    return _row("step", [head for _, head, _, _ in columns], columns, num_steps, width)


def format_training_line(metrics: Mapping[str, Any], num_steps: int, width: int = 80) -> str:
    """One line of training, at most `width` columns (all columns fit in 80).

    Args:
        metrics: a training line as in `metrics.jsonl`; a name that is missing stays blank. The
            columns of a pair task are there if the line has anything of it.
        num_steps: the steps of the whole run.
        width: of the terminal.
    """
    return _line(f"{metrics['step']}/{num_steps}", metrics, "", num_steps, width)


def format_evaluation_line(metrics: Mapping[str, Any], num_steps: int, width: int = 80) -> str:
    """One line of evaluation, under the same heads as the training lines."""
    return _line(f"eval {metrics['step']}", metrics, "eval_", num_steps, width)


def format_baselines_line(baselines: Mapping[str, Any], num_steps: int, width: int = 80) -> str:
    """What an evaluation has to beat, under the same heads.

    Args:
        baselines: `mlm` and that of the pair task (`nsp`, say), as in `evaluation.json`.
        num_steps: the steps of the whole run.
        width: of the terminal.
    """
    mlm, task = baselines.get("mlm") or {}, pair_task_of(baselines)
    values = {
        "mlm_loss": mlm.get("unigram_entropy"),
        "mlm_accuracy": mlm.get("commonest_accuracy"),
    }
    if task is not None:
        share = (baselines[task.key] or {}).get("majority_share")
        values[f"{task.key}_loss"] = None if share is None else binary_entropy(share)
        values[f"{task.key}_accuracy"] = share
    return _line(TO_BEAT, values, "", num_steps, width)


def binary_entropy(share: float) -> float:
    """The entropy, in nats, of a label that is one of two in this share of cases."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)


def _line(first: str, metrics: Mapping[str, Any], prefix: str, num_steps: int, width: int) -> str:
    columns = _columns(pair_task_of(metrics))
    cells = []
    for name, _, _, write in columns:
        value = metrics.get(prefix + name)
        cells.append("" if value is None else write(float(value)))
    return _row(first, cells, columns, num_steps, width)
