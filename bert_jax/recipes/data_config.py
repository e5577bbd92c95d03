"""Which data an experiment trains on."""

import dataclasses
from pathlib import Path

from bert_jax.config import check_choice, check_range, check_types
from bert_jax.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The text: a token store, or a corpus that needs no download.

    `store` is a folder made by `bert-jax prepare`, `corpus` the name of an embedded corpus:
    `documentation`, the English documentation of installed Python packages, for which a vocabulary
    of `corpus_vocab_size` words is learned. At most one of the two is given; an experiment that
    gives neither is complete only with `--data STORE`.
    """

    store: str | None = None
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

    @property
    def is_given(self) -> bool:
        """Whether there is anything to train on."""
        return self.store is not None or self.corpus is not None

    def with_absolute_store(self) -> "DataConfig":
        """The same data, named so that it is found from any folder."""
        if self.store is None:
            return self
        return dataclasses.replace(self, store=str(Path(self.store).expanduser().absolute()))
