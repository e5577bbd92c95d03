"""The embedded corpus: the documentation of installed packages, from nothing to a token store."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_pipeline.documents.documentation import (
    RULES_VERSION,
    Document,
    DocumentationSource,
    installed_packages,
    read_documentation,
)
from data_pipeline.documents.packages import Package
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import write_store
from data_pipeline.preparation.work import BeingPrepared
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import MANIFEST, TokenStore, read_manifest
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import check_size, train_wordpiece
from data_pipeline.workers import checked_workers

_POLL_SECONDS = 0.5


def documentation_store(
    output: str | os.PathLike[str],
    vocab_size: int = 8192,
    *,
    workers: int | None = None,
    packages: Sequence[Package] | None = None,
    progress: Progress = silent,
) -> TokenStore:
    """The token store of the installed packages' documentation, made unless it is there.

    `packages` are by default the standard library and the runtime dependencies of this project. The
    vocabulary, uncased, is learned from the training split only. A store made earlier from the same
    packages, versions and size is opened as it is, also where another process made it while this
    one was at work. DataError where another store is in its place.
    """
    output = Path(output)
    check_size(vocab_size)
    packages = installed_packages() if packages is None else tuple(packages)
    recipe = _recipe(packages, vocab_size)
    if (output / MANIFEST).exists():
        _check_recipe(output, recipe)
        return TokenStore.open(output)
    workers = checked_workers(workers)
    source = read_documentation(packages, workers=workers, progress=progress)
    tokenizer = _learn(source, vocab_size, progress)
    facts = {"language": "en", "recipe": recipe}
    while True:
        try:
            return write_store(
                [source], tokenizer, output, facts, workers=workers, progress=progress
            )
        except BeingPrepared:
            time.sleep(_POLL_SECONDS)  # of two that make the same, one waits
        except DataError:
            # Another process may have made the same; a store has its name when it is whole.
            if not (output / MANIFEST).exists():
                raise
        if (output / MANIFEST).exists():
            _check_recipe(output, recipe)
            return TokenStore.open(output)


def _learn(source: DocumentationSource, vocab_size: int, progress: Progress) -> Tokenizer:
    training: list[Document] = [d for d in source.documents if source.split_of(d) == "train"]
    texts = ("\n".join(document.paragraphs) for document in training)
    return train_wordpiece(texts, vocab_size, cased=False, progress=progress)


def _recipe(packages: Sequence[Package], vocab_size: int) -> dict[str, Any]:
    """What decides the store, as far as it can be known without reading the packages."""
    facts = {
        "packages": {package.name: package.version for package in packages},
        "rules_version": RULES_VERSION,
        "vocab_size": vocab_size,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return {**facts, "fingerprint": digest}


def _check_recipe(output: Path, wanted: dict[str, Any]) -> None:
    there = read_manifest(output).get("recipe")
    if not isinstance(there, dict):
        raise DataError(f"{output}: is a token store of other text; name a new one")
    if there.get("fingerprint") == wanted["fingerprint"]:
        return
    differences = [
        f"{what} {there.get(what)} there and {wanted[what]} now"
        for what in ("vocab_size", "rules_version")
        if there.get(what) != wanted[what]
    ]
    old, new = there.get("packages", {}), wanted["packages"]
    changed = [
        f"{name} {old.get(name, 'absent')} there and {new.get(name, 'absent')} now"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
    more = [f"{len(changed) - 3} more packages"] if len(changed) > 3 else []
    raise DataError(
        f"{output}: was made from other packages or settings "
        f"({', '.join([*differences, *changed[:3], *more])}); remove it or name a new one"
    )
