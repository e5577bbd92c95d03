"""A map over worker processes that keeps the order of its items and a bound on its memory.

Processes are spawned, never forked: a fork after JAX has started its threads can hang.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from typing import Any, TypeVar

from data_pipeline.errors import DataError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items handed out beyond those being worked on: enough that no worker waits, few enough that memory
# stays small.
_SPARE_ITEMS = 2

_function: Callable[[Any], Any] | None = None


def available_cores() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_workers(workers: int | None) -> int:
    """`workers`, or one for each core where it is None; DataError where it is below 1."""
    if workers is None:
        return available_cores()
    if not isinstance(workers, int) or workers < 1:
        raise DataError(f"workers must be a whole number, at least 1; got {workers!r}")
    return workers


def ordered_map(
    make: Callable[[], Callable[[Item], Result]], items: Iterable[Item], *, workers: int
) -> Iterator[Result]:
    """Yields `make()(item)` for each item, in the order of the items.

    `make` runs once in each process, so that what is costly to build (a tokeniser and its cache)
    is built there once; it must be picklable. With one worker, or with a single item, everything
    runs in this process. The results are the same for any number of workers as long as the function
    depends on its item alone. At most `workers + 2` items are in memory at a time.
    """
    iterator = iter(items)
    first = list(itertools.islice(iterator, 2))
    iterator = itertools.chain(first, iterator)
    if workers == 1 or len(first) < 2:
        function = make()
        yield from map(function, iterator)
        return
    _start_silent_tracker()
    executor = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(make,)
    )
    pending: deque[Future[Result]] = deque()
    try:
        for item in iterator:
            with _deaf_children():
                pending.append(executor.submit(_call, item))
            if len(pending) >= workers + _SPARE_ITEMS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise DataError(
            "a worker process ended before its work was done: it was killed (out of memory?), or "
            "the calling script does its work at import, without "
            "`if __name__ == '__main__':`; with workers=1 no process is started"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes begun here (the executor begins one with each of its first items) get no Ctrl-C.

    They would print a traceback each while they are still importing, before `_start_worker`. They
    inherit that the signal is held back; for this process it is only late.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_silent_tracker() -> None:
    """Starts multiprocessing's tracker so that it says nothing.

    It removes the semaphores of a process that was killed, which nobody can do anything about, and
    would call them leaked, in a terminal where the command has long ended.
    """
    if not hasattr(os, "fork"):
        return  # it is there where processes can be forked
    from multiprocessing import resource_tracker

    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [before, "ignore:resource_tracker"]))
    try:
        resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _start_worker(make: Callable[[], Callable[[Any], Any]]) -> None:
    global _function
    # The parent answers Ctrl-C and ends its workers; each printing its own traceback helps nobody.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One process a core: the tokeniser's own threads would only be in the way.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _function = make()


def _end_with_parent() -> None:
    """A parent that is killed outright cannot end its workers: they end themselves."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _call(item: Any) -> Any:
    assert _function is not None
    return _function(item)
