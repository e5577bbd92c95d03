"""Held-out batches of several stores: each store's own examples, one store after the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data_pipeline.evaluation import BatchSequence, EvaluationBatches
from data_pipeline.features import Batch
from data_pipeline.mixture_shares import Shares

# As many examples of each store as tell its loss from another's, where there is room for them.
FEWEST_EXAMPLES = 100


def examples_of_stores(shares: Shares, max_examples: int) -> list[int]:
    """How many held-out examples each store may give, `max_examples` in all or a few less.

    The stores' shares, but at least `FEWEST_EXAMPLES` of each (or, if less, half of an equal part),
    which the others give up in proportion to what they have above that. One of each store at least.
    """
    stores = len(shares.rows)
    fewest = min(FEWEST_EXAMPLES, max_examples // (2 * stores))
    above = np.maximum(np.array(shares.facts()) * max_examples - fewest, 0)
    above *= (max_examples - stores * fewest) / max(above.sum(), 1e-9)
    return [max(1, fewest + int(more)) for more in above]


class MixtureEvaluation(BatchSequence):
    """The batches of all stores, in their order; a batch holds rows of one store.

    Args:
        stores: name -> that store's batches.
        shares: of the stores in training.

    Attributes:
        stores: as above.
        weights: name -> what a row of that store counts for in the loss of the mixture: its share
            of the rows that are trained on over its share of these. All are 1 where no store gives
            more examples than its share.
        num_examples: of all stores.
        num_rows: that hold them.
    """

    def __init__(self, stores: Mapping[str, EvaluationBatches], shares: Shares) -> None:
        self.stores = dict(stores)
        self.num_examples = sum(part.num_examples for part in self.stores.values())
        self.num_rows = sum(part.num_rows for part in self.stores.values())
        self.weights = {
            name: share * self.num_rows / part.num_rows
            for (name, part), share in zip(self.stores.items(), shares.facts(), strict=True)
        }

    def __len__(self) -> int:
        return sum(map(len, self.stores.values()))

    def _batch(self, number: int) -> Batch:
        for part in self.stores.values():
            if number < len(part):
                return part[number]
            number -= len(part)
        raise AssertionError
