"""Several token stores in one run: which store each row comes from.

Row i takes one of `PERIOD` points, and each store has as many points as its share; every `PERIOD`
rows take every point once. A block of `BLOCK` rows takes points that stand `PERIOD / BLOCK` apart,
in an order drawn for the block, and the first of them is that of the block's number with its bits
turned round (the sequence of van der Corput): so the points of any number of blocks lie evenly, and
a store has within a few rows its share of them, also where that is less than a row of a block. How
many rows of a store came before a row is arithmetic. Nothing is sampled that would have to be
remembered: row i of a run, and the row's number within its store, are functions of (seed, i).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data_pipeline.assembly import Sequences, join
from data_pipeline.batches import PretrainingBatches, local_rows, make_assembler
from data_pipeline.counter_random import Stream, permutation, stream_key
from data_pipeline.errors import DataError
from data_pipeline.features import Batch
from data_pipeline.joined_splits import JoinedSplits
from data_pipeline.mixture_shares import PERIOD, Shares
from data_pipeline.objective import PretrainingObjective
from data_pipeline.read_ahead import ReadAhead
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.special_ids import SpecialIds

Ints = npt.NDArray[np.int64]

# Rows whose order is drawn together, so that a batch is mixed well.
BLOCK = 1 << 12
_BITS = (PERIOD // BLOCK).bit_length() - 1  # of the numbers of a period's blocks

# Slots of the batches that are made at once, twice those of one store: each store has its rows
# of all of them found in its plan with one call.
_SLOTS_AT_ONCE = 65_536


class Drawn(NamedTuple):
    """Rows of a run, by store.

    Attributes:
        store: [N] of each row, 0 .. stores - 1.
        first: [stores] the number within its store of the first of these rows that it has. The
            others follow it, so store s gives its rows first[s] .. first[s] + number[s] - 1.
        number: [stores] how many of these rows each store has.
    """

    store: Ints
    first: Ints
    number: Ints


def draw(shares: Shares, seed: int, first: int, count: int) -> Drawn:
    """Where rows `first` up to `first + count` of a run come from."""
    stores = len(shares.rows)
    parts: list[Ints] = []
    block, place = divmod(first, BLOCK)
    order, before = _block(shares, seed, block)
    before = before + np.bincount(order[:place], minlength=stores)
    while count > 0:
        part = order[place : place + count]
        parts.append(part)
        count -= len(part)
        if count > 0:
            block, place = block + 1, 0
            order, _ = _block(shares, seed, block)
    store = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return Drawn(store, before, np.bincount(store, minlength=stores))


class MixtureBatches:
    """The batches of a run over several stores: `batches(step)`, a pure function of the step.

    All stores have one tokeniser and one objective. Each is walked through epoch by epoch of its
    own: a store with a large share and little text comes round more often.

    Args:
        splits: what each store gives.
        shares: of each store.
        ids: the special tokens of the tokeniser that made all of them.
        objective: of all of them.
        seed: of the run; decides the order of the stores, and in each pairs, order and masks.
        batch_size: rows of the whole batch, over all processes.
        process_index: which part of each batch is made, 0 .. process_count - 1.
        process_count: must divide `batch_size`.
        cache_dirs: where the plans of each store are kept; None keeps them in memory.

    Raises:
        DataError: the numbers of stores and shares differ, the sizes do not fit, or a split has too
            little text.

    Attributes:
        rows_per_epoch: of each store's epoch, added up.
        examples_per_epoch: of each store's plan, added up.
    """

    def __init__(
        self,
        splits: Sequence[Split],
        shares: Shares,
        ids: SpecialIds,
        objective: PretrainingObjective,
        *,
        seed: int,
        batch_size: int,
        process_index: int = 0,
        process_count: int = 1,
        cache_dirs: Sequence[Path | None] | None = None,
    ) -> None:
        cache_dirs = cache_dirs or [None] * len(splits)
        if not len(splits) == len(shares.rows) == len(cache_dirs):
            raise DataError(
                f"a mixture of {len(splits)} stores needs as many shares and folders for plans; "
                f"got {len(shares.rows)} and {len(cache_dirs)}"
            )
        self._local = local_rows(batch_size, process_index, process_count)
        self._batch_size, self._seed, self._shares = batch_size, seed, shares
        self._joined = JoinedSplits(splits)
        self._assemble = make_assembler(self._joined, ids, objective)
        self._parts = [
            PretrainingBatches(
                split,
                ids,
                objective,
                seed=stream_key(seed, Stream.MIXTURE_STORE, store) >> 1,
                batch_size=1,
                cache_dir=folder,
            )
            for store, (split, folder) in enumerate(zip(splits, cache_dirs, strict=True))
        ]
        self.rows_per_epoch = sum(part.rows_per_epoch for part in self._parts)
        self.examples_per_epoch = sum(part.examples_per_epoch for part in self._parts)
        at_once = max(1, _SLOTS_AT_ONCE // (len(self._local) * objective.max_length))
        self._in_turn = ReadAhead(self._make, lambda step: at_once, len(self._local))

    def __call__(self, step: int) -> Batch:
        """This process's rows of the batch of `step` (0, 1, ...)."""
        if step < 0:
            raise DataError(f"steps are numbered from 0; got {step}")
        return self._in_turn(step)

    def _make(self, step: int, count: int) -> Batch:
        """This process's rows of `count` steps from `step` on."""
        if len(self._local) == self._batch_size:
            drawn = [
                draw(self._shares, self._seed, step * self._batch_size, count * self._batch_size)
            ]
        else:
            drawn = [self.drawn(s) for s in range(step, step + count)]
        store = np.concatenate([some.store for some in drawn])
        order = np.argsort(store, kind="stable")
        parts = [
            self._joined.sequences(of, self._parts[of].sequences_at(rows))
            for of, rows in enumerate(_rows_by_store(drawn))
            if len(rows)
        ]
        made = self._assemble(join(parts), len(order), self._seed)
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return {name: values.take(place, axis=0) for name, values in made.items()}

    def sequences(self, step: int) -> list[Sequences | None]:
        """What this process's rows of the batch of `step` hold, by store; `rows` count its own.

        None for a store that the batch has no row of.
        """
        rows = _rows_by_store([self.drawn(step)])
        named = zip(self._parts, rows, strict=True)
        return [part.sequences_at(own) if len(own) else None for part, own in named]

    def begin(self, step: int) -> None:
        """Starts making the plans that the batch of `step` needs in threads."""
        for part, first in zip(self._parts, self.drawn(step).first, strict=True):
            part.begin(int(first))

    def release(self) -> None:
        """Lets go of what is kept in memory; any batch can still be had."""
        for part in self._parts:
            part.release()
        self._in_turn.release()

    def is_planned(self, step: int) -> bool:
        """Whether the plans that the batch of `step` needs lie on the disk already."""
        drawn = self.drawn(step)
        rows = zip(self._parts, drawn.first.tolist(), drawn.number.tolist(), strict=True)
        return all(part.are_planned(first, number) for part, first, number in rows if number)

    def drawn(self, step: int) -> Drawn:
        """Which store each of this process's rows of the batch of `step` comes from."""
        first = step * self._batch_size + self._local.start
        return draw(self._shares, self._seed, first, len(self._local))

    def epochs(self, steps: int) -> list[float]:
        """How often each store has been gone through after so many steps."""
        drawn = draw(self._shares, self._seed, steps * self._batch_size, 0)
        rows = zip(drawn.first, self._parts, strict=True)
        return [int(done) / part.rows_per_epoch for done, part in rows]


