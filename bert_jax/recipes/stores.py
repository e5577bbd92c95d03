"""The token stores of a run: one, or several that are mixed."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bert_jax.errors import UserError
from bert_jax.formatting import format_alike
from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.data_config import DataConfig
from data_pipeline.mixture_shares import Shares, shares_of, smoothed_weights
from data_pipeline.preparation.documentation import documentation_store
from data_pipeline.progress import Progress, silent
from data_pipeline.store.known_ids import check_ids
from data_pipeline.store.token_store import TokenStore, read_manifest

LONGEST_NAME = 24
# What a store's name must not be, for the names of its metrics to say what they are.
_TAKEN = frozenset({"loss", "max", "mlm", *(task.key for task in PAIR_TASKS.values())})


@dataclass(frozen=True, eq=False)
class Stores:
    """The stores of a run, all made by one tokeniser.

    Attributes:
      all: in the order that they were given.
      names: of each, short and unlike (`short_names`).
      shares: of each, of the rows.
    """

    all: tuple[TokenStore, ...]
    names: tuple[str, ...]
    shares: Shares

    @classmethod
    def of(cls, stores: Sequence[TokenStore], weights: Sequence[float] = (1.0,)) -> Stores:
        """Stores with weights; one store by itself needs none.

        Raises:
          UserError: two stores are of two tokenisers, or hold the same text.
        """
        first, seen = stores[0], dict[str, TokenStore]()
        for store in stores:
            mine, its = (s.manifest["tokenizer"]["fingerprint"] for s in (first, store))
            if mine != its:
                raise UserError(
                    f"{first.path} and {store.path} were prepared with two tokenisers (their "
                    f"checksums are {mine[:12]} and {its[:12]}), so that a number stands for one "
                    "word here and another there; prepare both with one: `bert-jax prepare INPUT "
                    f"--tokenizer {first.path / 'tokenizer'} --output STORE`"
                )
            if store.fingerprint in seen:
                raise UserError(
                    f"{seen[store.fingerprint].path} and {store.path} hold the same text; name one "
                    "of them, and say by DataConfig.weights how often it is read"
                )
            seen[store.fingerprint] = store
        names = short_names([store.path for store in stores])
        return cls(tuple(stores), tuple(names), shares_of(weights))

    @property
    def is_mixture(self) -> bool:
        """Whether there are several."""
        return len(self.all) > 1

    @property
    def first(self) -> TokenStore:
        """The only store, or one of several."""
        return self.all[0]

    @property
    def fingerprint(self) -> str:
        """The store's own or, of several, of all with their shares, in their order."""
        if not self.is_mixture:
            return self.first.fingerprint
        parts = [
            [store.fingerprint, rows]
            for store, rows in zip(self.all, self.shares.rows, strict=True)
        ]
        return hashlib.sha256(json.dumps(["mixture", parts]).encode()).hexdigest()

    def facts(self) -> dict[str, Any]:
        """What `provenance.json` says of the data: the manifests, less their files' checksums.

        Of several stores `fingerprint`, and `stores` with the name and the share of each.
        """
        facts = [_facts(store) for store in self.all]
        if not self.is_mixture:
            return facts[0]
        named = zip(self.names, self.shares.facts(), facts, strict=True)
        return {
            "fingerprint": self.fingerprint,
            "stores": [{"name": name, "share": share, **of} for name, share, of in named],
        }

    def named_as_before(self, recorded: Mapping[str, Any]) -> Stores:
        """These stores under the names that they have in a run's `provenance.json`.

        A store may have moved since, and a metric keeps its name as long as the run lasts. Stores
        that are others, or in another order, keep the names that they have.

        Args:
          recorded: `facts` of the run's first start.
        """
        before = [(one["name"], one["fingerprint"]) for one in recorded.get("stores", [])]
        if [known for _, known in before] != [store.fingerprint for store in self.all]:
            return self
        return replace(self, names=tuple(name for name, _ in before))

    def lines(self) -> list[str]:
        """A mixture for a person: a line for each store. Nothing for one store."""
        if not self.is_mixture:
            return []
        width = max(map(len, self.names))
        tokens = [f"{store.train.num_tokens:,}" for store in self.all]
        shares = format_alike([100 * share for share in self.shares.facts()])
        widths = [max(map(len, column)) for column in (shares, tokens)]
        return [f"a mixture of {len(self.all)} stores, by their shares of the rows:"] + [
            f"  {name:{width}}  {share:>{widths[0]}} %  {count:>{widths[1]}} tokens  {store.path}"
            for name, share, count, store in zip(self.names, shares, tokens, self.all, strict=True)
        ]


def check_paths(config: DataConfig) -> None:
    """DataError where a store that is named is none. Cheap: reads the manifests alone."""
    for path in config.paths:
        read_manifest(Path(path).expanduser())


def open_stores(config: DataConfig, beside: Path, progress: Progress = silent) -> Stores:
    """The token stores of an experiment; the embedded corpus is prepared the first time.

    Args:
      config: names a store, several, or an embedded corpus.
      beside: the folder under which an embedded corpus's store is kept, in `data/`.
      progress: shows the preparation.

    Raises:
      DataError: a store cannot be opened, or holds ids beyond its vocabulary.
      UserError: several do not go together.
    """
    if not config.paths:
        folder = beside / "data" / f"{config.corpus}_{config.corpus_vocab_size}"
        size = config.corpus_vocab_size
        stores = [documentation_store(folder, vocab_size=size, progress=progress)]
    else:
        stores = [TokenStore.open(Path(path).expanduser()) for path in config.paths]
    for store in stores:
        check_ids(store)
    if len(stores) == 1:
        return Stores.of(stores)
    exponent = 1.0 if config.smoothing is None else config.smoothing
    # One without any text has a share, too: what is wrong with it is said where it is to be read.
    sizes = [max(1, store.train.num_tokens) for store in stores]
    by_size = smoothed_weights(sizes, exponent)
    return Stores.of(stores, config.weights or by_size)


def short_names(paths: Sequence[Path]) -> list[str]:
    """Names of stores for metrics and tables, by their folders: `en`, `wiki-2024`.

    Of letters, digits, `.` and `-` alone, so that `eval_NAME_mlm_loss` reads one way. Folders of
    the same name are told apart by those around them, and what is alike then by a number.
    """
    # The root has no name.
    parts = [[_plain(part) for part in reversed(path.absolute().parts[1:])] for path in paths]
    parts = [of or [_plain("")] for of in parts]
    names = [of[0] for of in parts]
    for alike in _groups(names):
        for depth in range(1, max(len(parts[i]) for i in alike)):
            around = [parts[i][min(depth, len(parts[i]) - 1)] for i in alike]
            if len(set(around)) == len(alike):
                for i, name in zip(alike, around, strict=True):
                    names[i] = name
                break
    taken = set(names)
    for alike in _groups(names):
        for i in alike:
            numbered = (f"{names[i]}-{n}" for n in itertools.count(1))
            names[i] = next(name for name in numbered if name not in taken)
            taken.add(names[i])
    return names


def _groups(names: Sequence[str]) -> list[list[int]]:
    """The numbers of those that have a name in common, group by group."""
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        groups.setdefault(name, []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def _plain(folder: str) -> str:
    name = re.sub(r"[^\w.]+|_+", "-", folder).strip("-.")[:LONGEST_NAME].strip("-.") or "store"
    return f"{name}-store" if name in _TAKEN else name


def _facts(store: TokenStore) -> dict[str, Any]:
    manifest = {name: value for name, value in store.manifest.items() if name != "files"}
    return {"path": str(store.path.absolute()), "fingerprint": store.fingerprint, **manifest}
