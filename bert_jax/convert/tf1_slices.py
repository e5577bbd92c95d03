"""Variables that a TensorFlow checkpoint holds in parts (partitioned variables).

Each part has a key of its own in the index: the variable's name and the part's place in it, in an
encoding whose order of bytes is the order of what it encodes (TensorFlow,
tensorflow/core/util/saved_tensor_slice_util.cc and tensorflow/core/lib/strings/ordered_code.cc).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from bert_jax.convert.tensors import Malformed, printable
from bert_jax.convert.tf1_index import BundleEntry, Slice

_WHOLE_AXIS = -1
# Each is compared with all others.
_MAX_PARTS = 4096


def part_key(name: str, part: Slice) -> bytes:
    """The key of a part in the index."""
    key = _unsigned(0) + _string(name.encode()) + _unsigned(len(part.starts))
    for start, length in zip(part.starts, part.lengths, strict=True):
        key += _signed(start) + _signed(_WHOLE_AXIS if length is None else length)
    return key


def parts_of(
    entry: BundleEntry, parts: Mapping[bytes, BundleEntry]
) -> list[tuple[tuple[slice, ...], BundleEntry]]:
    """Where each part of a variable belongs, and its entry.

    Raises:
      Malformed: the parts do not make up the variable, each of its numbers once.
    """
    name, shape, dtype = entry.info
    if len(entry.slices) > _MAX_PARTS:
        raise Malformed(f"{printable(name)} is in {len(entry.slices)} parts, more than any is")
    placed: list[tuple[tuple[slice, ...], BundleEntry]] = []
    for part in entry.slices:
        found = parts.get(part_key(name, part))
        if found is None:
            raise Malformed(f"a part of {printable(name)} is missing")
        if found.slices:
            raise Malformed(f"a part of {printable(name)} is in parts itself")
        place = tuple(
            slice(start, start + size if length is None else start + length)
            for start, length, size in zip(part.starts, part.lengths, shape, strict=True)
        )
        inside = all(
            0 <= axis.start <= axis.stop <= size for axis, size in zip(place, shape, strict=True)
        )
        held = tuple(axis.stop - axis.start for axis in place)
        if not inside or held != found.info.shape or found.info.dtype != dtype:
            raise Malformed(f"a part of {printable(name)} is not of its shape or type")
        placed.append((place, found))
    # Boxes inside a box are all of it when none meets another and their sizes add up to its own.
    if sum(math.prod(found.info.shape) for _, found in placed) != math.prod(shape):
        raise Malformed(f"the parts of {printable(name)} do not add up to it")
    # Parts without numbers meet nothing.
    full = [place for place, found in placed if math.prod(found.info.shape)]
    starts = np.array([[axis.start for axis in place] for place in full]).reshape(
        len(full), len(shape)
    )
    stops = np.array([[axis.stop for axis in place] for place in full]).reshape(
        len(full), len(shape)
    )
    for i in range(len(full)):
        meets = (starts[i] < stops[:i]) & (starts[:i] < stops[i])
        if meets.all(axis=1).any():
            raise Malformed(f"parts of {printable(name)} overlap")
    return placed


def _unsigned(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _string(value: bytes) -> bytes:
    # One after the other would escape what the first has written.
    escaped = b"".join({0: b"\0\xff", 255: b"\xff\0"}.get(byte, bytes([byte])) for byte in value)
    return escaped + b"\0\1"


def _signed(value: int) -> bytes:
    """Two's complement, the highest byte first, after as many 1s as there are bytes, and a 0.

    Of a negative number all those bits are the other way round.
    """
    magnitude = ~value if value < 0 else value
    size = magnitude.bit_length() // 7 + 1
    ones = ((1 << size) - 1) << (7 * size)
    return ((value & ((1 << (8 * size)) - 1)) ^ ones).to_bytes(size, "big")