def _rows_by_store(drawn: Sequence[Drawn]) -> list[Ints]:
    """The numbers within each store of the rows that it gives to all of these, ascending."""
    first = np.stack([some.first for some in drawn], axis=1)
    number = np.stack([some.number for some in drawn], axis=1)
    # One run of rows after the other: of each store, of each draw.
    ends = np.cumsum(number)
    rows = np.arange(ends[-1]) + np.repeat(first.ravel() - ends + number.ravel(), number.ravel())
    return np.split(rows, np.cumsum(number.sum(axis=1))[:-1])


@lru_cache(maxsize=4)
def _block(shares: Shares, seed: int, block: int) -> tuple[Ints, Ints]:
    """The store of each row of a block, [BLOCK], and the rows before it of each store, [stores]."""
    bounds = np.concatenate([[0], np.cumsum(shares.rows)])
    periods, number = divmod(block, 1 << _BITS)
    # Points of the block below each bound: every 2^20-th from its first one on.
    below = _ceil_divide(bounds - _turned(number), _BITS)
    stores = np.repeat(np.arange(len(shares.rows)), np.diff(below))
    order = stores[permutation(stream_key(seed, Stream.MIXTURE, block), BLOCK)]
    before = np.diff(_points_before(number, bounds)) + periods * np.array(shares.rows)
    order.flags.writeable = before.flags.writeable = False
    return order, before


def _points_before(blocks: int, bounds: Ints) -> Ints:
    """How many points of the first so many blocks of a period lie below each bound."""
    gaps, rest = np.divmod(bounds, 1 << _BITS)
    points = blocks * gaps
    for bit in range(_BITS):
        if blocks >> bit & 1:
            # The 2^bit blocks that have what stands above this bit in common, and a 0 in it: their
            # first points stand 2^(20 - bit) apart.
            first = _turned(blocks >> bit + 1 << bit + 1)
            points += np.maximum(_ceil_divide(rest - first, _BITS - bit), 0)
    return points


def _turned(block: int) -> int:
    """The number of a block with its bits in the opposite order."""
    return int(f"{block:0{_BITS}b}"[::-1], 2)


def _ceil_divide(values: Ints, bits: int) -> Ints:
    return -(-values >> bits)
