"""`bert-jax inspect`: what a folder holds, whatever it is of ours."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError
from bert_jax.suggest import did_you_mean

_SHOWN = 4
# A short run: text that is too little for it is too little for any.
DEFAULT_STEPS, DEFAULT_BATCH_SIZE = 1000, 32


def run(arguments: argparse.Namespace) -> None:
    """Print what is at the path: one object with `--json`, else a text."""
    path = Path(arguments.path)
    # As a path it would lose the second slash of a name that has two.
    kind = "model" if arguments.path.startswith("hf:") else kind_of(path)
    if kind == "store":
        if arguments.weights:
            raise UserError(f"--weights shows the tensors of a model; {path} is a token store")
        _store(path, arguments)
        return
    if arguments.verify:
        raise UserError(f"--verify compares the checksums of a token store; {path} is none")
    for flag in ("html", "steps", "batch_size"):
        if getattr(arguments, flag):
            raise UserError(f"--{flag} is for a token store; {path} is none")
    facts, show = _model(arguments) if kind == "model" else _run(path, arguments)
    if arguments.json:
        print_json(facts)
    else:
        print(show(facts, _columns()), end="")


Shown = tuple[dict[str, Any], Callable[[dict[str, Any], int], str]]


def _run(path: Path, arguments: argparse.Namespace) -> Shown:
    from bert_jax.recipes.inspect_run import run_facts, show_run

    return run_facts(path, weights=arguments.weights), show_run


def _model(arguments: argparse.Namespace) -> Shown:
    from bert_jax import devices
    from bert_jax.recipes.inspect_model import model_facts
    from bert_jax.recipes.show_model import show_model

    # Shapes are asked of JAX, and nothing is computed.
    devices.initialize("cpu")
    return model_facts(arguments.path, weights=arguments.weights), show_model


def _store(path: Path, arguments: argparse.Namespace) -> None:
    from bert_jax.recipes.inspect_numbers import inspect_store, show_inspection
    from bert_jax.recipes.inspect_page import PAGE_FILE, write_inspection
    from bert_jax.terminal import Terminal
    from data_pipeline.progress import silent

    if arguments.verify:
        _verify(path)
    terminal = Terminal()
    inspection = inspect_store(
        path,
        steps=arguments.steps or DEFAULT_STEPS,
        batch_size=arguments.batch_size or DEFAULT_BATCH_SIZE,
        # A few seconds: worth a bar, and not worth lines in a log.
        progress=terminal.progress if terminal.live else silent,
    )
    if arguments.verify:
        inspection.facts["verified"] = True
    page = Path(arguments.html) if arguments.html else path / PAGE_FILE
    try:
        inspection.facts["html"] = str(write_inspection(page, inspection))
    except OSError as error:
        if arguments.html:
            raise UserError(f"--html {page} cannot be written: {error.strerror}") from error
        inspection.facts["html"] = None
        print(
            f"{page} cannot be written ({error.strerror}); --html FILE names another place",
            file=sys.stderr,
        )
    if arguments.json:
        print_json(inspection.facts)
        return
    print(show_inspection(inspection, _columns()), end="")
    if inspection.facts["html"]:
        print(f"as a page: {inspection.facts['html']}")
    if arguments.verify:
        print("every file is as it was written: all checksums agree")


def _columns() -> int:
    return max(80, min(120, shutil.get_terminal_size((80, 24)).columns))


def _verify(path: Path) -> None:
    from data_pipeline.store.token_store import TokenStore

    TokenStore.open(path).verify()


def kind_of(path: Path) -> str:
    """`store`, `run` (or a checkpoint of one), or `model` for one in another layout.

    Raises:
      UserError: it is none of these; the message says what was found.
    """
    if (path / "manifest.json").is_file():
        return "store"
    folder = path if path.is_dir() else path.parent
    # A link that leads nowhere, or a pipe, is named by who opens the model.
    model = any(os.path.lexists(path / name) for name in ("config.json", "modules.json"))
    checkpoint = path.exists() or path.with_name(f"{path.name}.index").is_file()
    model |= checkpoint and (folder / "bert_config.json").is_file()
    if "checkpoints" in (path.name, path.parent.name) and not model:
        return "run"
    if (path / "checkpoints").is_dir() or (path / "tokenizer").is_dir():
        return "run"
    if model:
        return "model"
    if not path.exists():
        here = path.parent if path.parent.is_dir() else Path()
        hint = did_you_mean(path.name, (entry.name for entry in here.iterdir()))
        raise UserError(f"{path}: there is no such file or folder{hint}")
    raise UserError(
        f"{path} is neither a token store (a folder with manifest.json) nor a run or a model "
        "(config.json, or bert_config.json beside a TensorFlow checkpoint) nor a checkpoint of a "
        f"run (RUN/checkpoints/STEP): {_found(path)}"
    )


def _found(path: Path) -> str:
    if path.suffix in (".safetensors", ".bin"):
        return "it is a file; give the folder that it is in"
    if not path.is_dir():
        return "it is a file"
    names = sorted(entry.name for entry in path.iterdir())
    if not names:
        return "it is an empty folder"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it holds {', '.join(names[:_SHOWN])}{more}"
