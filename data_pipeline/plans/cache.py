"""Plans kept on disk, so that a restart, or the process beside this one, need not make them again.

    CACHE/plan-DIGEST-sSEED-eEPOCH.npy   a plan's examples (`plan_files`)
    CACHE/count-DIGEST.json              the number of examples of every epoch

DIGEST stands for the split, the format, and what of the objective a plan depends on: pairs, lengths
and short sequences, never masks or packing. An epoch whose plan is that of another (static epochs)
has its file. A damaged one is made again; a folder that cannot be written leaves the plan in
memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import numpy as np

from data_pipeline.objective import PretrainingObjective
from data_pipeline.plans.document_walk import EXAMPLE
from data_pipeline.plans.epoch_jobs import EpochJobs
from data_pipeline.plans.files import (
    keep_last,
    map_array,
    mark_used,
    read_array,
    write_array,
    write_file,
)
from data_pipeline.plans.sentence_pairs import Plan, count_examples, make_plan
from data_pipeline.store.token_store import Split

# Raise it whenever the same arguments give another plan, or the file another layout.
PLAN_FORMAT = 1
# Enough for two runs over one store with a training, a next and an evaluation epoch each.
PLANS_KEPT = 8
# More static epochs than these are made again, lest a folder grow without end.
STATIC_PLANS_KEPT = 32
_PREFIX = "plan-"


def cached_plan(
    split: Split,
    objective: PretrainingObjective,
    seed: int,
    epoch: int,
    cache_dir: Path | None,
) -> Plan:
    """`make_plan` of the same arguments, read from `cache_dir` where it is there.

    With `cache_dir` None, or one that cannot be written, the plan is made and kept in memory. The
    `PLANS_KEPT` plans used last are kept in the folder, and all of up to `STATIC_PLANS_KEPT` static
    epochs.
    """
    epoch = objective.epoch_of(epoch)
    if cache_dir is None:
        return make_plan(split, objective, seed, epoch)
    path = _plan_path(split, objective, seed, epoch, cache_dir)
    examples = read_array(path, EXAMPLE)
    if examples is None:
        count = cached_count(split, objective, cache_dir)
        plan = make_plan(split, objective, seed, epoch, num_examples=count)
        if not write_array(path, plan.examples):
            return plan
        keep_last(cache_dir, _PREFIX, plans_kept(objective), path)
        examples = map_array(path, EXAMPLE)
        return plan if examples is None else Plan(examples)  # another process may have pruned it
    mark_used(path)
    return Plan(examples)


def _plan_path(
    split: Split, objective: PretrainingObjective, seed: int, epoch: int, cache_dir: Path
) -> Path:
    return cache_dir / f"{_PREFIX}{plan_digest(split, objective)}-s{seed}-e{epoch}.npy"


def plans_kept(objective: PretrainingObjective) -> int:
    """How many plans of an objective stay in a folder."""
    static = min(objective.static_epochs, STATIC_PLANS_KEPT)
    # Beside static epochs, the evaluation's and one of another run.
    return max(PLANS_KEPT, static + 2)


def cached_count(split: Split, objective: PretrainingObjective, cache_dir: Path | None) -> int:
    """`count_examples` of the same arguments, read from `cache_dir` where it is there."""
    if cache_dir is None:
        return count_examples(split, objective)
    path = cache_dir / f"count-{plan_digest(split, objective)}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads(path.read_text())["examples_per_epoch"]
        if isinstance(found, int) and found > 0:
            return found
    count = count_examples(split, objective)
    text = json.dumps({"examples_per_epoch": count}).encode()
    write_file(path, lambda file: file.write(text))
    return count


class PlanSource:
    """The plans of a run by epoch; the next one can be made in a thread before it is needed.

    Holds the two plans used last. Safe to call from several threads.
    """

    def __init__(
        self, split: Split, objective: PretrainingObjective, seed: int, cache_dir: Path | None
    ) -> None:
        self.examples_per_epoch = count = cached_count(split, objective, cache_dir)
        self._epoch_of = objective.epoch_of

        def make(epoch: int) -> Plan:
            if cache_dir is None:
                return make_plan(split, objective, seed, epoch, count)
            return cached_plan(split, objective, seed, epoch, cache_dir)

        def is_kept(epoch: int) -> bool:
            if cache_dir is None:
                return False
            path = _plan_path(split, objective, seed, epoch, cache_dir)
            return map_array(path, EXAMPLE) is not None

        self._plans = EpochJobs(make, "plan")
        self._is_kept = is_kept

    def __call__(self, epoch: int) -> Plan:
        """The plan of an epoch, made now if nobody has begun it."""
        return self._plans(self._epoch_of(epoch))

    def is_kept(self, epoch: int) -> bool:
        """Whether the plan of an epoch lies on the disk, to be read and not made."""
        return self._is_kept(self._epoch_of(epoch))

    def begin(self, epoch: int) -> None:
        """Starts making a plan in a thread, unless it is made or begun; an error comes up later."""
        self._plans.begin(self._epoch_of(epoch))

    def release(self) -> None:
        """Lets go of the plans in memory; one that is asked for later is read or made again."""
        self._plans.release()


def plan_digest(split: Split, objective: PretrainingObjective) -> str:
    """What a plan depends on but its seed and epoch, as 20 hexadecimal digits."""
    fingerprint = split.fingerprint
    if not fingerprint:  # made from arrays: a plan depends on nothing of a split but its offsets
        offsets = hashlib.sha256(np.ascontiguousarray(split.sentence_offsets).data)
        offsets.update(np.ascontiguousarray(split.document_offsets).data)
        fingerprint = offsets.hexdigest()
    # Only what a plan depends on: masks may change without making it again.
    key = [
        *(PLAN_FORMAT, fingerprint),
        *(objective.pairs, objective.max_length, float(objective.short_seq_prob)),
    ]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:20]
