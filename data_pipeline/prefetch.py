"""Makes batches in a thread, a few ahead of their use."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from data_pipeline.errors import DataError

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Iterates over `(step, source(step))` for start <= step < stop, made ahead in one thread.

    An error in `source` is raised where its step would have come, after the good ones before it.
    `close`, or the end of a `with` block, stops the thread after the step it is at and waits for
    it; an iterator that is dropped stops its thread too. Numpy lets go of the interpreter in its
    larger calls, so a thread is enough and nothing has to be copied between processes.

    Attributes:
        wait_seconds: how long the consumer has waited so far: the input's share of the time.
    """

    def __init__(self, source: Callable[[int], T], start: int, stop: int, depth: int = 2) -> None:
        if depth < 1:
            raise DataError(f"depth must be at least 1; got {depth}")
        self.wait_seconds = 0.0
        self._next = start
        self._stop = stop
        self._shelf: _Shelf[T] = _Shelf(depth)
        # The thread holds the shelf and not `self`, or a dropped iterator would live for ever.
        self._thread = threading.Thread(
            target=_fill, args=(self._shelf, source, start, stop), name="prefetch", daemon=True
        )
        self._finalizer = weakref.finalize(self, self._shelf.close)
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, T]:
        if self._next >= self._stop:
            raise StopIteration
        began = time.perf_counter()
        try:
            item = self._shelf.take()
        finally:
            self.wait_seconds += time.perf_counter() - began
        step = self._next
        self._next += 1
        if isinstance(item, _Failure):
            self._next = self._stop
            raise item.error
        return step, item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops the thread and waits for it; batches not taken are dropped. May be called twice."""
        self._next = self._stop
        self._finalizer()
        self._thread.join()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Shelf(Generic[T]):
    """A bounded queue that can be closed while somebody waits at it."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._items: deque[T | _Failure] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T | _Failure) -> bool:
        """Waits for room; False where the shelf was closed and nothing more is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._depth)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def take(self) -> T | _Failure:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            if not self._items:
                raise RuntimeError("the batches were closed while one was waited for")
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


def _fill(shelf: _Shelf[T], source: Callable[[int], T], start: int, stop: int) -> None:
    for step in range(start, stop):
        try:
            item: T | _Failure = source(step)
        except BaseException as error:  # whatever it is, the consumer must see it
            item = _Failure(error)
        if not shelf.put(item) or isinstance(item, _Failure):
            return
