"""Small batches asked for one after the other, several of them made at once.

What numpy's calls cost by themselves is most of a batch of 32 x 128: in an array of eight such
batches each takes half the time. A row depends on nothing but its number, so that a batch is the
same however it was made.
"""

from __future__ import annotations

from collections.abc import Callable

from data_pipeline.features import Batch


class ReadAhead:
    """step -> batch; from the second step in a row on, those after it are made with it.

    A batch that was made ahead is handed out once, and shares no place in memory with another one.
    Called from several threads it is as right, and no quicker than without.

    Args:
        make: (first step, how many) -> the rows of these steps, one step after the other.
        at_once: first step -> how many steps may be made with one call, at least 1.
        num_rows: of a batch.
    """

    def __init__(
        self, make: Callable[[int, int], Batch], at_once: Callable[[int], int], num_rows: int
    ) -> None:
        self._make = make
        self._at_once = at_once
        self._num_rows = num_rows
        self._ahead: dict[int, Batch] = {}
        self._expected = -1

    def __call__(self, step: int) -> Batch:
        """The batch of `step`."""
        batch = self._ahead.pop(step, None)
        if batch is None:
            count = self._at_once(step) if step == self._expected else 1
            batch, *others = self._parts(self._make(step, count), count)
            self._ahead = dict(enumerate(others, step + 1))
        self._expected = step + 1
        return batch

    def release(self) -> None:
        """Lets go of the batches that were made ahead."""
        self._ahead = {}

    def _parts(self, batch: Batch, count: int) -> list[Batch]:
        if count == 1:
            return [batch]
        ends = range(self._num_rows, (count + 1) * self._num_rows, self._num_rows)
        return [
            {name: values[end - self._num_rows : end] for name, values in batch.items()}
            for end in ends
        ]
