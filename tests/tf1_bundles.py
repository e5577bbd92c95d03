"""TensorFlow checkpoints as the tests need them: small, and wrong where a test wants them wrong."""

import base64
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import google_crc32c
import ml_dtypes
import numpy as np

# Written by TensorFlow 2.21: `a` of bfloat16, `b` in two parts of int32, the string `s`.
GOLDEN_INDEX = base64.b64decode(
    "AAAGCAEaAggBAAoVAGIAAQECgIKAfwgDEggSAggCEgIIAiAEKBA1y9BftgYEFYKBgH8IAxIIEgIIARICCAIgFCgINXAr"
    "52EAAQ9hCA4SBBICCAIoBDUuSlbyAAEeYggDEggSAggDEgIIAjoGCgIQAgoAOggKBAgCEAEKAAABDXMIBxIAIBwoBjXB"
    "y0dYAAAAAAEAAAAAW/ekUAAAAAABAAAAAMDyobAAAQN0AJUBAAAAAAEAAAAAVCGmJZoBCKcBDwAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAABX+4CLJHVH2w=="
)
GOLDEN_DATA = base64.b64decode("wD8AwAEAAAACAAAAAwAAAAQAAAAFAAAABgAAAAEdFYJleA==")
GOLDEN = {
    "a": np.array([1.5, -2], ml_dtypes.bfloat16),
    "b": np.array([[1, 2], [3, 4], [5, 6]], np.int32),
}

TYPE_NUMBERS = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int64": 9,
    "bool": 10,
    "bfloat16": 14,
    "float16": 19,
}


def write_golden(folder: Path) -> Path:
    """The prefix of a checkpoint that TensorFlow has written."""
    (folder / "golden.index").write_bytes(GOLDEN_INDEX)
    (folder / "golden.data-00000-of-00001").write_bytes(GOLDEN_DATA)
    return folder / "golden"


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    found = b""
    while value > 127:
        found += bytes([value & 127 | 128])
        value >>= 7
    return found + bytes([value])


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer: a varint, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    return varint(number << 3 | 2) + varint(len(value)) + value


def masked_crc32c(content: bytes) -> int:
    """As TensorFlow stores it."""
    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) % 2**32


def header(num_shards: int = 1, endianness: int = 0, min_consumer: int = 0) -> bytes:
    """A BundleHeaderProto."""
    version = field(1, 1) + field(2, min_consumer)
    return field(1, num_shards) + field(2, endianness) + field(3, version)


def entry(
    type_number: int, shape: Sequence[int], shard: int, offset: int, size: int, checksum: int
) -> bytes:
    """A BundleEntryProto."""
    axes = b"".join(field(2, field(1, axis)) for axis in shape)
    numbers = field(1, type_number) + field(2, axes) + field(3, shard) + field(4, offset)
    return numbers + field(5, size) + varint(6 << 3 | 5) + struct.pack("<I", checksum)


def block_content(entries: Iterable[tuple[bytes, bytes]], share: bool = True) -> bytes:
    """Keys and values of a block, keys by what they do not share with the one before."""
    found, last = b"", b""
    for key, value in entries:
        shared = 0
        while share and shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        found += varint(shared) + varint(len(key) - shared) + varint(len(value))
        found += key[shared:] + value
        last = key
    return found + struct.pack("<II", 0, 1)


def sealed(content: bytes, compression: int = 0) -> bytes:
    """A block with what follows it."""
    content += bytes([compression])
    return content + struct.pack("<I", masked_crc32c(content))


def table(blocks: Sequence[bytes], compression: int = 0) -> bytes:
    """A whole table of blocks that `block_content` has made."""
    found, handles = b"", []
    for number, content in enumerate(blocks):
        handles.append((bytes([number]), varint(len(found)) + varint(len(content))))
        found += sealed(content, compression)
    return found + footer(found, block_content(handles))


def footer(before: bytes, index: bytes) -> bytes:
    """The last two blocks of a table, and what names their places."""
    meta = block_content([])
    places = varint(len(before)) + varint(len(meta))
    places += varint(len(before) + len(meta) + 5) + varint(len(index))
    return (
        sealed(meta) + sealed(index) + places.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")
    )


def index_of(entries: Mapping[bytes, bytes], head: bytes | None = None) -> bytes:
    """An index with these entries, in one block."""
    return table([block_content([(b"", header() if head is None else head), *entries.items()])])


def write_checkpoint(prefix: Path, tensors: Mapping[str, np.ndarray], num_shards: int = 1) -> Path:
    """A sound checkpoint; its tensors go round the data files."""
    data = [b""] * num_shards
    entries = {}
    for number, name in enumerate(sorted(tensors)):
        array, shard = tensors[name], number % num_shards
        content = array.tobytes()
        place = (shard, len(data[shard]), len(content), masked_crc32c(content))
        entries[name.encode()] = entry(TYPE_NUMBERS[array.dtype.name], array.shape, *place)
        data[shard] += content
    prefix.with_name(f"{prefix.name}.index").write_bytes(index_of(entries, header(num_shards)))
    for shard, content in enumerate(data):
        name = f"{prefix.name}.data-{shard:05d}-of-{num_shards:05d}"
        prefix.with_name(name).write_bytes(content)
    return prefix
