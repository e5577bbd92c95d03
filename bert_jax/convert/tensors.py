"""What every file of weights is to its readers: named tensors, listed before any is read."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from bert_jax.escaping import escaped

# More axes than numpy has, or more bytes than an offset counts, are a lie and no tensor.
_MAX_RANK = 32
_MAX_BYTES = 2**63 - 1

NOT_NUMBERS = np.dtype(object)
"""The dtype of a tensor that is listed but cannot be read: strings, or a type numpy lacks."""


class TensorInfo(NamedTuple):
    """What a file says of a tensor before it is read."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    """As it is stored, in the machine's byte order; `ml_dtypes.bfloat16` too, and `NOT_NUMBERS`."""


class TensorFile(Protocol):
    """A file, or several that belong together, with named tensors."""

    @property
    def paths(self) -> Sequence[Path]:
        """All its files."""

    def tensors(self) -> Mapping[str, TensorInfo]:
        """All that it holds, by name, in the order of the names. Only headers are read."""

    def read(self, name: str) -> np.ndarray:
        """One tensor, in memory of its own.

        Raises:
          UserError: there is none of that name, it is not of numbers, or the file is damaged.
        """


class Malformed(ValueError):
    """What is wrong inside a file; whoever knows its name makes a `UserError` of it."""


def byte_count(shape: Sequence[int], dtype: np.dtype) -> int:
    """How many bytes a tensor takes.

    Raises:
      Malformed: no array can have such a shape.
    """
    if len(shape) > _MAX_RANK or any(size < 0 for size in shape):
        raise Malformed(f"a tensor has the shape {printable(str(list(shape)))}")
    # numpy bounds the other axes even where one is empty.
    if math.prod(size or 1 for size in shape) * dtype.itemsize > _MAX_BYTES:
        raise Malformed(f"a tensor has the shape {printable(str(list(shape)))}")
    return math.prod(shape) * dtype.itemsize


def read_limited(path: Path, limit: int, what: str) -> bytes:
    """A file that is known to be small, as a whole.

    Raises:
      Malformed: it has more bytes than `limit`; `what` it would be the largest of is said.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise Malformed(f"it is larger than {what}")
        return file.read()


def printable(text: str, limit: int = 120) -> str:
    """Text out of a file, for a message: one line, nothing a terminal would obey, not too long."""
    shown = escaped(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."
