"""Rows of other lengths later in a run: which steps have batches of which shape."""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.field_checks import check_types
from data_pipeline.errors import DataError
from data_pipeline.objective import PretrainingObjective
from data_pipeline.stages import stage_seed
from data_pipeline.wording import amount


class Stage(NamedTuple):
    """A stretch of a run whose batches have one shape.

    Attributes:
      start: updates done before its first.
      end: updates done after its last; not above `start` where the run ends before.
      objective: with the stage's `max_length` and `max_predictions`.
      train: with the stage's `batch_size`, and the seed of its data.
    """

    start: int
    end: int
    objective: PretrainingObjective
    train: TrainConfig

    @property
    def shape(self) -> str:
        """Rows x tokens of a batch: `256 x 128`."""
        return f"{self.train.batch_size} x {self.objective.max_length}"

    @property
    def tokens(self) -> int:
        """Places of a batch, padding counted."""
        return self.train.batch_size * self.objective.max_length


@dataclasses.dataclass(frozen=True, kw_only=True)
class LengthSchedule:
    """Lengths and batches that take the place of the first ones later in a run.

    The fields are parallel. A run begins with `PretrainingObjective.max_length`, its
    `max_predictions` and `TrainConfig.batch_size`; after `after_step[i]` updates those of `i` hold.
    Nothing else changes: weights, the optimiser's moments and the learning rate go on. Empty: one
    length for the whole run. (arXiv:1810.04805, A.2: 90 % of the steps at 128, the rest at 512.)
    """

    after_step: tuple[int, ...] = ()
    max_length: tuple[int, ...] = ()
    max_predictions: tuple[int, ...] = ()
    batch_size: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_types(self)
        sizes = {field.name: len(getattr(self, field.name)) for field in dataclasses.fields(self)}
        if len(set(sizes.values())) > 1:
            found = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            raise UserError(
                f"every field of LengthSchedule must have a value for each later length: {found}"
            )
        if any(step < 1 for step in self.after_step) or any(
            a >= b for a, b in pairwise(self.after_step)
        ):
            raise UserError(
                f"LengthSchedule.after_step is {self.after_step}, steps must be above 0 and rise"
            )
        if any(size < 1 for size in self.batch_size):
            raise UserError(
                f"LengthSchedule.batch_size is {self.batch_size}, its sizes must be at least 1"
            )

    def until(self, step: int) -> tuple[tuple[int, ...], ...]:
        """What the first `step` updates have seen of the schedule: (step, length, ...) of each."""
        rows = zip(
            self.after_step, self.max_length, self.max_predictions, self.batch_size, strict=True
        )
        return tuple(row for row in rows if row[0] < step)

    def stages(self, objective: PretrainingObjective, train: TrainConfig) -> tuple[Stage, ...]:
        """The stages of a run, those included that it ends before.

        Args:
          objective: of the first stage.
          train: of the first stage.

        Raises:
          UserError: a later stage cannot be; the message names its binding.
        """
        ends = (*self.after_step, train.num_steps)
        stages = [Stage(0, min(ends[0], train.num_steps), objective, train)]
        for number, start in enumerate(self.after_step):
            length, predictions = self.max_length[number], self.max_predictions[number]
            size = self.batch_size[number]
            if size % train.micro_batches:
                raise UserError(
                    f"LengthSchedule.batch_size is {size} after step {start:,}, it must be a "
                    f"multiple of TrainConfig.micro_batches ({train.micro_batches})"
                )
            try:
                later = dataclasses.replace(
                    objective, max_length=length, max_predictions=predictions
                )
            except DataError as error:
                raise UserError(f"LengthSchedule, after step {start:,}: {error}") from error
            seed = stage_seed(train.seed, number + 1)
            end = min(ends[number + 1], train.num_steps)
            its_train = dataclasses.replace(train, batch_size=size, seed=seed)
            stages.append(Stage(start, end, later, its_train))
        return tuple(stages)


def stage_of(stages: Sequence[Stage], step: int) -> Stage:
    """The stage that update `step` (1, 2, ... as in `metrics.jsonl`) belongs to."""
    return [stage for stage in stages if stage.start < max(step, 1)][-1]


def describe_stages(stages: Sequence[Stage], epochs: Sequence[str] | None = None) -> str:
    """`60 steps of 16 x 32`, or `60 steps: 30 of 16 x 32, then 30 of 8 x 64`.

    Args:
      stages: of `LengthSchedule.stages`; those that the run ends before are left out.
      epochs: of each of those that it reaches, in words; None leaves them out.
    """
    reached = [stage for stage in stages if stage.start < stage.end]
    shapes = [stage.shape for stage in reached]
    if epochs is not None:
        shapes = [f"{shape} ({count})" for shape, count in zip(shapes, epochs, strict=True)]
    steps = amount(reached[-1].end, "step")
    if len(reached) == 1:
        return f"{steps} of {shapes[0]}"
    parts = (
        f"{stage.end - stage.start:,} of {shape}"
        for stage, shape in zip(reached, shapes, strict=True)
    )
    return f"{steps}: {', then '.join(parts)}"
