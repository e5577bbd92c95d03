"""Which data an experiment trains on."""

import dataclasses
import math
from pathlib import Path

from bert_jax.errors import UserError
from bert_jax.field_checks import check_choice, check_range, check_types
from bert_jax.formatting import format_amount


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The text: a token store, several of them, or a corpus that needs no download.

    `store` is a folder made by `bert-jax prepare`; `stores` are several of one tokeniser, whose
    rows are mixed; `corpus` is the name of an embedded corpus: `documentation`, the English
    documentation of installed Python packages, for which a vocabulary of `corpus_vocab_size` words
    is learned. At most one of the three is given; an experiment that gives none is complete only
    with `--data STORE`.

    Rows come from `stores` in proportion to `weights`, one for each, or to their training tokens
    raised to `smoothing`: 1 (where neither is given) is by size, 0 all alike, and 0.7 what
    multilingual BERT has (google-research/bert, `multilingual.md`).
    """

    store: str | None = None
    stores: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    smoothing: float | None = None
    corpus: str | None = None
    corpus_vocab_size: int = 8192

    def __post_init__(self) -> None:
        check_types(self)
        check_range(self, "corpus_vocab_size", at_least=256)
        if self.corpus is not None:
            check_choice(self, "corpus", ("documentation",))
        if self.store == "":
            raise UserError("DataConfig.store is '', it must be the path of a token store")
        if self.store is not None and self.corpus is not None:
            raise UserError(
                f"DataConfig has both store={self.store!r} and corpus={self.corpus!r}; give one "
                "and set the other to None"
            )
        if self.stores:
            self._check_stores()
        elif self.weights or self.smoothing is not None:
            name = "weights" if self.weights else "smoothing"
            raise UserError(
                f"DataConfig.{name} is {getattr(self, name)!r}, which mixes several stores, and "
                "DataConfig.stores names none; give several (--data once for each), or leave "
                f"{name} out"
            )

    def _check_stores(self) -> None:
        for name in ("store", "corpus"):
            if getattr(self, name) is not None:
                raise UserError(
                    f"DataConfig has both stores={self.stores!r} and "
                    f"{name}={getattr(self, name)!r}; set {name} to None, or stores to ()"
                )
        if len(self.stores) == 1:
            raise UserError(
                f"DataConfig.stores is {self.stores!r}, it must name at least two stores; one "
                "alone is DataConfig.store"
            )
        seen: dict[Path, str] = {}
        for store in self.stores:
            if store == "":
                raise UserError(
                    f"DataConfig.stores is {self.stores!r}, each must be the path of a token store"
                )
            folder = Path(store).expanduser().resolve()
            if folder in seen:
                also = "" if seen[folder] == store else f" (once as {seen[folder]!r})"
                raise UserError(
                    f"DataConfig.stores names {store!r} twice{also}; name it once, and say by "
                    "DataConfig.weights how often it is read"
                )
            seen[folder] = store
        if self.weights and self.smoothing is not None:
            raise UserError(
                f"DataConfig has both weights={self.weights!r} and smoothing={self.smoothing!r}; "
                "give one of them"
            )
        if self.weights and len(self.weights) != len(self.stores):
            raise UserError(
                f"DataConfig.weights has {format_amount(len(self.weights), 'number')}, and "
                f"DataConfig.stores names {len(self.stores)}; give one weight for each"
            )
        for weight, store in zip(self.weights, self.stores, strict=False):
            if not (math.isfinite(weight) and weight > 0):
                raise UserError(
                    f"DataConfig.weights is {self.weights!r}: the weight of {store!r} is "
                    f"{weight:g}, it must be above 0; leave out what is not to be read"
                )
        if self.smoothing is not None and not 0 <= self.smoothing <= 1:
            raise UserError(
                f"DataConfig.smoothing is {self.smoothing:g}, it must be from 0 (all stores alike) "
                "to 1 (by their size)"
            )

    @property
    def is_given(self) -> bool:
        """Whether there is anything to train on."""
        return self.store is not None or bool(self.stores) or self.corpus is not None

    @property
    def paths(self) -> tuple[str, ...]:
        """The store, or the stores, that are named."""
        return self.stores if self.store is None else (self.store,)

    def with_absolute_store(self) -> "DataConfig":
        """The same data, named so that they are found from any folder."""
        return dataclasses.replace(
            self,
            store=None if self.store is None else _absolute(self.store),
            stores=tuple(map(_absolute, self.stores)),
        )


def _absolute(store: str) -> str:
    return str(Path(store).expanduser().absolute())
