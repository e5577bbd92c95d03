"""The index of a TensorFlow checkpoint: which tensors it has, and where their bytes are.

`PREFIX.index` is a sorted table whose first key is empty and has a header; the others are the names
of variables (TensorFlow, tensorflow/core/protobuf/tensor_bundle.proto). A variable that was saved
in parts has an entry without bytes that names the parts, and an entry for each (`tf1_slices.py`).
"""

from __future__ import annotations

from typing import NamedTuple

import ml_dtypes
import numpy as np

from bert_jax.convert.leveldb_table import read_table
from bert_jax.convert.tensors import NOT_NUMBERS, Malformed, TensorInfo, byte_count, printable
from bert_jax.convert.wire_format import Fields, messages, read_fields, signed, unsigned
from data_pipeline.wording import amount

# tensorflow/core/framework/types.proto
_DTYPES = {
    1: np.dtype(np.float32),
    2: np.dtype(np.float64),
    3: np.dtype(np.int32),
    4: np.dtype(np.uint8),
    5: np.dtype(np.int16),
    6: np.dtype(np.int8),
    8: np.dtype(np.complex64),
    9: np.dtype(np.int64),
    10: np.dtype(np.bool),
    14: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype(np.uint16),
    18: np.dtype(np.complex128),
    19: np.dtype(np.float16),
    22: np.dtype(np.uint32),
    23: np.dtype(np.uint64),
}
# How parts of variables are named begins with this byte, and no variable's name does.
_PART = b"\0"
# tensorflow/core/util/tensor_bundle/tensor_bundle.h: kTensorBundleVersion
_VERSION = 1


class Slice(NamedTuple):
    """A part of a tensor: for each axis where it begins, and how long it is (None: all of it)."""

    starts: tuple[int, ...]
    lengths: tuple[int | None, ...]


class BundleEntry(NamedTuple):
    """A tensor, or a part of one, and where its bytes are."""

    info: TensorInfo
    shard: int
    """Which of the data files has it."""
    offset: int
    """Its first byte there."""
    size: int
    """In bytes; 0 where it was saved in parts."""
    crc32c: int
    """Of its bytes, masked."""
    slices: tuple[Slice, ...]
    """Its parts, if it was saved in parts."""


class BundleIndex(NamedTuple):
    """What a `PREFIX.index` says."""

    num_shards: int
    entries: dict[str, BundleEntry]
    """Of the variables, by name, in order."""
    parts: dict[bytes, BundleEntry]
    """Of the parts of variables, by the key that `tf1_slices.part_key` makes."""


def parse_index(content: bytes) -> BundleIndex:
    """Read the whole of a `PREFIX.index`.

    Raises:
      Malformed: it is damaged, of another kind, or made by a later TensorFlow.
    """
    table = read_table(content)
    header = read_fields(table.pop(b"", b""))
    num_shards = signed(header, 1)
    if num_shards < 1:
        raise Malformed("it does not begin with the header of a TensorFlow checkpoint")
    if unsigned(header, 2):
        raise Malformed("it was written on a big-endian machine, which is not read")
    for version in messages(header, 3):
        if signed(read_fields(version), 2) > _VERSION:
            raise Malformed("it needs a later reader: a newer TensorFlow has written it")
    entries, parts = {}, {}
    for key, value in table.items():
        if key.startswith(_PART):
            parts[key] = _entry("a part of a variable", value, num_shards)
            continue
        try:
            name = key.decode()
        except UnicodeDecodeError as error:
            raise Malformed("a name is not UTF-8") from error
        entries[name] = _entry(name, value, num_shards)
    return BundleIndex(num_shards, entries, parts)


def _entry(name: str, value: bytes, num_shards: int) -> BundleEntry:
    fields = read_fields(value)
    dtype = _DTYPES.get(unsigned(fields, 1), NOT_NUMBERS)
    shape = tuple(size for message in messages(fields, 2) for size in _shape(message))
    entry = BundleEntry(
        info=TensorInfo(name, shape, dtype),
        shard=signed(fields, 3),
        offset=signed(fields, 4),
        size=signed(fields, 5),
        crc32c=unsigned(fields, 6),
        slices=tuple(_slice(message, len(shape)) for message in messages(fields, 7)),
    )
    if not 0 <= entry.shard < num_shards:
        raise Malformed(f"{printable(name)} is in data file {entry.shard} of {num_shards}")
    if entry.offset < 0 or entry.size < 0:
        raise Malformed(
            f"{printable(name)} begins at {entry.offset} with {amount(entry.size, 'byte')}"
        )
    needed = byte_count(shape, dtype)
    if dtype != NOT_NUMBERS and not entry.slices and needed != entry.size:
        raise Malformed(
            f"{printable(name)} has {amount(entry.size, 'byte')} where {dtype}{list(shape)} needs "
            f"{needed:,}"
        )
    return entry


def _shape(message: bytes) -> list[int]:
    """Of a TensorShapeProto (tensorflow/core/framework/tensor_shape.proto)."""
    fields = read_fields(message)
    if unsigned(fields, 3):
        raise Malformed("a tensor has no known shape")
    return [signed(read_fields(axis), 1) for axis in messages(fields, 2)]


def _slice(message: bytes, rank: int) -> Slice:
    """Of a TensorSliceProto (tensorflow/core/framework/tensor_slice.proto)."""
    extents: list[Fields] = [read_fields(extent) for extent in messages(read_fields(message), 1)]
    if len(extents) != rank:
        raise Malformed("a part of a variable has other axes than the variable")
    return Slice(
        tuple(signed(extent, 1) for extent in extents),
        tuple(signed(extent, 2) if 2 in extent else None for extent in extents),
    )
