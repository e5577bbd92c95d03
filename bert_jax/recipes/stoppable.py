"""Long work before training that ends where it next reports progress once a stop is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax

from bert_jax.loop import StopRequest
from data_pipeline.progress import Progress, Task


def stoppable(progress: Progress, stop: StopRequest) -> Progress:
    """Progress of what leaves nothing half done when `loop.Stopped` unwinds it.

    With several processes nothing is stopped so: one alone must not leave the others behind.
    """
    if jax.process_count() > 1:
        return progress

    @contextmanager
    def opened(description: str, total: int | None, unit: str) -> Iterator[Task]:
        with progress(description, total, unit) as task:
            yield _StoppableTask(task, stop)

    return opened


class _StoppableTask:
    """Looks at the request whenever something is reported."""

    def __init__(self, task: Task, stop: StopRequest) -> None:
        self._task, self._stop = task, stop

    def advance(self, n: int = 1) -> None:
        self._stop.check()
        self._task.advance(n)

    def note(self, text: str) -> None:
        self._task.note(text)
