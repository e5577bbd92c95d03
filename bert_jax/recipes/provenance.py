"""What made a run and is not in its config: versions, machine, data."""

import datetime
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bert_jax.errors import UserError
from bert_jax.recipes.data_facts import is_data_facts
from bert_jax.recipes.run_folder import PROVENANCE, read_json, write_json

# `bert_jax.loss_curve.Levels` of the data.
LEVELS = "loss_levels"

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


def provenance_of(
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


def read_provenance(run_dir: Path) -> dict[str, Any]:
    """What made a run (`provenance_of`).

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
