"""A stream of blocks, cut into stretches of about a mebibyte where one may be cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

UNIT_BYTES = 1 << 20


def stretches(
    blocks: Iterable[bytes],
    last_end: Callable[[bytearray, int], int | None],
    longest: int,
    too_long: Callable[[bytearray], int],
    unit: int,
) -> Iterator[bytes]:
    """Blocks joined and cut; memory holds one stretch and one block.

    Args:
        blocks: the stream.
        last_end: (what was read, how much of it was looked at before) -> where it may be cut last,
            or None where nowhere.
        longest: from how many bytes without a place to cut `too_long` is asked.
        too_long: says where to cut all the same, or raises.
        unit: how many bytes a stretch has at least, the last one aside.
    """
    rest = bytearray()
    seen = 0
    for block in blocks:
        rest += block
        if len(rest) < unit:
            continue
        cut = last_end(rest, seen)
        if cut is None and len(rest) >= longest:
            cut = too_long(rest)
        if cut is not None:
            yield _taken(rest, cut)
        seen = len(rest)
    yield _taken(rest, len(rest))


def _taken(rest: bytearray, cut: int) -> bytes:
    """Its first `cut` bytes, which it loses: a slice would be one copy more, of 100 MB perhaps."""
    with memoryview(rest) as view:
        head = bytes(view[:cut])
    del rest[:cut]
    return head


def last_after(marker: bytes) -> Callable[[bytearray, int], int | None]:
    """A `last_end` for `stretches`: just after the last `marker`."""

    def last_end(text: bytearray, seen: int) -> int | None:
        at = text.rfind(marker, max(0, seen - len(marker) + 1))
        return None if at < 0 else at + len(marker)

    return last_end
