"""What a start of a run says that it is about to do."""

from collections.abc import Iterator, Sequence

import jax.numpy as jnp
import numpy as np

from bert_jax.config import BertConfig
from bert_jax.formatting import format_amount
from bert_jax.loss_bands import shipped_bands
from bert_jax.loss_curve import lr_sums
from bert_jax.loss_sentences import about_plan
from bert_jax.optimizer import make_schedule
from bert_jax.parameters import count_parameters
from bert_jax.recipes.data import MOST_NAMED
from bert_jax.recipes.experiment import Experiment
from bert_jax.recipes.length_schedule import Stage, describe_stages
from bert_jax.recipes.staged_data import StagedData
from bert_jax.recipes.stores import Stores


def describe_start(
    model: BertConfig,
    experiment: Experiment,
    data: StagedData,
    start: int | None,
    *,
    pretrained: bool = False,
) -> Iterator[str]:
    """The model and the work, which stores and lengths it has little or none of, and low rates.

    Args:
      model: with the vocabulary of the data.
      experiment: of the run.
      data: of the stages that it reaches.
      start: updates done before; None where there is no checkpoint.
      pretrained: whether its first weights are those of another run.
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
    stores = data.parts[0].stores
    if stores.is_mixture:
        yield from _about_few_rows(stores, data.stages)
    missed = experiment.stages[len(data.stages) :]
    if missed:
        shapes = ", ".join(f"{stage.shape} after step {stage.start:,}" for stage in missed)
        yield f"the run ends before a part of its schedule: {shapes}; a larger --steps reaches it"
    if start is None and not pretrained and experiment.optimizer.rates_are_steps:
        tokens = data.tokens(experiment.train.num_steps)
        if too_low := about_plan(tokens, planned_lr_sum(experiment), shipped_bands()):
            yield f"warning: {too_low}"


def planned_lr_sum(experiment: Experiment) -> float:
    """The sum of the learning rates of all steps, from a thousand of them or all."""
    train = experiment.train
    schedule = make_schedule(
        experiment.optimizer, train.learning_rate, train.warmup_steps, train.num_steps
    )
    ends = np.unique(np.linspace(0, train.num_steps, 1001).round().astype(np.int32))[1:]
    return float(
        lr_sums(ends.astype(np.float64), np.asarray(schedule(jnp.asarray(ends)), np.float64))[-1]
    )


def _about_few_rows(stores: Stores, stages: Sequence[Stage]) -> Iterator[str]:
    """A mixture's stores whose rows in the whole run would not fill one batch."""
    rows = sum((stage.end - stage.start) * stage.train.batch_size for stage in stages)
    few = {
        name: round(share * rows)
        for name, share in zip(stores.names, stores.shares.facts(), strict=True)
        if share * rows < stages[0].train.batch_size
    }
    if few:
        named = [f"{name} {count:,}" for name, count in list(few.items())[:MOST_NAMED]]
        left = len(few) - MOST_NAMED
        more = f" and {format_amount(left, 'store')} more" if left > 0 else ""
        yield (
            f"warning: less than one batch of the {rows:,} rows of the whole run comes from "
            f"{', '.join(named)}{more}; a larger weight or a smaller DataConfig.smoothing gives "
            "more"
        )
