"""From an experiment's data to batches: the one place where the store meets the trainer."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.formatting import format_alike, format_amount
from bert_jax.recipes.stores import Stores
from bert_jax.recipes.training_batches import TrainingBatches, make_training, plan_folder
from data_pipeline.evaluation import EvaluationBatches, evaluation_batches
from data_pipeline.mixture_evaluation import MixtureEvaluation, examples_of_stores
from data_pipeline.objective import PretrainingObjective
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import TokenStore
from data_pipeline.store.unchanged import check_unchanged
from data_pipeline.tokenization.special_ids import SpecialIds
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# Stores of a mixture that are named one by one in a sentence.
MOST_NAMED = 6


class PretrainingData(NamedTuple):
    """What a run reads.

    Attributes:
      stores: the token store, or several.
      tokenizer: the stores'.
      training: step -> this process's rows.
      held_out: fixed examples of documents that are not trained on.
    """

    stores: Stores
    tokenizer: TextTokenizer
    training: TrainingBatches
    held_out: EvaluationBatches | MixtureEvaluation


def open_data(
    stores: Stores, objective: PretrainingObjective, train: TrainConfig, fallback_cache: Path
) -> PretrainingData:
    """Batches of the stores for this process.

    Plans are cached in each store, where every run over it finds them; where that cannot be
    written, in `fallback_cache`.

    Raises:
      UserError: too little text is held out.
      DataError: too little is left to train on, or the sizes do not fit.
    """
    for store in stores.all:
        _check_documents(store, objective, stores.is_mixture)
    tokenizer = stores.first.tokenizer()
    ids = SpecialIds.of(tokenizer)
    caches = _caches(stores, fallback_cache)
    processes = {"process_index": jax.process_index(), "process_count": jax.process_count()}
    examples = [train.eval_examples]
    if stores.is_mixture:
        examples = examples_of_stores(stores.shares, train.eval_examples)
    held_out = {
        name: evaluation_batches(
            store.eval,
            ids,
            objective,
            batch_size=train.batch_size,
            max_examples=count,
            cache_dir=cache,
            **processes,
        )
        for name, store, count, cache in zip(
            stores.names, stores.all, examples, caches, strict=True
        )
    }
    training = make_training(stores, objective, train, caches, **processes)
    if stores.is_mixture:
        mixed = MixtureEvaluation(held_out, stores.shares)
        return PretrainingData(stores, tokenizer, training, mixed)
    return PretrainingData(stores, tokenizer, training, *held_out.values())


def check_files(stores: Stores, fallback_cache: Path, progress: Progress = silent) -> None:
    """Raise where a file of a store is not what was written (`check_unchanged`).

    What was compared is kept where the plans are.

    Raises:
      DataError: as above.
    """
    for store, cache in zip(stores.all, _caches(stores, fallback_cache), strict=True):
        check_unchanged(store, cache, progress)


def _caches(stores: Stores, fallback_cache: Path) -> list[Path]:
    return [
        plan_folder(store) or (fallback_cache / name if stores.is_mixture else fallback_cache)
        for name, store in zip(stores.names, stores.all, strict=True)
    ]


def describe_epochs(stores: Stores, epochs: Sequence[float]) -> str:
    """`1.5 epochs`; of a mixture `en 0.4 epochs, sw 12.1 epochs`, of many the fewest and most."""
    if not stores.is_mixture:
        return f"{format_alike(epochs)[0]} epochs"
    if len(epochs) > MOST_NAMED:
        fewest, most = format_alike([min(epochs), max(epochs)])
        return f"{fewest} to {most} epochs of a store"
    named = zip(stores.names, format_alike(epochs), strict=True)
    return ", ".join(f"{name} {count} epochs" for name, count in named)


def _check_documents(store: TokenStore, objective: PretrainingObjective, is_mixed: bool) -> None:
    needed, there = 2 if objective.pairs == "next_sentence" else 1, store.eval.num_documents
    why = ", as a random next sentence comes from another document" if needed > 1 else ""
    if there < needed:
        raise UserError(
            f"{store.path} holds out {format_amount(there, 'document')} for evaluation, and at "
            f"least {needed} must be held out{why}; prepare it with a larger --eval_share"
        )
    # Of one store it is known which one has too little.
    if is_mixed and store.train.num_documents < needed:
        raise UserError(
            f"{store.path} has {format_amount(store.train.num_documents, 'document')} to train on, "
            f"and needs {needed}{why}; prepare it from more text, or leave it out"
        )
