"""The length schedule of a run, read from its `operative.gin` for the report."""

from __future__ import annotations

import ast
import re
from typing import Any

from bert_jax.plots import Border


def setting(operative: str | None, name: str) -> Any:
    """A value of an `operative.gin`, which holds literals; None where it is not there."""
    found = re.search(rf"^{re.escape(name)} = (.+)$", operative or "", re.MULTILINE)
    try:
        return None if found is None else ast.literal_eval(found[1])
    except (ValueError, SyntaxError):
        return None


def borders_of(operative: str | None) -> list[Border]:
    """Where batches get another shape, each labelled rows x tokens; none without a schedule."""
    columns = [
        setting(operative, f"LengthSchedule.{name}") or ()
        for name in ("after_step", "batch_size", "max_length")
    ]
    return [Border(step, f"{rows} x {length}") for step, rows, length in zip(*columns, strict=True)]


def schedule_text(operative: str | None, num_steps: int) -> str:
    """The shapes of the first `num_steps` steps in a sentence; empty where they have but one."""
    reached = [border for border in borders_of(operative) if border.step < num_steps]
    if not reached:
        return ""
    rows = setting(operative, "TrainConfig.batch_size")
    length = setting(operative, "PretrainingObjective.max_length")
    later = ", ".join(f"{border.label} after step {border.step:,}" for border in reached)
    return f"Batches of {rows} x {length} (rows x tokens), {later}."
