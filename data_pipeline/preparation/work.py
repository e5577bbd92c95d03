"""Preparation that can be stopped at any moment and gone on with.

    OUTPUT.partial/job.json                what is prepared, from what
    OUTPUT.partial/SSSS-FFFFFF-NNNNNN.npz  a unit as token ids: source, stream and number in it
    OUTPUT.partial/SSSS-FFFFFF-NNNNNN.npy  signatures of its documents, where they are needed
    OUTPUT.partial/SSSS-FFFFFF.json        a stream that was read to its end: how many units, counts

A unit is a stretch of the input, and what becomes of it depends on nothing else, so the store made
of all of them is the same however often the work was stopped, and for any number of workers. Files
appear under their names when they are whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_pipeline.atomic_file import write_atomically
from data_pipeline.documents import Source, Stream, Unit
from data_pipeline.errors import DataError
from data_pipeline.file_lock import LOCK, folder_lock
from data_pipeline.preparation.encoded_unit import UnitEncoder
from data_pipeline.preparation.job import Job, StreamKey
from data_pipeline.progress import WhenDone
from data_pipeline.store.token_store import PARTIAL
from data_pipeline.strict_json import parse_json

JOB = "job.json"


class BeingPrepared(DataError):
    """Another process is preparing the same store."""


class Work:
    """A work folder that this process holds; see `open_work`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_units(self) -> bool:
        """Whether anything is done."""
        return any(self.folder.glob("*-*.npz"))

    def unit_path(self, key: StreamKey, number: int) -> Path:
        """Where a unit's ids are kept."""
        return self.folder / f"{key}-{number:06d}.npz"

    def stream_record(self, key: StreamKey) -> dict[str, Any] | None:
        """`units` and `counts` of a stream that was read to its end, else None."""
        path = self.folder / f"{key}.json"
        try:
            found = parse_json(path.read_bytes())
            return {"units": int(found["units"]), "counts": dict(found["counts"])}
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path}: is damaged; remove it and start again") from error

    def finish_stream(self, key: StreamKey, units: int, counts: Mapping[str, int]) -> None:
        """Says that a stream has so many units, and what its reader counted."""
        text = json.dumps({"units": units, "counts": dict(sorted(counts.items()))})
        write_atomically(self.folder / f"{key}.json", lambda file: file.write(text.encode()))

    def is_finished(self, key: StreamKey) -> bool:
        """Whether nothing of a stream is left to do."""
        record = self.stream_record(key)
        return record is not None and all(
            self.unit_path(key, number).exists() for number in range(record["units"])
        )


def work_folder(output: Path) -> Path:
    """Where the work for a store is kept until the store is there."""
    return output.with_name(f"{output.name}{PARTIAL}")


@contextmanager
def open_work(output: Path, job: Job) -> Iterator[Work]:
    """The work folder of a store that is to be, held for this process alone.

    What an earlier call has finished of the same job is there. The folder is removed with
    `remove_work`, once the store has its name; after an error it stays, unless nothing is done.
    BeingPrepared where another process is at it, DataError where it is of another job.
    """
    folder = work_folder(output)

    def refuse(holder: str) -> DataError:
        return BeingPrepared(
            f"{output} is being prepared by {holder}; wait until it has ended, stop it, or name "
            "another output"
        )

    if os.path.lexists(folder) and not folder.is_dir():
        raise DataError(
            f"{folder}: is a file, and a folder of that name is needed for the work on {output}; "
            "remove it or name another output"
        )
    with folder_lock(folder, refuse):
        _begin(folder, job)
        for left in folder.glob("*.*.*"):
            left.unlink(missing_ok=True)  # half-written when a process was killed
        try:
            yield Work(folder)
        finally:
            if not Work(folder).has_units():
                for path in (folder / JOB, *folder.glob("*-*.*")):
                    path.unlink(missing_ok=True)


def remove_work(output: Path) -> None:
    """Removes the work folder of a store."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(work_folder(output))


def _begin(folder: Path, job: Job) -> None:
    """Says what the work is, unless it is said; what was done of files changed since is removed."""
    begun = folder / JOB
    if begun.is_file():
        try:
            changed = job.changes(begun.read_text("utf-8"))
        except DataError as error:
            raise DataError(f"{folder}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{begun}: is damaged ({error}); remove {folder}") from error
        for key in changed:
            for path in folder.glob(f"{key}*"):
                path.unlink()
    else:
        others = [path.name for path in folder.iterdir() if path.name != LOCK]
        if others:
            raise DataError(f"{folder}: holds something else ({others[0]}); remove it")
    write_atomically(begun, lambda file: file.write(job.to_json().encode()))


class PendingUnit(NamedTuple):
    """A unit whose ids are not there yet, and where they are to be written."""

    unit: Unit
    path: Path


def pending_units(work: Work, sources: Sequence[Source], done: WhenDone) -> Iterator[PendingUnit]:
    """Everything that is left to do, in the order of the input; `done` is told of the bytes read.

    A stream that is finished is not read again. One that was begun is, because where its units
    begin can be known no other way, and the units that are there are passed over.
    """
    for key, stream in streams_of(sources):
        yield from pending_units_of(work, key, stream, done.read, done.pass_over)


def pending_units_of(
    work: Work,
    key: StreamKey,
    stream: Stream,
    read: Callable[[int], None],
    pass_over: Callable[[], None],
) -> Iterator[PendingUnit]:
    """What is left to do of one stream.

    `read` counts bytes read; `pass_over` is called where nothing is left to do for them.
    """
    if work.is_finished(key):
        read(stream.size())
        pass_over()
        return
    counts: Counter[str] = Counter()
    number = 0
    for unit in stream.units(read, counts):
        path = work.unit_path(key, number)
        if path.exists():
            pass_over()
        else:
            yield PendingUnit(unit, path)
        number += 1
    work.finish_stream(key, number, counts)


def streams_of(sources: Sequence[Source]) -> Iterator[tuple[StreamKey, Stream]]:
    """All streams in their order."""
    for s, source in enumerate(sources):
        for f, stream in enumerate(source.streams):
            yield StreamKey(s, f), stream


def signatures_path(unit: Path) -> Path:
    """Where the signatures of a unit's documents are kept."""
    return unit.with_suffix(".npy")


class WorkOnUnit:
    """Encodes a unit and writes its file: what a worker does, on this machine or another."""

    def __init__(self, encoder: UnitEncoder) -> None:
        self._encoder = encoder

    def __call__(self, pending: PendingUnit) -> None:
        """Does it; the unit's file, which comes last, is whole or not there."""
        encoded = self._encoder(pending.unit)
        found = encoded.signatures
        if found is not None:
            write_atomically(
                signatures_path(pending.path),
                lambda file: np.save(file, found, allow_pickle=False),
            )
        write_atomically(pending.path, encoded.write)
