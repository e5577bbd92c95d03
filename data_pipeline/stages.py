"""One run in stages: batches of one shape, and from a step on those of another.

A step finds its stage and asks the stage's batches for the steps since the stage began. So each
stage goes through its own epochs from their start, and a batch is a pure function of the step as it
is without stages. Nothing here knows what the batches are made of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from data_pipeline.counter_random import Stream, stream_key
from data_pipeline.errors import DataError
from data_pipeline.features import Batch
from data_pipeline.wording import amount

# Steps before a stage at which its first plan is begun. The largest plans take a minute.
BEGUN_BEFORE = 10_000


class StepBatches(Protocol):
    """Batches that are functions of the step, as `PretrainingBatches` and `MixtureBatches`."""

    def __call__(self, step: int) -> Batch:
        """The batch of a step (0, 1, ...)."""

    def begin(self, step: int) -> None:
        """Begin in a thread what the batch of a step will need; an error comes up later."""

    def release(self) -> None:
        """Let go of what is kept in memory; any batch can still be asked for."""


class StagedBatches:
    """The batches of a run in stages: `batches(step)`, a pure function of the step.

    Args:
        parts: the batches of each stage, numbered from its start.
        starts: the first step of each stage; 0, then ever larger ones.

    Raises:
        DataError: there is no part, there are not as many starts, or they do not rise from 0.
    """

    def __init__(self, parts: Sequence[StepBatches], starts: Sequence[int]) -> None:
        if not parts or len(parts) != len(starts):
            raise DataError(
                "stages need a start for each of at least one part; got "
                f"{amount(len(parts), 'part')} and {amount(len(starts), 'start')}"
            )
        if starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
            raise DataError(f"stages start at step 0 and then ever later; got {list(starts)}")
        self._parts, self._starts = tuple(parts), tuple(starts)
        self._begun = 0
        self._released = 0  # so many stages, from the first on

    def __call__(self, step: int) -> Batch:
        """The batch of `step` (0, 1, ...)."""
        if step < 0:
            raise DataError(f"steps are numbered from 0; got {step}")
        self._begin_soon(step)
        stage = bisect_right(self._starts, step) - 1
        for past in self._parts[self._released : stage]:
            past.release()
        self._released = max(self._released, stage)
        return self._parts[stage](step - self._starts[stage])

    def _begin_soon(self, step: int) -> None:
        """Begin the first plan of a stage that is near, once."""
        following = bisect_right(self._starts, step)
        if self._begun < following < len(self._parts):
            if self._starts[following] - step > BEGUN_BEFORE:
                return
            self._begun = following
            self._parts[following].begin(0)


def stage_seed(seed: int, stage: int) -> int:
    """The seed of a stage's pairs, order and masks, below 2^32; of stage 0 it is `seed` itself.

    A later stage goes through the same documents again from epoch 0: of the same seed it would draw
    what the first one did.
    """
    return stream_key(seed, Stream.STAGE, stage) >> 32 if stage else seed
