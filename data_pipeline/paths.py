"""Names of files and folders, checked before the work that needs them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from data_pipeline.errors import DataError


def check_name(path: Path) -> None:
    """DataError for a name that no manifest can hold: with bytes that are no UTF-8, or a NUL."""
    name = str(path)
    try:
        is_name = "\0" not in name.encode().decode()
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        shown = name.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        raise DataError(f"{shown}: its name is no UTF-8, or holds a NUL; give it another")


def check_can_be_made(folder: Path) -> None:
    """DataError where a folder that is not there yet cannot come to be beside its place's others.

    A folder is made there, under another name, and removed: what permissions and the kind of file
    system say beforehand is not always true.
    """
    place = next(path for path in folder.absolute().parents if path.exists())
    if not place.is_dir():
        raise DataError(f"{folder}: cannot be made: {place} is a file")
    try:
        Path(tempfile.mkdtemp(prefix=".new.", suffix=".tmp", dir=place)).rmdir()
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be made: nothing can be written in {place}: {error.strerror}"
        ) from error
