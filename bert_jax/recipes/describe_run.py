"""What a start of a run says that it is about to do."""

from collections.abc import Iterator

from bert_jax.config import BertConfig
from bert_jax.formatting import format_amount
from bert_jax.parameters import count_parameters
from bert_jax.recipes.experiment import Experiment
from bert_jax.recipes.length_schedule import describe_stages
from bert_jax.recipes.staged_data import StagedData


def describe_start(
    model: BertConfig, experiment: Experiment, data: StagedData, start: int | None
) -> Iterator[str]:
    """The model and the work, and which later lengths the run ends before.

    Args:
      model: with the vocabulary of the data.
      experiment: of the run.
      data: of the stages that it reaches.
      start: updates done before; None where there is no checkpoint.
    """
    shape = (
        f"BERT, {format_amount(model.num_hidden_layers, 'layer')}, {model.hidden_size} wide, "
        f"vocabulary {model.vocab_size:,}: {count_parameters(model):,} parameters"
    )
    work = describe_stages(data.stages, data.described_epochs())
    if start is None:
        yield f"{shape}; starting, {work}"
    elif start < experiment.train.num_steps:
        yield f"{shape}; going on from step {start:,}, {work}"
    else:
        yield f"{shape}; finished before, {work}; a larger --steps trains on"
    missed = experiment.stages[len(data.stages) :]
    if missed:
        shapes = ", ".join(f"{stage.shape} after step {stage.start:,}" for stage in missed)
        yield f"the run ends before a part of its schedule: {shapes}; a larger --steps reaches it"
