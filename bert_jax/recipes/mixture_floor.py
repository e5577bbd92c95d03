"""What guessing without reading would score on the held-out examples of several stores."""

from typing import Any

import numpy as np

from bert_jax.pair_tasks import PairTask
from bert_jax.recipes.held_out import (
    Asked,
    baselines,
    characters_per_token,
    floor_of,
    what_is_asked,
)
from bert_jax.recipes.stores import Stores
from bert_jax.store_results import STORES
from data_pipeline.baselines import mixture_unigram_loss, unigram_loss
from data_pipeline.evaluation import EvaluationBatches
from data_pipeline.mixture_evaluation import MixtureEvaluation
from data_pipeline.tokenization.text_tokenizer import TextTokenizer


def floor_of_stores(
    batches: EvaluationBatches | MixtureEvaluation,
    tokenizer: TextTokenizer,
    stores: Stores,
    pair_task: PairTask | None,
) -> dict[str, Any]:
    """`held_out.baselines` of one store, or of a mixture and, as `stores`, of each of its stores.

    All of a mixture's examples together are guessed by what training shows: the frequencies of the
    stores' training texts in their shares, and count by the stores' shares, as in
    `held_out.evaluate`. They have as many characters a token as their masked tokens have on
    average, each taken for one of its own store. Each store is compared with its own
    text alone.
    """
    if not isinstance(batches, MixtureEvaluation):
        store = stores.first
        return baselines(
            batches, tokenizer, store.train, pair_task, characters_per_token(store.manifest)
        )
    size = tokenizer.vocab_size
    asked = [what_is_asked(part, pair_task) for part in batches.stores.values()]
    characters = [characters_per_token(store.manifest) for store in stores.all]
    of_stores: dict[str, Any] = {}
    for name, store, share, its, count in zip(
        stores.names, stores.all, stores.shares.facts(), asked, characters, strict=True
    ):
        guessed = unigram_loss(its.token_ids, store.train.tokens, size)
        of_stores[name] = {"share": share, **floor_of(its, guessed, tokenizer, pair_task, count)}
    weights = list(batches.weights.values())
    joint = _joined(asked, weights)
    texts = [store.train.tokens for store in stores.all]
    guessed = mixture_unigram_loss(
        joint.token_ids, texts, stores.shares.facts(), size, joint.token_weights
    )
    known = [count for count in characters if count is not None]
    mean = None
    if len(known) == len(characters):
        counts = [w * len(its.token_ids) for w, its in zip(weights, asked, strict=True)]
        mean = float(np.average(known, weights=counts))
    return {**floor_of(joint, guessed, tokenizer, pair_task, mean), STORES: of_stores}


def _joined(asked: list[Asked], weights: list[float]) -> Asked:
    """All together, those of a store with its weight."""
    ids = [its.token_ids for its in asked]
    labels = [its.labels for its in asked if its.labels is not None]
    return Asked(
        np.concatenate(ids),
        np.concatenate(labels) if labels else None,
        np.repeat(weights, [len(of_store) for of_store in ids]),
        np.repeat(weights, [len(of_store) for of_store in labels]) if labels else None,
    )
