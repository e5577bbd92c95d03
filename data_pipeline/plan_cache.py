"""Plans kept on disk, so that a restart, or the process beside this one, need not make them again.

    CACHE/plan-DIGEST-sSEED-eEPOCH.npy   a plan's examples, memory-mapped; then 8 bytes, their CRC
    CACHE/count-DIGEST.json              the number of examples of every epoch

DIGEST stands for the split, the format, and what of the objective a plan depends on: pairs, lengths
and short sequences, never masks or packing. An epoch whose plan is that of another (static epochs)
has its file. A file is written under another name and
renamed, so several processes may write the same plan at once: they write the same bytes. A file
that is damaged is made again; a folder that cannot be written leaves the plan in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from data_pipeline.atomic_file import remove_abandoned, write_atomically
from data_pipeline.document_walk import EXAMPLE
from data_pipeline.objective import PretrainingObjective
from data_pipeline.sentence_pairs import Plan, count_examples, make_plan
from data_pipeline.token_store import Split

# Raise it whenever the same arguments give another plan, or the file another layout.
PLAN_FORMAT = 1
# Enough for two runs over one store with a training, a next and an evaluation epoch each.
PLANS_KEPT = 8
# More static epochs than these are made again, lest a folder grow without end.
STATIC_PLANS_KEPT = 32
_PREFIX = "plan-"
_BLOCK = 1 << 20  # bytes read at once


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
    path = cache_dir / f"{_PREFIX}{plan_digest(split, objective)}-s{seed}-e{epoch}.npy"
    examples = _read(path)
    if examples is None:
        count = cached_count(split, objective, cache_dir)
        plan = make_plan(split, objective, seed, epoch, num_examples=count)
        if not _written(path, lambda file: _write_examples(file, plan.examples)):
            return plan
        static = min(objective.static_epochs, STATIC_PLANS_KEPT)
        # Beside static epochs, the evaluation's and one of another run.
        _prune(cache_dir, keep=path, count=max(PLANS_KEPT, static + 2))
        mapped = _mapped(path)
        if mapped is None:  # another process pruned it in between
            return plan
        examples = mapped[0]
    else:
        with contextlib.suppress(OSError):  # in a folder that is only read, age does not matter
            os.utime(path)
    return Plan(examples)


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
    _written(path, lambda file: file.write(text))
    return count


class PlanSource:
    """The plans of a run by epoch; the next one can be made in a thread before it is needed.

    Holds the two plans used last. Safe to call from several threads.
    """

    def __init__(
        self, split: Split, objective: PretrainingObjective, seed: int, cache_dir: Path | None
    ) -> None:
        self._make: Callable[[int], Plan]
        if cache_dir is None:
            count = cached_count(split, objective, None)
            self._make = lambda epoch: make_plan(split, objective, seed, epoch, count)
        else:
            count = cached_count(split, objective, cache_dir)
            self._make = lambda epoch: cached_plan(split, objective, seed, epoch, cache_dir)
        self.examples_per_epoch = count
        self._epoch_of = objective.epoch_of
        self._lock = threading.Lock()
        self._jobs: dict[int, _Job] = {}

    def __call__(self, epoch: int) -> Plan:
        """The plan of an epoch, made now if nobody has begun it."""
        return self._job(self._epoch_of(epoch)).result()

    def begin(self, epoch: int) -> None:
        """Starts making a plan in a thread, unless it is made or begun; an error comes up later."""
        made = self._epoch_of(epoch)
        job = self._job(made)
        if job.claim():
            threading.Thread(target=job.run, name=f"plan-{made}", daemon=True).start()

    def _job(self, epoch: int) -> _Job:
        with self._lock:
            job = self._jobs.pop(epoch, None) or _Job(self._make, epoch)
            self._jobs[epoch] = job  # to the end: used last
            for old in list(self._jobs)[:-2]:
                del self._jobs[old]
            return job


class _Job:
    """One plan that is made once, by whoever claims it first."""

    def __init__(self, make: Callable[[int], Plan], epoch: int) -> None:
        self._make = make
        self._epoch = epoch
        self._claim = threading.Lock()
        self._done = threading.Event()
        self._plan: Plan | None = None
        self._error: BaseException | None = None

    def claim(self) -> bool:
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        try:
            self._plan = self._make(self._epoch)
        except BaseException as error:  # raised again in whoever asks for the plan
            self._error = error
        finally:
            self._done.set()

    def result(self) -> Plan:
        if not self._done.is_set():
            if self.claim():
                self.run()
            self._done.wait()
        if self._plan is None:
            assert self._error is not None
            raise self._error
        return self._plan


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


def _write_examples(file: BinaryIO, examples: npt.NDArray[np.void]) -> None:
    np.save(file, examples, allow_pickle=False)
    file.write(_checksum(examples))


def _checksum(examples: npt.NDArray[np.void]) -> bytes:
    return zlib.crc32(examples.view(np.uint8).data).to_bytes(8, "little")


def _read(path: Path) -> npt.NDArray[np.void] | None:
    """The examples in a file, or None where it is missing, damaged or of another kind."""
    mapped = _mapped(path)
    if mapped is None:
        return None
    examples, start = mapped
    try:
        with path.open("rb") as file:  # not through the map, whose pages would count as memory
            file.seek(start)
            found, left = 0, examples.nbytes
            while left and (block := file.read(min(left, _BLOCK))):
                found = zlib.crc32(block, found)
                left -= len(block)
            return examples if file.read() == found.to_bytes(8, "little") else None
    except OSError:
        return None


def _mapped(path: Path) -> tuple[npt.NDArray[np.void], int] | None:
    """The examples in a file, unread, and where in it they start; None where it holds none."""
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if mapped.dtype != EXAMPLE or mapped.ndim != 1 or not len(mapped):
        return None
    # A plain view: indexing the class `memmap` is slower.
    return np.asarray(mapped), mapped.offset


def _written(path: Path, write: Callable[[BinaryIO], object]) -> bool:
    """False where the folder cannot be written; the caller goes on with what is in memory."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write)
    except OSError:
        return False
    return True


def _prune(cache_dir: Path, keep: Path, count: int) -> None:
    """Leaves the `count` plans used last, and nothing half-written by a process that was killed."""
    with contextlib.suppress(OSError):  # another process may be pruning too
        used = {
            path: path.stat().st_mtime for path in cache_dir.glob(f"{_PREFIX}*.npy") if path != keep
        }
        for path in sorted(used, key=used.__getitem__)[: max(0, len(used) - count + 1)]:
            path.unlink(missing_ok=True)
        remove_abandoned(cache_dir.glob(f"{_PREFIX}*.npy.*"))
