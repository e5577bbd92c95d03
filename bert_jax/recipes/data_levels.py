"""Where the loss of a run starts and where it gets stuck: the data's levels for the core."""

import numpy as np
import numpy.typing as npt

from bert_jax.loss_curve import Levels
from data_pipeline.loss_levels import (
    binary_entropy,
    entropy,
    no_context_loss,
    start_loss,
)
from data_pipeline.objective import PretrainingObjective


def pretraining_levels(
    token_shares: npt.NDArray[np.float64],
    objective: PretrainingObjective,
    majority_share: float | None,
) -> Levels:
    """The levels of the training text (`data_pipeline.loss_levels`).

    Args:
      token_shares: `[vocab_size]`, of the training text (`data_pipeline.baselines.token_shares`).
      objective: of the masks.
      majority_share: of the commoner label of pairs; None without pairs.
    """
    return Levels(
        start=start_loss(len(token_shares), has_pairs=False),
        unigram=entropy(token_shares),
        no_context=no_context_loss(token_shares, objective.mask_share, objective.random_share),
        pairs=None if majority_share is None else binary_entropy(majority_share),
    )
