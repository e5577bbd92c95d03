"""Arrays kept in a folder, so that a restart, or the process beside this one, reads them again.

A file is a `.npy` file that can be memory-mapped, and then 8 bytes, the CRC-32 of the array. It is
written under another name and renamed, so several processes may write the same one at once: they
write the same bytes. A damaged file counts as missing, and a folder that cannot be written is no
error.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data_pipeline.atomic_file import remove_abandoned, write_atomically

_BLOCK = 1 << 20  # bytes read at once


def write_array(path: Path, array: npt.NDArray) -> bool:
    """Writes a contiguous array of one dimension; False where the folder cannot be written."""

    def write(file: BinaryIO) -> None:
        np.save(file, array, allow_pickle=False)
        file.write(zlib.crc32(array.view(np.uint8).data).to_bytes(8, "little"))

    return write_file(path, write)


def read_array(path: Path, dtype: np.dtype) -> npt.NDArray | None:
    """The array in a file, memory-mapped, or None where it is missing, damaged or of another type.

    Reads all of it once, for the checksum.
    """
    mapped = _mapped(path, dtype)
    if mapped is None:
        return None
    try:
        with path.open("rb") as file:  # not through the map, whose pages would count as memory
            file.seek(mapped.offset)
            found, left = 0, mapped.nbytes
            while left and (block := file.read(min(left, _BLOCK))):
                found = zlib.crc32(block, found)
                left -= len(block)
            whole = file.read() == found.to_bytes(8, "little")
    except OSError:
        return None
    # A plain view: indexing the class `memmap` is slower.
    return np.asarray(mapped) if whole else None


def map_array(path: Path, dtype: np.dtype) -> npt.NDArray | None:
    """The same of a file that this process has just written: not read, so not looked for damage."""
    mapped = _mapped(path, dtype)
    return None if mapped is None else np.asarray(mapped)


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> bool:
    """`write_atomically` into a folder that is made; False where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write)
    except OSError:
        return False
    return True


def mark_used(path: Path) -> None:
    """Makes a file the one used last."""
    with contextlib.suppress(OSError):  # in a folder that is only read, age does not matter
        os.utime(path)


def keep_last(folder: Path, prefix: str, count: int, newest: Path) -> None:
    """Deletes all but the `count` files `prefix*.npy` used last, of which `newest` is one.

    And what a killed process has left half-written.
    """
    with contextlib.suppress(OSError):  # another process may be deleting too
        used = {
            path: path.stat().st_mtime for path in folder.glob(f"{prefix}*.npy") if path != newest
        }
        for path in sorted(used, key=used.__getitem__)[: max(0, len(used) - count + 1)]:
            path.unlink(missing_ok=True)
        remove_abandoned(folder.glob(f"{prefix}*.npy.*"))


def _mapped(path: Path, dtype: np.dtype) -> np.memmap | None:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return mapped if mapped.dtype == dtype and mapped.ndim == 1 and len(mapped) else None
