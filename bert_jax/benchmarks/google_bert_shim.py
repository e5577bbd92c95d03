"""Runs the original's `create_pretraining_data.py`, unchanged, under TensorFlow 2, and times it.

    PYTHON google_bert_shim.py CHECKOUT REPORT FLAG...

Another interpreter runs this file, the one that has TensorFlow: it imports nothing of ours. The
script asks for TensorFlow 1, which `tensorflow.compat.v1` still is; it is run with FLAGs, and
REPORT becomes a JSON object of what `google_bert.Timed` holds.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SCRIPT = "create_pretraining_data.py"
# What is timed: the functions of the script whose beginnings and ends part its phases.
DOCUMENT, INSTANCES, WRITE = (
    "create_instances_from_document",
    "create_training_instances",
    "write_instance_to_example_files",
)


def main(checkout: str, report: str, *flags: str) -> None:
    """Runs the script in `checkout` with `flags` and writes `report`; ends the process."""
    # This file's own folder, whose modules have names that others may want.
    sys.path[0] = checkout
    import tensorflow.compat.v1 as tf

    sys.modules["tensorflow"] = tf
    script = _load(Path(checkout) / SCRIPT)
    facts: dict[str, Any] = {"tensorflow": tf.__version__, "python": platform.python_version()}
    times = _record(script, facts)

    def run(argv: Sequence[str]) -> None:
        times["start"] = time.perf_counter()
        script.main(argv)
        times["end"] = time.perf_counter()
        documents = facts.pop("documents")
        facts["tokens"] = sum(len(tokens) for sentences in documents for tokens in sentences)
        facts["reading"] = times["building"] - times["start"]
        facts["building"] = times["built"] - times["building"]
        facts["writing"] = times["end"] - times["built"]
        Path(report).write_text(json.dumps(facts), encoding="utf-8")

    tf.app.run(main=run, argv=[SCRIPT, *flags])


def _load(path: Path) -> Any:
    """The script as a module, so that what it does as a program waits."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _record(script: Any, facts: dict[str, Any]) -> dict[str, float]:
    """Replaces functions of `script` by ones that note when they were called; returns the times.

    The one that is called for each document is put back at its first call: what is measured is
    not slowed down.
    """
    times: dict[str, float] = {}
    of_document: Callable[..., Any] = getattr(script, DOCUMENT)
    instances: Callable[..., Any] = getattr(script, INSTANCES)
    write: Callable[..., Any] = getattr(script, WRITE)

    def first_document(documents: Any, *arguments: Any) -> Any:
        facts["documents"] = documents
        setattr(script, DOCUMENT, of_document)
        times["building"] = time.perf_counter()
        return of_document(documents, *arguments)

    def all_instances(*arguments: Any) -> Any:
        result = instances(*arguments)
        times["built"] = time.perf_counter()
        return result

    def counted_write(examples: Any, *arguments: Any) -> Any:
        facts["examples"] = len(examples)
        return write(examples, *arguments)

    for name, function in (
        (DOCUMENT, first_document),
        (INSTANCES, all_instances),
        (WRITE, counted_write),
    ):
        setattr(script, name, function)
    return times


if __name__ == "__main__":
    main(*sys.argv[1:])
