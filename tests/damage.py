"""What happens to files on a disk."""

import os
from pathlib import Path


def cut(path: Path) -> None:
    """Half of it is left."""
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    """Nothing is left."""
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    """In the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def put_nonsense(path: Path) -> None:
    """Something else has the name."""
    path.write_bytes(b"\x93NUMPY nonsense " * 40)
