"""Whether a store's files are what was written, without reading all of them at each start.

A file whose size and time of change are those that it had when its checksum was compared last is
not read again. What was compared is kept in a file; where that cannot be written, all are read.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from data_pipeline.atomic_file import write_atomically
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import TokenStore, damaged, sha256_of
from data_pipeline.strict_json import parse_json

COMPARED = "compared.json"

# Size, time of change in nanoseconds, checksum.
Seen = list[Any]


def check_unchanged(store: TokenStore, folder: Path, progress: Progress = silent) -> None:
    """Compares files with their checksums, those that were changed since that was last done.

    Finds what somebody altered and what a copy lost. Bytes that rot on a disk leave the time of
    change as it was: only `TokenStore.verify` finds them.

    Args:
        store: opened.
        folder: where `COMPARED` is kept; for other programs to read, not to copy with the store.
        progress: shows the reading, if there is any.

    Raises:
        DataError: a file has changed; the first one is named.
    """
    files = store.manifest["files"]
    seen = {name: _seen(store.path / name, entry["sha256"]) for name, entry in files.items()}
    before = _read(folder / COMPARED)
    stale = [name for name in files if before.get(name) != seen[name]]
    if not stale:
        return
    with progress("comparing checksums", sum(seen[name][0] for name in stale), "B") as task:
        for name in stale:
            if sha256_of(store.path / name) != files[name]["sha256"]:
                raise damaged(store.path, f"{name} has changed since it was written")
            task.advance(seen[name][0])
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / COMPARED, lambda file: file.write(json.dumps(seen).encode()))


def _seen(file: Path, checksum: str) -> Seen:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns, checksum]


def _read(compared: Path) -> dict[str, Seen]:
    try:
        found = parse_json(compared.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
