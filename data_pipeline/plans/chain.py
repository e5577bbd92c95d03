"""Following one long chain of jumps through an array, without a Python step for each.

From position p the next position is `p + steps[p]`. Which positions does the chain that starts at
`entry` touch? Step by step that is a loop in Python. Here the array is cut into blocks of 64: one
pass from the back of all blocks at once finds, for every position, where the chain leaves its
block; a short loop hops over whole blocks along the true chain; and one pass forward marks the
positions touched in all blocks at once. The cost does not depend on how the chain runs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_BLOCK = 64


def follow(steps: npt.NDArray[np.integer], entry: int) -> tuple[npt.NDArray[np.int64], int]:
    """The positions touched, ascending, and the first position at or beyond the end.

    Args:
        steps: [n], every step at least 1.
        entry: where the chain starts, 0 or more; beyond the end nothing is touched.
    """
    n = len(steps)
    if entry >= n:
        return np.zeros(0, np.int64), entry
    blocks = -(-n // _BLOCK)
    padded = np.ones(blocks * _BLOCK, np.int32)
    padded[:n] = steps
    # landing[r, b]: from place r of block b, the place after one step, counted from b's start.
    landing = padded.reshape(blocks, _BLOCK).T.copy()
    landing += np.arange(_BLOCK, dtype=np.int32)[:, None]
    entries = _block_entries(_leaving(landing), entry)

    # All blocks walk at once; those whose chain has left them drop out.
    touched = np.zeros(blocks * _BLOCK, bool)
    block = np.flatnonzero(entries >= 0)
    at = block * _BLOCK + entries[block]
    end = (block + 1) * _BLOCK
    while len(at):
        touched[at] = True
        at += padded.take(at)
        inside = at < end
        at, end = at[inside], end[inside]
    positions = np.flatnonzero(touched[:n])
    last = int(positions[-1])
    return positions, last + int(steps[last])


def _leaving(landing: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """For each place, the first place on its chain that is beyond its block: [_BLOCK, blocks]."""
    leaving = landing.copy()
    flat = leaving.reshape(-1)
    blocks = landing.shape[1]
    inside = landing < _BLOCK
    index = np.minimum(landing, _BLOCK - 1).astype(np.intp)
    index *= blocks
    index += np.arange(blocks)
    for row in range(_BLOCK - 2, -1, -1):
        np.copyto(leaving[row], flat.take(index[row]), where=inside[row])
    return leaving


def _block_entries(leaving: npt.NDArray[np.int32], entry: int) -> npt.NDArray[np.int64]:
    """Where the chain enters each block, as a place in it, or -1 where it jumps over it."""
    blocks = leaving.shape[1]
    entries = np.full(blocks, -1, np.int64)
    item = leaving.item
    block, place = divmod(entry, _BLOCK)
    while block < blocks:
        entries[block] = place
        hop, place = divmod(item(place, block), _BLOCK)
        block += hop
    return entries
