"""The bytes of protocol buffers, as far as a TensorFlow checkpoint's index needs them.

A message is a run of fields, each a key (`number << 3 | wire type`, a varint) and a value
(protobuf.dev, "Encoding"). Who wrote a field this file does not know is passed over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from bert_jax.convert.tensors import Malformed

Fields = Mapping[int, list["int | bytes"]]
"""The values of a message by the numbers of their fields, in the order of the message."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_varint(content: bytes, at: int) -> tuple[int, int]:
    """The unsigned 64-bit number at a place, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            raise Malformed("a number is cut off")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, at
    raise Malformed("a number has more than 64 bits")


def read_fields(message: bytes) -> Fields:
    """A message's fields; numbers of fixed width are read as unsigned, like varints."""
    found: dict[int, list[int | bytes]] = defaultdict(list)
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        wire_type = key & 7
        if wire_type == _VARINT:
            value, at = read_varint(message, at)
            found[key >> 3].append(value)
            continue
        if wire_type == _BYTES:
            size, at = read_varint(message, at)
        elif wire_type in (_FIXED32, _FIXED64):
            size = 4 if wire_type == _FIXED32 else 8
        else:
            raise Malformed(f"a field has the unknown wire type {wire_type}")
        piece = message[at : at + size]
        if len(piece) != size:
            raise Malformed("a field is cut off")
        at += size
        found[key >> 3].append(piece if wire_type == _BYTES else int.from_bytes(piece, "little"))
    return found


def unsigned(fields: Fields, number: int, default: int = 0) -> int:
    """A number; of several, the last, as protocol buffers have it."""
    value = fields.get(number, [default])[-1]
    if not isinstance(value, int):
        raise Malformed(f"field {number} is no number")
    return value


def signed(fields: Fields, number: int, default: int = 0) -> int:
    """The same, of two's complement in 64 bits."""
    value = unsigned(fields, number, default)
    return value - 2**64 if value >> 63 else value


def messages(fields: Fields, number: int) -> list[bytes]:
    """All messages of a field that may be repeated."""
    found = []
    for value in fields.get(number, []):
        if not isinstance(value, bytes):
            raise Malformed(f"field {number} is no message")
        found.append(value)
    return found
