"""The training batches of one store or of several, as functions of the step; needs no JAX."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.recipes.stores import Stores
from data_pipeline.batches import PretrainingBatches
from data_pipeline.features import Batch
from data_pipeline.mixture import MixtureBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.special_ids import SpecialIds


class TrainingBatches(Protocol):
    """Step -> this process's rows, as `PretrainingBatches` and `MixtureBatches`.

    Attributes:
      rows_per_epoch: of all stores.
      examples_per_epoch: of all stores' plans.
    """

    rows_per_epoch: int
    examples_per_epoch: int

    def __call__(self, step: int) -> Batch:
        """The batch of a step (0, 1, ...)."""

    def begin(self, step: int) -> None:
        """Begin in a thread what the batch of a step will need; an error comes up later."""

    def release(self) -> None:
        """Let go of what is kept in memory; any batch can still be asked for."""

    def epochs(self, steps: int) -> list[float]:
        """How often each store has been gone through after so many steps."""


def make_training(
    stores: Stores,
    objective: PretrainingObjective,
    train: TrainConfig,
    caches: Sequence[Path | None],
    *,
    process_index: int = 0,
    process_count: int = 1,
) -> PretrainingBatches | MixtureBatches:
    """The batches of a run for one of its processes.

    Args:
      stores: one, or several that are mixed.
      objective: of the batches.
      train: its `seed` and `batch_size` (rows over all processes) are used.
      caches: where each store's plans are kept; None keeps them in memory.
      process_index: which part of each batch is made.
      process_count: of the run.

    Raises:
      DataError: too little is there to train on, or the sizes do not fit.
      UserError: the rows of an epoch do not fill one batch, which would hold copies.
    """
    ids = SpecialIds.of(stores.first.tokenizer())
    shared: dict[str, Any] = {
        "seed": train.seed,
        "batch_size": train.batch_size,
        "process_index": process_index,
        "process_count": process_count,
    }
    batches: PretrainingBatches | MixtureBatches
    if stores.is_mixture:
        splits = [store.train for store in stores.all]
        batches = MixtureBatches(splits, stores.shares, ids, objective, cache_dirs=caches, **shared)
    else:
        train_split = stores.first.train
        batches = PretrainingBatches(train_split, ids, objective, cache_dir=caches[0], **shared)
    if batches.rows_per_epoch < train.batch_size:
        raise UserError(
            f"{' and '.join(str(store.path) for store in stores.all)}: too little text for a "
            f"batch: an epoch has {format_amount(batches.rows_per_epoch, 'row')}, and a batch "
            f"{train.batch_size:,}; prepare more text, or give a smaller --batch_size "
            "(TrainConfig.batch_size)"
        )
    return batches


def plan_folder(store: TokenStore) -> Path | None:
    """Where the plans of a store are kept for all runs; None where it cannot be written."""
    return store.path / "plans" if os.access(store.path, os.W_OK) else None
