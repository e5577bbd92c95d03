"""Whether a checkpoint's files hold all that its index names.

Orbax reads hundreds of arrays at once. The first that fails ends the reading while the others go
on, into an event loop that is closed by then. What a look at the index finds is said in peace.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import tensorstore

from bert_jax.regular_files import irregular


def check_files(database: Path) -> None:
    """See that every file of an OCDBT database is there, and as long as its index has it.

    Only the index is read, whatever the size of what it leads to.

    Args:
      database: the folder that holds `manifest.ocdbt`.

    Raises:
      ValueError: the index cannot be read, or a file is missing, too short, or none.
    """
    for file in database.rglob("*"):
        if kind := irregular(file):
            raise ValueError(f"{file.relative_to(database)} is no regular file but {kind}")
    store = tensorstore.KvStore.open(f"file://{database.absolute()}/").result()
    manifest = tensorstore.ocdbt.dump(store).result()
    nodes = list(_places(manifest["versions"][-1]))
    while nodes:
        kind, path, end = _parse(node := nodes.pop())
        size = (database / path).stat().st_size if (database / path).is_file() else 0
        if size < end:
            raise ValueError(f"{path} has {size:,} bytes, and its index says at least {end:,}")
        if kind != "value":
            nodes.extend(_places(tensorstore.ocdbt.dump(store, node).result()))


def _places(tree: Any) -> Iterator[str]:
    """Every reference to a node or to a value in a part of the index."""
    if isinstance(tree, list):
        for item in tree:
            yield from _places(item)
    elif isinstance(tree, dict):
        for key, item in tree.items():
            if key in ("location", "indirect_value"):
                yield item
            else:
                yield from _places(item)


def _parse(place: str) -> tuple[str, str, int]:
    """`KIND:BASE:FILE:OFFSET:LENGTH` as kind, path, and where in it the piece ends."""
    kind, base, file, offset, length = place.split(":")
    return kind, unquote(base) + unquote(file), int(offset) + int(length)
