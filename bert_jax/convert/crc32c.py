"""TensorFlow's and LevelDB's checksums."""

from __future__ import annotations

import google_crc32c

_MASK_DELTA = 0xA282EAD8


def extend(checksum: int, piece: bytes) -> int:
    """The CRC-32C of what `checksum` is of (0 of nothing), and `piece` after it."""
    return google_crc32c.extend(checksum, piece)


def masked(checksum: int) -> int:
    """As it is stored: turned and shifted, so that a checksum of checksums means something.

    (LevelDB, util/crc32c.h.)
    """
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF
