"""One process works in a folder: whoever begins takes a lock that the system releases."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # not on this system: there a folder has no lock
    HAS_LOCKS = False

LOCK = ".lock"


@contextlib.contextmanager
def folder_lock(folder: Path, refuse: Callable[[str], Exception]) -> Iterator[None]:
    """Hold a folder, which is made where it is missing, for this process alone.

    The lock's file is removed at the end, and so is a folder that was made here and holds nothing.
    A file that a killed process left is no lock.

    Args:
      folder: what is held.
      refuse: makes the error that is raised where another process holds it, from a few words that
        say which ("process 12 on host").

    Raises:
      OSError: the folder cannot be made or written.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if not HAS_LOCKS:
            yield
            return
        descriptor = _acquire(folder, refuse)
        try:
            yield
        finally:
            # Removed before it is released; who waits for it sees that it is another file now.
            with contextlib.suppress(OSError):
                (folder / LOCK).unlink()
            os.close(descriptor)
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _acquire(folder: Path, refuse: Callable[[str], Exception]) -> int:
    path = folder / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
                raise refuse(holder or "another process") from None
            except OSError:
                return descriptor  # a file system without locks
            if _is_same_file(descriptor, path):
                os.ftruncate(descriptor, 0)
                os.pwrite(
                    descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0
                )
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # removed by its last holder in the meantime


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
