"""Files that are whole or not there: written under another name beside their place and renamed."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

_ABANDONED_SECONDS = 3600.0


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Calls `write` with an open file, which then is `path`, with the permissions of any new file.

    The name it has meanwhile is `path`'s with a dot and more after it. A failure leaves nothing.
    OSError, with the file's name, where the folder is missing or cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        # Not `tempfile`, whose files nobody else may read.
        with temporary.open("xb") as file:
            write(file)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            # A full disk is told of without a name, at times not before the file is closed.
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def remove_abandoned(temporaries: Iterable[Path]) -> None:
    """Deletes what a killed process has left half-written: files that nobody writes any more."""
    for path in temporaries:
        with contextlib.suppress(OSError):  # another process may be deleting it too
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink(missing_ok=True)
