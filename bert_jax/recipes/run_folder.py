"""The folder of a run: its files, and whether a run may go on in it."""

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bert_jax.checkpoint import finished_steps
from bert_jax.errors import UserError
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.bindings import settable_fields
from bert_jax.recipes.data_facts import describe_change, is_data_facts
from bert_jax.recipes.experiment import Experiment, load_experiment
from bert_jax.store_results import STORES

CHECKPOINTS = "checkpoints"
TOKENIZER = "tokenizer"
CONFIG = "config.json"
OPERATIVE = "operative.gin"
PROVENANCE = "provenance.json"
EVALUATION = "evaluation.json"
PREDICTIONS = "predictions.json"
PLANS = "plans"
# In `provenance.json`: `bert_jax.loss_curve.Levels` of the data.
LEVELS = "loss_levels"

# What an evaluation says, among others, of the masked LM and, where there is one, a pair task.
_MLM_RESULTS = ("loss", "accuracy", "unigram_entropy", "unigram_loss")
_PAIR_RESULTS = ("loss", "accuracy", "majority_share")

# What a run may change when it goes on; docs/resuming.md says why for each. Anything else is part
# of what the run is, but for the part of a `LengthSchedule` that lies ahead.
MAY_CHANGE = frozenset(
    {
        *(f"TrainConfig.{name}" for name in ("num_steps", "micro_batches", "log_every")),
        *(f"TrainConfig.{name}" for name in ("eval_every", "eval_examples")),
        *(f"TrainConfig.{name}" for name in ("checkpoint_every", "checkpoint_minutes")),
        *(f"TrainConfig.{name}" for name in ("keep_checkpoints", "keep_every")),
        "TrainConfig.checkpoint_step_zero",
        *(f"MeshConfig.{name}" for name in ("data", "fsdp", "tensor")),
        *(f"ComputeConfig.{name}" for name in ("scan_layers", "remat", "vocab_chunk")),
        # A store may have moved; that its data are the same is checked by their fingerprint, which
        # is also that of a mixture's shares.
        *(f"DataConfig.{name}" for name in ("store", "stores", "weights", "smoothing")),
        *(f"DataConfig.{name}" for name in ("corpus", "corpus_vocab_size")),
    }
)

# What a start that was killed before `operative.gin` was written may have left, beside files whose
# names begin with a dot.
_BEFORE_OPERATIVE = frozenset({PLANS, PROVENANCE, CONFIG, TOKENIZER})

# Classes that the runs of an earlier version knew nothing of: their values are the defaults.
_LATER = frozenset({"LengthSchedule"})

# Packages whose version can change a result, and what they are called in `provenance.json`.
PACKAGES = (
    *("bert-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy"),
    *("tokenizers", "sentencex", "gin-config"),
)

# What `provenance.json` says that can change the last bits of a result, beside the config.
WATCHED = (
    *("versions", "python", "platform", "devices"),
    *("cpu_count", "processes", "xla_flags", "mesh"),
)


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


def read_provenance(run_dir: Path) -> dict[str, Any]:
    """What made a run (`provenance`).

    Raises:
      UserError: the file is missing or damaged.
    """
    found = read_json(run_dir / PROVENANCE)
    whole = (
        isinstance(found, dict)
        and is_data_facts(found.get("data"))
        and isinstance(found.get("versions", {}), dict)
        and isinstance(found.get("init_from") or {}, dict)
        and isinstance(found.get("resumed", []), list)
        and all(isinstance(one, dict) for one in found.get("resumed", []))
    )
    if not whole:
        raise UserError(
            f"{run_dir / PROVENANCE} is damaged: it does not say what made the run. Bring the file "
            "back from a copy, or give another --run_dir"
        )
    provenance: dict[str, Any] = found
    return provenance


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


