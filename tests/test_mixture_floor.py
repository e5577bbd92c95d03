"""Baselines of several stores, together and each."""

import numpy as np
import pytest
from small_runs import make_two_stores

from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.held_out import baselines, characters_per_token
from bert_jax.recipes.mixture_floor import floor_of_stores
from bert_jax.recipes.stores import Stores
from data_pipeline.baselines import unigram_entropy, wilson_interval
from data_pipeline.evaluation import evaluation_batches
from data_pipeline.mixture_evaluation import MixtureEvaluation
from data_pipeline.objective import PretrainingObjective
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.special_ids import SpecialIds

OBJECTIVE = PretrainingObjective(max_length=32, max_predictions=4)
NSP = PAIR_TASKS["next_sentence"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return [TokenStore.open(path) for path in make_two_stores(tmp_path_factory.mktemp("two"))]


def held_out(stores):
    ids = SpecialIds.of(stores.first.tokenizer())
    return {
        name: evaluation_batches(store.eval, ids, OBJECTIVE, batch_size=8, max_examples=9)
        for name, store in zip(stores.names, stores.all, strict=True)
    }


def test_each_store_has_the_baselines_that_it_has_alone_and_its_share(two):
    stores = Stores.of(two, [3, 1])
    parts, tokenizer = held_out(stores), two[0].tokenizer()
    found = floor_of_stores(MixtureEvaluation(parts, stores.shares), tokenizer, stores, NSP)
    for name, store, share in (("en", two[0], 0.75), ("sw", two[1], 0.25)):
        characters = characters_per_token(store.manifest)
        alone = baselines(parts[name], tokenizer, store.train, NSP, characters)
        assert found["stores"][name] == {"share": share, **alone}
        single = Stores.of([store])
        assert floor_of_stores(parts[name], tokenizer, single, NSP) == alone


def test_all_together_are_judged_by_all_masked_tokens_in_the_shares_of_training(two):
    stores = Stores.of(two, [3, 1])
    mixed = MixtureEvaluation(held_out(stores), stores.shares)
    found = floor_of_stores(mixed, two[0].tokenizer(), stores, NSP)
    # Each store has nine rows: one of the first counts for three of the second.
    ids = [b["masked_lm_ids"][b["masked_lm_weights"] > 0] for b in mixed]
    ids = np.concatenate([*ids, *2 * ids[: len(mixed.stores["en"])]])
    of_stores = [one["mlm"] for one in found["stores"].values()]
    assert found["mlm"]["unigram_entropy"] == pytest.approx(unigram_entropy(ids))
    assert found["mlm"]["predictions"] == sum(one["predictions"] for one in of_stores)
    assert found["nsp"]["examples"] == 18
    assert found["mlm"]["unigram_loss"] > found["mlm"]["unigram_entropy"]
    counts = [3 * of_stores[0]["predictions"], of_stores[1]["predictions"]]
    characters = [one["characters_per_token"] for one in of_stores]
    assert found["mlm"]["characters_per_token"] == pytest.approx(
        np.average(characters, weights=counts)
    )
    # The interval is that of 14 pairs that count alike: (3 + 1)^2 / (3^2 + 1^2) of 9.
    share = found["nsp"]["majority_share"]
    assert found["nsp"]["interval"] == list(wilson_interval(round(share * 14), 14))


def test_without_pairs_or_counts_of_characters_there_is_nothing_of_them(two):
    manifest = {**two[1].manifest, "splits": {"eval": {"tokens": 3}}}
    older = TokenStore(two[1].path, manifest, {"train": two[1].train, "eval": two[1].eval})
    stores = Stores.of([two[0], older], [1, 1])
    mixed = MixtureEvaluation(held_out(stores), stores.shares)
    found = floor_of_stores(mixed, two[0].tokenizer(), stores, None)
    assert found.keys() == {"mlm", "stores"}
    assert "characters_per_token" not in found["mlm"]
    assert "characters_per_token" in found["stores"]["en"]["mlm"]
