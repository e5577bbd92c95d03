"""`bert-jax inspect`: what a folder holds, whatever it is of ours."""

import argparse
from pathlib import Path

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError
from bert_jax.suggest import did_you_mean

_SHOWN = 4


def run(arguments: argparse.Namespace) -> None:
    """Print what is at the path: one object with `--json`, else a text."""
    path = Path(arguments.path)
    kind = kind_of(path)
    if arguments.verify and kind != "store":
        raise UserError(f"--verify compares the checksums of a token store; {path} is none")
    if kind == "store":
        from bert_jax.recipes.inspect_store import show_store, store_facts

        facts = store_facts(path)
        text = show_store
        if arguments.verify:
            _verify(path)
            facts["verified"] = True
    else:
        from bert_jax.recipes.inspect_run import run_facts, show_run

        facts = run_facts(path)
        text = show_run
    if arguments.json:
        print_json(facts)
    else:
        print(text(facts), end="")
        if arguments.verify:
            print("every file is as it was written: all checksums agree")


def _verify(path: Path) -> None:
    from data_pipeline.token_store import TokenStore

    TokenStore.open(path).verify()


def kind_of(path: Path) -> str:
    """`store`, or `run` for a run, a checkpoint of one and a model's folder.

    Raises:
      UserError: it is none of these; the message says what was found.
    """
    if not path.exists():
        here = path.parent if path.parent.is_dir() else Path()
        hint = did_you_mean(path.name, (entry.name for entry in here.iterdir()))
        raise UserError(f"{path}: there is no such file or folder{hint}")
    if (path / "manifest.json").is_file():
        return "store"
    if (path / "config.json").is_file() or "checkpoints" in (path.name, path.parent.name):
        return "run"
    raise UserError(
        f"{path} is neither a token store (a folder with manifest.json) nor a run or a model "
        f"(config.json) nor a checkpoint of a run (RUN/checkpoints/STEP): {_found(path)}"
    )


def _found(path: Path) -> str:
    if path.is_file():
        return "it is a file"
    names = sorted(entry.name for entry in path.iterdir())
    if not names:
        return "it is an empty folder"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it holds {', '.join(names[:_SHOWN])}{more}"