def check_same_run(run_dir: Path, experiment: Experiment, data: Mapping[str, Any]) -> None:
    """Raise where a folder holds a run of another config or data, with the differences.

    Args:
      run_dir: the folder.
      experiment: what is to be run in it.
      data: what `provenance.json` would say of its data (`Stores.facts`).

    Raises:
      UserError: as above.
    """
    if not (run_dir / OPERATIVE).exists():
        return
    before = load_experiment(str(run_dir / OPERATIVE), kind=experiment.kind, data_required=False)
    given = {name.split(".")[0] for name, at in before.origins.items() if at.kind != "default"}
    if given | _LATER != before.configs().keys():
        raise UserError(
            f"{run_dir / OPERATIVE} is damaged: it should hold every value of the run. Bring the "
            "file back from a copy, or give another --run_dir"
        )
    newest = newest_checkpoint(run_dir)
    done = newest or 0
    # Of a schedule, what lies ahead is nobody's past.
    same_lengths = before.length_schedule.until(done) == experiment.length_schedule.until(done)
    differences = [
        f"{name} was {old!r} and is {new!r}"
        for name, old, new in _differences(before, experiment)
        if name not in MAY_CHANGE and not (same_lengths and name.startswith("LengthSchedule."))
    ]
    recorded = read_provenance(run_dir)["data"]
    if recorded["fingerprint"] != data["fingerprint"]:
        differences.append(describe_change(recorded, data))
    if differences:
        raise UserError(
            f"{run_dir} holds another run: {'; '.join(differences)}. Give another --run_dir, or "
            f"the run's own config ({run_dir / OPERATIVE})"
        )
    if newest is not None and experiment.train.num_steps < newest:
        raise UserError(
            f"TrainConfig.num_steps is {experiment.train.num_steps} and {run_dir} has a checkpoint "
            f"of step {newest}: a run can be made longer, not shorter. Give --steps {newest} or "
            "more, or another --run_dir"
        )


def _differences(before: Experiment, after: Experiment) -> Iterable[tuple[str, Any, Any]]:
    old, new = before.configs(), after.configs()
    for class_name, config in new.items():
        # What cannot be set follows from the data, whose fingerprint is compared, or from a field
        # that can.
        for field in settable_fields(class_name):
            values = getattr(old[class_name], field.name), getattr(config, field.name)
            if values[0] != values[1]:
                yield (f"{class_name}.{field.name}", *values)


def provenance(
    machine: Mapping[str, Any], mesh: Mapping[str, int], data: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that made a run what it is and is not in its config."""
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "versions": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": platform.platform(),
        "git_commit": git_commit(),
        **machine,
        "mesh": dict(mesh),
        "data": dict(data),
    }


def record_provenance(run_dir: Path, now: dict[str, Any]) -> list[str]:
    """Write `provenance.json`, or add this resumption to it.

    Returns:
      For each thing that differs from when the run was started and can change the last bits of a
      result, a sentence.
    """
    path = run_dir / PROVENANCE
    if not path.exists():
        write_json(path, now)
        return []
    first = read_provenance(run_dir)
    resumed = first.get("resumed", [])
    kept = {name: now[name] for name in ("started", "command", "git_commit", *WATCHED)}
    write_json(path, {**first, "resumed": [*resumed, kept]})
    return list(_changes(resumed[-1] if resumed else first, now))


def _changes(last: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    """What differs between two starts, a sentence for each."""
    for name in WATCHED:
        old, new = last.get(name), now[name]
        if isinstance(old, dict) and isinstance(new, dict):
            what = "mesh axis " if name == "mesh" else ""
            for key in sorted({*old, *new}):
                if old.get(key) != new.get(key):
                    yield f"{what}{key} was {old.get(key)} and is {new.get(key)}"
        elif old != new:
            yield f"{name} was {old!r} and is {new!r}"


def git_commit() -> str | None:
    """The commit of the checkout that this code lies in, perhaps `-dirty`; None in a wheel."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    # No tag, whatever tags there are: the commit itself.
    describe = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    command = ["git", "-C", str(root), *describe]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
