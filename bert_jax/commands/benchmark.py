"""`bert-jax benchmark`: measure a part on this machine."""

import argparse
import importlib.util
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError
from bert_jax.formatting import format_rate

Row = dict[str, Any]
# In fewer there may be no second document to pair with.
_LEAST_SENTENCES = 1000
VERSIONS = ("bert-jax", "jax", "numpy", "torch", "transformers", "sentence-transformers")


def run(arguments: argparse.Namespace) -> None:
    """Print the rows: one object each with `--json`, else a table."""
    _check_flags(arguments)
    rows = _BENCHMARKS[arguments.name](arguments)
    facts = machine()
    if arguments.json:
        for row in rows:
            print_json({**row, "machine": facts})
        return
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    print(f"{facts['cores']} cores of {facts['processor']}; {versions}")
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        peer = f"  vs {row['peer']}: {row['ratio']:.2f}x" if row["peer"] else ""
        print(f"{row['name']:{width}} {format_rate(row['value']):>6} {row['unit']}{peer}")


def _check_flags(arguments: argparse.Namespace) -> None:
    """A flag that would be ignored is an error."""
    name, platform = arguments.name, arguments.platform
    if name == "train-step" and arguments.data is not None:
        raise UserError("benchmark train-step computes with a batch of its own; leave --data out")
    if name == "train-step" and platform not in (None, "cpu"):
        raise UserError(
            f"benchmark train-step compares with PyTorch on CPUs; --platform {platform} has no "
            "peer there: measure it with benchmark loop"
        )
    if name == "embed" and platform not in (None, "cpu"):
        raise UserError(
            f"benchmark embed compares with PyTorch on CPUs; leave --platform {platform} out"
        )
    if name == "embed" and arguments.data is None:
        raise UserError(
            "benchmark embed needs --data STORE, whose tokeniser and sentences both sides use"
        )
    if name in ("batches", "plan", "data") and platform is not None:
        raise UserError(f"benchmark {name} needs no device; leave --platform out")
    if name == "data" and arguments.data is None:
        raise UserError(
            "benchmark data needs --data STORE, whose tokeniser and tokens all sides use"
        )
    if name != "data" and arguments.text:
        raise UserError(f"benchmark {name} prepares no text; leave --text out")
    if arguments.google_bert is None:
        for flag in ("google_bert_python", "megabytes"):
            if getattr(arguments, flag) is not None:
                raise UserError(f"--{flag} says how --google_bert is run; give both, or neither")
    elif name != "data":
        raise UserError(f"benchmark {name} is not compared with it; leave --google_bert out")
    elif not arguments.text:
        raise UserError("--google_bert needs --text INPUT, which both sides read")
    if arguments.sentences is not None and name not in ("plan", "embed"):
        raise UserError(f"benchmark {name} has a fixed size; leave --sentences out")
    if name == "embed":
        return
    if arguments.sentences is not None and arguments.data is not None:
        raise UserError("--sentences is for a made-up store; leave it out, or --data")
    if arguments.sentences is not None and arguments.sentences < _LEAST_SENTENCES:
        raise UserError(
            f"--sentences {arguments.sentences:,} is too few to measure; "
            f"{_LEAST_SENTENCES:,} or more are needed"
        )


def machine() -> Row:
    """What the figures were measured on."""
    import importlib.metadata

    from data_pipeline.workers import available_cores

    versions = {}
    for name in VERSIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cores": available_cores(),
        "processor": _processor(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def _train_step(_: argparse.Namespace) -> list[Row]:
    from bert_jax.benchmarks import train_step

    return train_step.run()


def _loop(arguments: argparse.Namespace) -> list[Row]:
    from bert_jax import devices
    from bert_jax.benchmarks import loop

    devices.initialize(arguments.platform)
    return loop.run(arguments.data)


def _data(arguments: argparse.Namespace) -> list[Row]:
    from bert_jax.benchmarks import batches, collator, google_bert, preparing

    store = arguments.data
    tokenizer = Path(store) / "tokenizer"
    rows = []
    script = None
    if arguments.google_bert is not None:
        # What is wrong with it is said before anything is measured.
        python = arguments.google_bert_python or "python3"
        script = google_bert.Script(arguments.google_bert, python)
    if arguments.text:
        rows += preparing.run(arguments.text, tokenizer)
    if script is not None:
        megabytes = arguments.megabytes or google_bert.MEGABYTES
        rows += google_bert.run(arguments.text, tokenizer, script, megabytes)
    else:
        print("no --google_bert: nothing is compared with the original's script", file=sys.stderr)
    rows += batches.run(store)
    if all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        rows += collator.run(store)
    else:
        print("no PyTorch here: nothing is compared with its collator", file=sys.stderr)
    return rows


def _batches(arguments: argparse.Namespace) -> list[Row]:
    from bert_jax.benchmarks import batches

    return batches.run(arguments.data)


def _plan(arguments: argparse.Namespace) -> list[Row]:
    from bert_jax.benchmarks import plan

    return plan.run(arguments.data, arguments.sentences or plan.SENTENCES)


def _embed(arguments: argparse.Namespace) -> list[Row]:
    from bert_jax.benchmarks import embed

    return embed.run(arguments.data, arguments.sentences or embed.SENTENCES)


_BENCHMARKS: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "train-step": _train_step,
    "loop": _loop,
    "batches": _batches,
    "data": _data,
    "plan": _plan,
    "embed": _embed,
}
