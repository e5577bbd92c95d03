"""From an experiment's data to batches: the one place where the store meets the trainer."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.formatting import format_amount
from bert_jax.recipes.data_config import DataConfig
from data_pipeline.batches import PretrainingBatches
from data_pipeline.evaluation import EvaluationBatches, evaluation_batches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.preparation.documentation import documentation_store
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.special_ids import SpecialIds
from data_pipeline.tokenization.text_tokenizer import TextTokenizer


class PretrainingData(NamedTuple):
    """What a run reads.

    Attributes:
      store: the token store.
      tokenizer: the store's.
      training: step -> this process's rows.
      held_out: fixed examples of documents that are not trained on.
    """

    store: TokenStore
    tokenizer: TextTokenizer
    training: PretrainingBatches
    held_out: EvaluationBatches


def open_store(config: DataConfig, beside: Path, progress: Progress = silent) -> TokenStore:
    """The token store of an experiment; the embedded corpus is prepared the first time.

    Args:
      config: names a store or an embedded corpus.
      beside: the folder under which an embedded corpus's store is kept, in `data/`.
      progress: shows the preparation.
    """
    if config.store is not None:
        return TokenStore.open(config.store)
    folder = beside / "data" / f"{config.corpus}_{config.corpus_vocab_size}"
    return documentation_store(folder, vocab_size=config.corpus_vocab_size, progress=progress)


def open_data(
    store: TokenStore, objective: PretrainingObjective, train: TrainConfig, fallback_cache: Path
) -> PretrainingData:
    """Batches of a store for this process.

    Plans are cached in the store, where every run over it finds them; where that cannot be written,
    in `fallback_cache`.

    Raises:
      UserError: too little text is held out.
      DataError: too little is left to train on, or the sizes do not fit.
    """
    needed, there = 2 if objective.pairs == "next_sentence" else 1, store.eval.num_documents
    if there < needed:
        why = ", as a random next sentence comes from another document" if needed > 1 else ""
        raise UserError(
            f"{store.path} holds out {format_amount(there, 'document')} for evaluation, and at "
            f"least {needed} must be held out{why}; prepare it with a larger --eval_share"
        )
    tokenizer = store.tokenizer()
    cache = store.path / "plans" if os.access(store.path, os.W_OK) else fallback_cache
    shared: dict[str, Any] = {
        "batch_size": train.batch_size,
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
        "cache_dir": cache,
    }
    ids = SpecialIds.of(tokenizer)
    training = PretrainingBatches(store.train, ids, objective, seed=train.seed, **shared)
    training.check_batch_fits()
    return PretrainingData(
        store,
        tokenizer,
        training,
        evaluation_batches(store.eval, ids, objective, max_examples=train.eval_examples, **shared),
    )


def data_facts(store: TokenStore) -> dict[str, Any]:
    """What `provenance.json` says of the data: the store's manifest, less its files' checksums."""
    manifest = {name: value for name, value in store.manifest.items() if name != "files"}
    return {"path": str(store.path), "fingerprint": store.fingerprint, **manifest}
