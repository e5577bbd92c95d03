"""Packed plans kept on disk beside the plans, and made in the background.

    CACHE/rows-DIGEST-sSEED-eEPOCH.npy   a packed plan's records (`plan_files`)
    CACHE/rows-DIGEST.json               the rows of every epoch, and the examples of its plan

DIGEST stands for the plan, the objective's limits and the format.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from data_pipeline.assembly import Sequences
from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.cache import plan_digest, plans_kept
from data_pipeline.plans.epoch_jobs import EpochJobs
from data_pipeline.plans.files import (
    keep_last,
    map_array,
    mark_used,
    read_array,
    write_array,
    write_file,
)
from data_pipeline.plans.packed_plan import (
    PACKED,
    EpochSize,
    PackedPlan,
    count_rows,
    make_packed_plan,
)
from data_pipeline.store.token_store import Split

# Raise it whenever the same plan is packed into other rows, or the file has another layout.
PACKING_FORMAT = 1
_PREFIX = "rows-"


def cached_packed_plan(
    split: Split,
    objective: PretrainingObjective,
    seed: int,
    epoch: int,
    size: EpochSize,
    cache_dir: Path | None,
) -> PackedPlan:
    """`make_packed_plan` of the same arguments, read from `cache_dir` where it is there.

    With `cache_dir` None, or one that cannot be written, it is made and kept in memory. As many are
    kept in the folder as of plans, those used last.
    """
    epoch = objective.epoch_of(epoch)
    if cache_dir is None:
        return make_packed_plan(split, objective, seed, epoch, size)
    path = _plan_path(split, objective, seed, epoch, cache_dir)
    records = read_array(path, PACKED)
    if records is None:
        plan = make_packed_plan(split, objective, seed, epoch, size)
        if not write_array(path, plan.records):
            return plan
        keep_last(cache_dir, _PREFIX, plans_kept(objective), path)
        records = map_array(path, PACKED)  # None where another process pruned it in between
        return plan if records is None else PackedPlan(records)
    mark_used(path)
    return PackedPlan(records)


def _plan_path(
    split: Split, objective: PretrainingObjective, seed: int, epoch: int, cache_dir: Path
) -> Path:
    return cache_dir / f"{_PREFIX}{_digest(split, objective)}-s{seed}-e{epoch}.npy"


def cached_row_count(
    split: Split, objective: PretrainingObjective, cache_dir: Path | None
) -> EpochSize:
    """`count_rows` of the same arguments, read from `cache_dir` where it is there."""
    if cache_dir is None:
        return count_rows(split, objective)
    path = cache_dir / f"{_PREFIX}{_digest(split, objective)}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        found = EpochSize(**json.loads(path.read_text()))
        if all(isinstance(n, int) and n > 0 for n in dataclasses.astuple(found)):
            return found
    size = count_rows(split, objective)
    text = json.dumps(dataclasses.asdict(size)).encode()
    write_file(path, lambda file: file.write(text))
    return size


class PackedSource:
    """The packed rows of a run by epoch.

    Attributes:
        rows_per_epoch: the same in every epoch.
        examples_per_epoch: of the plan that is packed.
    """

    def __init__(
        self, split: Split, objective: PretrainingObjective, seed: int, cache_dir: Path | None
    ) -> None:
        size = cached_row_count(split, objective, cache_dir)
        self.rows_per_epoch = size.rows
        self.examples_per_epoch = size.examples
        self._objective = objective

        def is_kept(epoch: int) -> bool:
            if cache_dir is None:
                return False
            path = _plan_path(split, objective, seed, epoch, cache_dir)
            return map_array(path, PACKED) is not None

        self._is_kept = is_kept
        self._plans = EpochJobs(
            lambda epoch: cached_packed_plan(split, objective, seed, epoch, size, cache_dir),
            "packed-plan",
        )

    def take(self, epoch: int, first: int, count: int) -> Sequences:
        """The sequences of up to `count` rows of an epoch, from row `first` on."""
        epoch = self._objective.epoch_of(epoch)
        records = self._plans(epoch).take(first, count)
        # Where the plan had to be made longer, a few numbers are also those of the next epoch:
        # other text, masked by the same random bits.
        numbers = records["rank"] + np.int64(epoch * self.examples_per_epoch)
        return Sequences(records, numbers, records["row"].astype(np.int64) - first)

    def is_kept(self, epoch: int) -> bool:
        """Whether the rows of an epoch lie on the disk, to be read and not made."""
        return self._is_kept(self._objective.epoch_of(epoch))

    def begin(self, epoch: int) -> None:
        """Starts making an epoch's rows in a thread, unless they are made or begun."""
        self._plans.begin(self._objective.epoch_of(epoch))

    def release(self) -> None:
        """Lets go of the rows in memory; those asked for later are read or made again."""
        self._plans.release()


def _digest(split: Split, objective: PretrainingObjective) -> str:
    # What a row holds, and how much of it each sequence takes.
    limits = [objective.max_length, objective.max_predictions, objective.max_sequences]
    predictions = objective.predictions_by_length().tolist()
    key = [PACKING_FORMAT, plan_digest(split, objective), limits, predictions]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:20]
