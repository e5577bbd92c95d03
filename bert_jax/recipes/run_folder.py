"""The folder of a run: the names of its files, and reading and writing them."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bert_jax.checkpoint import finished_steps
from bert_jax.errors import UserError
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.regular_files import check_regular
from bert_jax.store_results import STORES

CHECKPOINTS = "checkpoints"
TOKENIZER = "tokenizer"
CONFIG = "config.json"
OPERATIVE = "operative.gin"
PROVENANCE = "provenance.json"
EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.json"
PLANS = "plans"

# What an evaluation says, among others, of the masked LM and, where there is one, a pair task.
_MLM_RESULTS = ("loss", "accuracy", "unigram_entropy", "unigram_loss")
_PAIR_RESULTS = ("loss", "accuracy", "majority_share")

# What a start that was killed before `operative.gin` was written may have left, beside files whose
# names begin with a dot.
_BEFORE_OPERATIVE = frozenset({PLANS, PROVENANCE, CONFIG, TOKENIZER})


def newest_checkpoint(run_dir: Path) -> int | None:
    """Step of the newest finished checkpoint; None where there is none."""
    return max(finished_steps(run_dir / CHECKPOINTS), default=None)


def has_checkpoint(run_dir: Path) -> bool:
    """Whether a finished checkpoint is there."""
    return newest_checkpoint(run_dir) is not None


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file, or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people: indented, in the order given."""
    write_atomically(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a file of a run.

    Raises:
      UserError: it is missing or damaged.
    """
    check_regular(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}, a file of the run, cannot be read: {error}") from error


def check_folder(run_dir: Path) -> None:
    """Raise where a run's folder is a file, would lie in one, or holds what is no run.

    Raises:
      UserError: as above.
    """
    for path in (run_dir, *run_dir.parents):
        if path.exists():
            if not path.is_dir():
                raise UserError(
                    f"--run_dir {run_dir}: {path} is a file, and a run is a folder; give the name "
                    "of a new folder, or the folder of a run"
                )
            break
    if run_dir.is_dir() and not (run_dir / OPERATIVE).exists():
        names = sorted(path.name for path in run_dir.iterdir() if not path.name.startswith("."))
        others = [name for name in names if name not in _BEFORE_OPERATIVE]
        if others:
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            raise UserError(
                f"--run_dir {run_dir} is no run: it holds {', '.join(others[:3])}{more}, and no "
                f"{OPERATIVE}; give the name of a new folder, or the folder of a run"
            )


def read_evaluation(run_dir: Path) -> dict[str, Any]:
    """The results on held-out text beside their baselines (`held_out.verdict`).

    Raises:
      UserError: the file is missing or damaged.
    """
    found = read_json(run_dir / EVALUATION)
    whole = (
        isinstance(found, dict)
        and isinstance(found.get("step"), int)
        and _has_results(found)
        and isinstance(found.get(STORES, {}), dict)
        and all(
            _has_numbers(of_store, ("share", "epochs")) and _has_results(of_store)
            for of_store in found.get(STORES, {}).values()
        )
    )
    if not whole:
        raise UserError(
            f"{run_dir / EVALUATION} is damaged: it holds no results. Start the run's command "
            "again: the evaluation is made anew"
        )
    evaluation: dict[str, Any] = found
    return evaluation


def _has_results(tasks: Mapping[str, Any]) -> bool:
    return _has_numbers(tasks.get("mlm"), _MLM_RESULTS) and all(
        _has_numbers(tasks[task.key], _PAIR_RESULTS)
        for task in PAIR_TASKS.values()
        if task.key in tasks
    )


def _has_numbers(results: Any, names: Iterable[str]) -> bool:
    return isinstance(results, dict) and all(
        isinstance(results.get(name), int | float) for name in names
    )


def is_evaluated(run_dir: Path, step: int) -> bool:
    """Whether `evaluation.json` is there, whole, and of this step."""
    try:
        return bool(read_evaluation(run_dir)["step"] == step)
    except UserError:
        return False
