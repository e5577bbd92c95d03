"""What a run reads, stage by stage: training batches as one function of the step."""

from collections.abc import Callable, Sequence

from jax.sharding import Mesh

from bert_jax.config import TrainConfig
from bert_jax.program import check_batch
from bert_jax.recipes.data import PretrainingData, describe_epochs
from bert_jax.recipes.length_schedule import Stage, stage_of
from data_pipeline.objective import PretrainingObjective
from data_pipeline.stages import StagedBatches

OpenData = Callable[[PretrainingObjective, TrainConfig], PretrainingData]


class StagedData:
    """The data of all stages that a run reaches.

    Args:
      stages: of `LengthSchedule.stages`.
      open_data: (objective, train) of a stage -> its data.

    Attributes:
      stages: those that the run reaches, and `parts`, their data.
      training: step (0, 1, ...) -> this process's rows.
    """

    def __init__(self, stages: Sequence[Stage], open_data: OpenData) -> None:
        self.stages = tuple(stage for stage in stages if stage.start < stage.end)
        self.parts = tuple(open_data(stage.objective, stage.train) for stage in self.stages)
        self.training = StagedBatches(
            [part.training for part in self.parts], [stage.start for stage in self.stages]
        )

    def number(self, step: int) -> int:
        """Which stage update `step` (1, 2, ...) belongs to: 0, 1, ..."""
        return self.stages.index(stage_of(self.stages, step))

    def stage(self, step: int) -> Stage:
        """The stage of update `step` (1, 2, ...)."""
        return self.stages[self.number(step)]

    def part(self, step: int) -> PretrainingData:
        """The data of the stage of update `step` (1, 2, ...)."""
        return self.parts[self.number(step)]

    @property
    def borders(self) -> tuple[int, ...]:
        """Updates done before each later stage."""
        return tuple(stage.start for stage in self.stages[1:])

    def tokens(self, step: int) -> int:
        """Tokens seen after `step` updates, padding counted."""
        return sum(
            max(0, min(step, stage.end) - stage.start) * stage.tokens for stage in self.stages
        )

    def epochs(self, step: int) -> list[float]:
        """How often each store has been gone through after `step` updates, in all stages."""
        of_stages = [
            part.training.epochs(max(0, min(step, stage.end) - stage.start))
            for stage, part in zip(self.stages, self.parts, strict=True)
        ]
        return [sum(of_store) for of_store in zip(*of_stages, strict=True)]

    def described_epochs(self) -> list[str]:
        """How often each stage goes through the text, in words."""
        return [
            describe_epochs(part.stores, part.training.epochs(stage.end - stage.start))
            for stage, part in zip(self.stages, self.parts, strict=True)
        ]


def check_stages(stages: Sequence[Stage], mesh: Mesh) -> None:
    """Raise where a mesh cannot divide the batch of a stage evenly.

    Raises:
      UserError: as above; the message names the binding.
    """
    for stage in stages:
        named = "TrainConfig.batch_size is"
        if stage.start:
            named = f"LengthSchedule.batch_size, after step {stage.start:,}, is"
        check_batch(named, stage.train.batch_size, stage.train.micro_batches, mesh)
