"""The sorted table of LevelDB, in which TensorFlow keeps the index of a checkpoint.

Blocks of keys and values, then a block with the place of each, then a footer (LevelDB,
doc/table_format.md; TensorFlow, tensorflow/core/lib/io/format.cc). A key is stored as the number of
bytes that it shares with the key before, and the rest. A block is followed by one byte, how it is
compressed, and a checksum of both.
"""

from __future__ import annotations

from collections.abc import Iterator

from bert_jax.convert import crc32c
from bert_jax.convert.tensors import Malformed
from bert_jax.convert.wire_format import read_varint

MAGIC = bytes.fromhex("57fb808b247547db")
"""The last bytes of every table: 0xdb4775248b80fb57, the lowest byte first."""

_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_UNCOMPRESSED, _SNAPPY = 0, 1
# Shared beginnings make a small file of long keys; no checkpoint has names of such a length in sum.
_MAX_KEY_BYTES = 4096
_MAX_KEYS_BYTES = 2**25


def read_table(content: bytes) -> dict[bytes, bytes]:
    """The values of a table by their keys, in its order.

    Args:
      content: the whole file.

    Raises:
      Malformed: it is no table, a damaged one, or compressed.
    """
    if len(content) < _FOOTER_BYTES or not content.endswith(MAGIC):
        raise Malformed("it does not end as an index does: it is cut off, or something else")
    footer = content[-_FOOTER_BYTES:]
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    table: dict[bytes, bytes] = {}
    last: bytes | None = None
    end = keys_bytes = 0
    for _, encoded in _entries(_block(content, index)):
        place, _ = _handle(encoded, 0)
        # As they are written, one after the other; otherwise many could be one.
        if place[0] < end:
            raise Malformed("its blocks overlap")
        end = sum(place)
        for key, value in _entries(_block(content, place)):
            if last is not None and key <= last:
                raise Malformed("its names are not in order")
            last = key
            keys_bytes += len(key)
            if keys_bytes > _MAX_KEYS_BYTES:
                raise Malformed("its names are longer than those of any checkpoint")
            table[key] = value
    return table


def _handle(content: bytes, at: int) -> tuple[tuple[int, int], int]:
    """A block's place (first byte, bytes), and where the next begins."""
    offset, at = read_varint(content, at)
    size, at = read_varint(content, at)
    return (offset, size), at


def _block(content: bytes, place: tuple[int, int]) -> bytes:
    offset, size = place
    end = offset + size
    if end + _TRAILER_BYTES > len(content) - _FOOTER_BYTES:
        raise Malformed("a block lies beyond its end")
    if crc32c.masked(crc32c.extend(0, content[offset : end + 1])) != int.from_bytes(
        content[end + 1 : end + _TRAILER_BYTES], "little"
    ):
        raise Malformed("a block does not have its checksum: the file is damaged")
    if content[end] == _SNAPPY:
        raise Malformed("it is compressed with Snappy, which is not read; save it without")
    if content[end] != _UNCOMPRESSED:
        raise Malformed(f"a block is compressed in an unknown way ({content[end]})")
    return content[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; what is after them (for binary search) is passed over."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise Malformed("a block is too short")
    key, at = b"", 0
    while at < end:
        shared, at = read_varint(block, at)
        rest, at = read_varint(block, at)
        size, at = read_varint(block, at)
        if shared > len(key) or at + rest + size > end:
            raise Malformed("an entry is longer than its block")
        if shared + rest > _MAX_KEY_BYTES:
            raise Malformed(f"a name has {shared + rest} bytes, more than any of a checkpoint")
        key = key[:shared] + block[at : at + rest]
        at += rest
        yield key, block[at : at + size]
        at += size
