"""Whether a store that is there already is the one that is asked for, and if not, what differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from data_pipeline.documents import Source
from data_pipeline.errors import DataError
from data_pipeline.preparation.differing import Forms, differences, listed
from data_pipeline.preparation.job import Job
from data_pipeline.store.token_store import MANIFEST, read_manifest

_REMEDY = "remove it or name a new one"


def check_same_settings(
    output: Path,
    wanted: Mapping[str, Any],
    inputs: Iterable[str],
    lines: str,
    text_key: str,
    forms: Forms = dict,
) -> None:
    """DataError where the store at `output` was made with other settings, or of other inputs.

    Reads no input. A store that is not there differs in nothing.

    Args:
        output: where the store is.
        wanted: the settings of the job, as `settings_of` gives them.
        inputs: the names of the inputs, in their order.
        lines: as of `prepare`.
        text_key: as of `prepare`.
        forms: as of `differences`.
    """
    if not (output / MANIFEST).is_file():
        return
    manifest = read_manifest(output)
    sources = [source for source in manifest["sources"] if isinstance(source, dict)]
    there: dict[str, Any] = {
        "tokenizer": manifest["tokenizer"]["fingerprint"],
        "cleaning": _table(_table(manifest.get("cleaning")).get("rules")),
        **{name: manifest.get(name) for name in ("language", "eval_share")},
        **_table(manifest.get("libraries")),
        "inputs": listed(str(source.get("input")) for source in sources),
    }
    now = {name: wanted.get(name) for name in there} | {"inputs": listed(inputs)}
    for name, given, recorded in (
        ("lines", lines, {s.get("lines") for s in sources if s.get("kind") == "text"}),
        ("text_key", text_key, {s.get("text_key") for s in sources} - {None}),
    ):
        # "auto" is what was found the first time, unless the input has changed.
        if recorded and given != "auto":
            there[name], now[name] = listed(map(str, recorded)), given
    found = differences(there, json.loads(json.dumps(now)), forms)
    if found:
        raise DataError(
            f"{output}: a token store is there already, and is another ({'; '.join(found)}); "
            f"{_REMEDY}"
        )


def is_prepared(output: Path, job: Job, sources: Iterable[Source]) -> bool:
    """Whether the store is there, of this very job, and no file was changed since.

    DataError where a store is there, but of another job.
    """
    file = output / MANIFEST
    if not file.is_file():
        return False
    made = file.stat().st_mtime_ns
    same = read_manifest(output).get("job") == job.fingerprint
    if same and job.last_change < made:
        return True
    changed = [
        stream.name
        for source in sources
        for stream in source.streams
        if stream.identity().get("changed", 0) >= made
    ]
    why = (
        f"{listed(changed)} changed since"
        if changed
        else "it was made of other input or by another version"
    )
    raise DataError(f"{output}: a token store is there already, but {why}; {_REMEDY}")


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
