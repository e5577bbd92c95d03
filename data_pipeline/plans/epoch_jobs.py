"""Something big for each epoch, made once, and for the next one in a thread before it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class EpochJobs(Generic[T]):
    """Calls `make(epoch)` once for each epoch in use and holds the two results used last.

    Safe to call from several threads.
    """

    def __init__(self, make: Callable[[int], T], name: str) -> None:
        self._make = make
        self._name = name
        self._lock = threading.Lock()
        self._jobs: dict[int, _Job[T]] = {}

    def __call__(self, epoch: int) -> T:
        """The result for an epoch, made now if nobody has begun it."""
        return self._job(epoch).result()

    def begin(self, epoch: int) -> None:
        """Starts making it in a thread, unless it is made or begun; an error comes up later."""
        job = self._job(epoch)
        if job.claim():
            threading.Thread(target=job.run, name=f"{self._name}-{epoch}", daemon=True).start()

    def release(self) -> None:
        """Lets go of all results; what is asked for later is made again."""
        with self._lock:
            self._jobs.clear()

    def _job(self, epoch: int) -> _Job[T]:
        with self._lock:
            job = self._jobs.pop(epoch, None) or _Job(self._make, epoch)
            self._jobs[epoch] = job  # to the end: used last
            for old in list(self._jobs)[:-2]:
                del self._jobs[old]
            return job


class _Job(Generic[T]):
    """One result that is made once, by whoever claims it first."""

    def __init__(self, make: Callable[[int], T], epoch: int) -> None:
        self._make = make
        self._epoch = epoch
        self._claim = threading.Lock()
        self._done = threading.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None

    def claim(self) -> bool:
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        try:
            self._result.append(self._make(self._epoch))
        except BaseException as error:  # raised again in whoever asks for the result
            self._error = error
        finally:
            self._done.set()

    def result(self) -> T:
        if not self._done.is_set():
            if self.claim():
                self.run()
            self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result[0]
