"""Random bits without state: each is a pure function of a key and a counter.

`random_bits(key, n)` is output n of the generator SplitMix64 started at `key` (Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): the counter times an odd
constant, added to the key and mixed. Any output can be had directly, in any order, in any process,
and whole arrays cost about 2 ns an element. A `Stream` keeps the uses of one seed apart.

Integer arithmetic only: the same bits on every machine.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError

UInt64s = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.integer]

_MASK = (1 << 64) - 1
_INCREMENT = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, made odd
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_PIECE = 1 << 16  # elements whose arrays stay in the processor's cache


class Stream(IntEnum):
    """What a key is for. The numbers are part of what a seed means: never change or reuse one."""

    TARGET_LENGTH = 1
    SPLIT_CHUNK = 2
    PARTNER_DOCUMENT = 3
    PARTNER_SENTENCE = 4
    TRUNCATE_A = 5
    TRUNCATE_B = 6
    SHUFFLE = 7
    FURTHER_VISITS = 8
    MASK_POSITIONS = 9
    MASK_REPLACEMENT = 10
    STRETCH_START = 11
    STRETCH_LENGTH = 12
    SPAN_LENGTH = 15
    SPAN_SLOT = 16
    SPAN_ROTATION = 17
    PACKED_ROWS = 20
    MIXTURE = 23
    MIXTURE_STORE = 24
    DOCTOR_SAMPLE = 26
    DOCTOR_HASH = 27
    STAGE = 28


def stream_key(seed: int, stream: Stream, *counters: int) -> int:
    """The 64-bit key of one stream of a seed, further divided by `counters` (an epoch, say).

    Raises DataError where the seed is not in 0 .. 2^63 - 1.
    """
    if not 0 <= seed < 1 << 63:
        raise DataError(f"a seed must be between 0 and 2^63 - 1; got {seed}")
    key = _mix(seed)
    for counter in (int(stream), *counters):
        key = _mix(key + _INCREMENT * (counter + 1))
    return key


def stream_keys(seed: int, counters: Integers, *streams: Stream) -> UInt64s:
    """A key for each stream and each counter (an example, say): [streams, len(counters)]."""
    keys = np.array([[stream_key(seed, stream)] for stream in streams], np.uint64)
    return random_bits(keys, counters)


def random_bits(key: int | UInt64s, counters: Integers) -> UInt64s:
    """64 random bits for each counter; `key` is one key or an array of them (they broadcast).

    Counters must not be negative.
    """
    z: UInt64s = np.asarray(counters).astype(np.uint64)  # a fresh array, mixed in place
    z *= np.uint64(_INCREMENT)
    if isinstance(key, int):
        z += np.uint64(key)
    else:
        z = z + key
    shifted = z >> np.uint64(30)
    z ^= shifted
    z *= np.uint64(_MIX_1)
    z ^= np.right_shift(z, np.uint64(27), out=shifted)
    z *= np.uint64(_MIX_2)
    z ^= np.right_shift(z, np.uint64(31), out=shifted)
    return z


def below(bits: UInt64s, bound: int | Integers) -> npt.NDArray[np.int64]:
    """Uniform integers in 0 .. bound - 1 from 64 random bits each; 1 <= bound <= 2^32.

    The high half of the product `bits * bound` (Lemire, arXiv 1805.10941), so a value's
    probability is off by at most 2^-64.
    """
    n = np.asarray(bound).astype(np.uint64)
    half = np.uint64(32)
    high = bits >> half
    low = bits & np.uint64(0xFFFFFFFF)
    result: npt.NDArray[np.int64] = ((high * n + (low * n >> half)) >> half).astype(np.int64)
    return result


def heads(key: int, counters: Integers, flips: Integers) -> npt.NDArray[np.int64]:
    """The number of heads among `flips[i]` fair coins, for each counter: counted random bits."""
    flips = np.asarray(flips, np.int64)
    words = random_bits(key, counters)
    result = _count_low_bits(words, np.minimum(flips, 64))
    many = np.flatnonzero(flips > 64)
    if len(many):
        # One more word per 64 coins, all of them in one flat array.
        extra = (flips[many] - 1) // 64
        row = np.repeat(np.arange(len(many)), extra)
        number = np.arange(len(row)) - np.repeat(np.cumsum(extra) - extra, extra) + 1
        left = np.minimum(flips[many][row] - 64 * number, 64)
        counts = _count_low_bits(random_bits(words[many][row], number), left)
        result[many] += np.add.reduceat(counts, np.cumsum(extra) - extra)
    return result


def permutation(key: int, n: int) -> npt.NDArray[np.int64]:
    """A uniform permutation of 0 .. n - 1.

    Sorts random keys that carry their index in the low bits: several times faster than exchanging
    elements in memory, and two keys that are equal above those bits (for n = 10^8, one pair in
    10^11 of them) keep their order, which no use of it can notice.
    """
    if n <= 1:
        return np.zeros(n, np.int64)
    low = np.uint64((1 << (n - 1).bit_length()) - 1)
    keys = np.empty(n, np.uint64)
    for lo in range(0, n, _PIECE):
        index = np.arange(lo, min(lo + _PIECE, n))
        keys[lo : lo + _PIECE] = random_bits(key, index) & ~low | index.view(np.uint64)
    keys.sort()
    keys &= low
    return keys.view(np.int64)


def random_order(
    key: UInt64s, eligible: npt.NDArray[np.bool_], count: int, limit: int
) -> npt.NDArray[np.int64]:
    """The first places of a random order of each row's eligible places: [B, min(count, L)].

    Place p of a row gets random bit p of the row's key, with p itself in the low bits, and the
    smallest come first: two that are equal above those bits, which no use of it can notice, keep
    their order. A row with fewer eligible places has numbers without meaning behind them.

    Args:
        key: [B], a key for each row.
        eligible: [B, L], which places there are.
        count: how many are wanted.
        limit: a number above every place, at least L: it sizes the low bits, so that what a row
            gives does not depend on how many columns the array has.
    """
    length = eligible.shape[1]
    places = np.arange(length, dtype=np.uint64)
    low = np.uint64((1 << (limit - 1).bit_length()) - 1)
    bits = random_bits(key[:, None], places)
    bits &= ~low
    bits |= places
    # Behind every eligible place, whose bits are all ones with a chance of 2^-48.
    bits[~eligible] = np.uint64(_MASK)
    if count < length:
        bits.partition(count - 1, axis=1)
    first = bits[:, :count]
    first.sort(axis=1)
    return (first & low).view(np.int64)


def _count_low_bits(words: UInt64s, bits: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Set bits among the lowest `bits` (0 .. 64) of each word."""
    full = np.uint64(_MASK)
    part = (np.uint64(1) << (bits.astype(np.uint64) & np.uint64(63))) - np.uint64(1)
    return np.bitwise_count(words & np.where(bits == 64, full, part)).astype(np.int64)


def _mix(z: int) -> int:
    z &= _MASK
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    return z ^ (z >> 31)
