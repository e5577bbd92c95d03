"""One process trains a run: whoever begins takes a lock that the system releases when it ends."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from bert_jax.errors import UserError

try:
    import fcntl

    HAS_LOCKS = True
except ImportError:  # not on this system: there a run has no lock
    HAS_LOCKS = False

LOCK = ".lock"


@contextlib.contextmanager
def run_lock(run_dir: Path) -> Iterator[None]:
    """Hold a run's folder, which is made where it is missing, for this process alone.

    The file is removed at the end, and so is a folder that was made here and holds nothing. A lock
    file that a killed process left is no lock. Whoever only reads a run takes none.

    Raises:
      UserError: another process holds it; the message has its number and host.
      OSError: the folder cannot be made or written.
    """
    is_new = not run_dir.exists()
    run_dir.mkdir(parents=True, exist_ok=True)
    try:
        if not HAS_LOCKS:
            yield
            return
        descriptor = _acquire(run_dir)
        try:
            yield
        finally:
            # Removed before it is released; who waits for it sees that it is another file now.
            with contextlib.suppress(OSError):
                (run_dir / LOCK).unlink()
            os.close(descriptor)
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                run_dir.rmdir()


def _acquire(run_dir: Path) -> int:
    path = run_dir / LOCK
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
                raise UserError(
                    f"{run_dir} is being trained by {holder or 'another process'}; wait until it "
                    "has ended, stop it, or give another --run_dir"
                ) from None
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
