"""What a run measures: sums and counts, then JSON lines and TensorBoard events.

`metrics.jsonl` is the record: one object a line, each written at once, so that a killed run loses
at most the line it was writing. `report.html` and exact resume read it. TensorBoard's events are a
copy for its viewer, in two runs, `train` and `eval`, with the same names.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from bert_jax.errors import UserError
from bert_jax.regular_files import check_regular

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
EVALUATION_PREFIX = "eval_"

# JSON has no number for these; the strings are those of protobuf's JSON, and `float` reads them.
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")


class Sums:
    """Weighted sums and their counts, added up over batches on the host in float64.

    Dividing once at the end makes a mean independent of how the examples were batched.
    """

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, sums: Mapping[str, tuple[Any, Any]]) -> None:
        """Add what one batch gave: for each name a sum and a count, scalars of any library."""
        for name, (total, count) in sums.items():
            old_total, old_count = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = (old_total + float(total), old_count + float(count))

    def weighted(self, weight: float) -> dict[str, tuple[float, float]]:
        """All sums and counts times a weight, for `add` of others."""
        return {name: (weight * a, weight * b) for name, (a, b) in self._sums.items()}

    def counts(self) -> dict[str, float]:
        """What each sum is divided by."""
        return {name: count for name, (_, count) in self._sums.items()}

    def means(self, prefix: str = "") -> dict[str, float]:
        """The mean of each name; not a number where nothing was counted."""
        return {
            prefix + name: total / count if count else math.nan
            for name, (total, count) in self._sums.items()
        }


class MetricsWriter:
    """Writes `metrics.jsonl` and TensorBoard's events of a run.

    Args:
        run_dir: the run's folder; made if it is not there.
        resume_step: the step that the run goes on from. Lines past it, and a last line that was
            only half written when the run was killed, are cut, so that each step is there once. A
            line of the step itself is kept. None starts afresh: every old line is cut.

    Attributes:
        last_training_step: of the lines kept and written, None where there is none yet. A run
            killed after a checkpoint but before that step's line sees here what is missing.
        last_evaluation_step: the same for evaluation lines.

    Raises:
        UserError: where an existing `metrics.jsonl` cannot be read.
    """

    def __init__(self, run_dir: str | os.PathLike[str], resume_step: int | None = None) -> None:
        self._run_dir = Path(run_dir)
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._resume_step = resume_step
        self.last_training_step: int | None = None
        self.last_evaluation_step: int | None = None
        path = self._run_dir / METRICS_FILE
        for line in _cut(path, resume_step):
            self._remember(line)
        self._file: TextIO = path.open("a", buffering=1, encoding="utf-8", newline="\n")
        self._events: dict[str, Any] = {}

    def write(self, metrics: Mapping[str, Any]) -> None:
        """Write one training or evaluation line, to the disk before this returns.

        Args:
            metrics: `step`, and scalars of any library; an evaluation's names start with `eval_`.
        """
        line = {name: _plain_number(value) for name, value in metrics.items()}
        self._file.write(json.dumps({k: _json_number(v) for k, v in line.items()}) + "\n")
        self._write_events(line)
        self._remember(line)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._file.close()
        for events in self._events.values():
            events.close()
        self._events = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _remember(self, line: Mapping[str, Any]) -> None:
        if is_evaluation(line):
            self.last_evaluation_step = int(line["step"])
        else:
            self.last_training_step = int(line["step"])

    def _write_events(self, line: Mapping[str, Any]) -> None:
        # Imported here: it takes a third of a second.
        from tensorboardX import summary
        from tensorboardX.proto import event_pb2, summary_pb2

        kind = "eval" if is_evaluation(line) else "train"
        if kind not in self._events:
            self._events[kind] = self._open_events(kind)
        values = [
            value
            for name, number in line.items()
            if name != "step"
            for value in summary.scalar(name.removeprefix(EVALUATION_PREFIX), number).value
        ]
        event = event_pb2.Event(
            wall_time=time.time(),
            step=int(line["step"]),
            summary=summary_pb2.Summary(value=values),
        )
        self._events[kind].write_event(event)
        self._events[kind].flush()

    def _open_events(self, kind: str) -> Any:
        """The writer below tensorboardX's `SummaryWriter`.

        `SummaryWriter` itself keeps every scalar in memory and writes through a queue and a thread.
        """
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto import event_pb2

        folder = self._run_dir / TENSORBOARD_FOLDER / kind
        folder.mkdir(parents=True, exist_ok=True)
        first = 0 if self._resume_step is None else self._resume_step + 1
        # The suffix keeps two files of the same second apart.
        events = EventsWriter(str(folder / "events"), filename_suffix=f".{os.getpid()}.{first}")
        # What TensorBoard has of this step and later is of a life that was cut off.
        restart = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        events.write_event(event_pb2.Event(wall_time=time.time(), step=first, session_log=restart))
        return events


def is_evaluation(line: Mapping[str, Any]) -> bool:
    """Whether a line of `metrics.jsonl` is an evaluation's."""
    return any(name.startswith(EVALUATION_PREFIX) for name in line)


def read_metrics(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`, oldest first, without a last one that is half written.

    Args:
        path: the file, or the run's folder.

    Raises:
        UserError: where another line than the last is not a JSON object with a `step`.
        OSError: where there is no such file.
    """
    path = Path(path)
    if path.is_dir():
        path = path / METRICS_FILE
    check_regular(path)
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")
    lines.pop()  # what follows the last newline: nothing, or half a line
    return [_parse(line, f"{path}, line {i}") for i, line in enumerate(lines, start=1)]


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        metrics = json.loads(line)
        int(metrics["step"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{where} is not a JSON object with a step ({line[:60]!r}): "
            "mend or remove that line, or start in another run folder"
        ) from error
    return {
        name: float(value) if isinstance(value, str) and value in _NOT_FINITE else value
        for name, value in metrics.items()
    }


def _cut(path: Path, resume_step: int | None) -> list[dict[str, Any]]:
    """Cut the lines past a step, all at once or not at all, and return those that stay."""
    if not path.exists():
        return []
    old = [] if resume_step is None else read_metrics(path)
    kept = [line for line in old if resume_step is not None and line["step"] <= resume_step]
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_to_json_lines(kept))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return kept


def _to_json_lines(lines: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for line in lines:
        yield json.dumps({name: _json_number(value) for name, value in line.items()}) + "\n"


def _plain_number(value: Any) -> Any:
    """A Python number out of a scalar of numpy or JAX."""
    return value.item() if hasattr(value, "item") else value


def _json_number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
