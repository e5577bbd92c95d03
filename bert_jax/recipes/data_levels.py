"""Where the loss of a run starts and where it gets stuck: the data's levels for the core."""

from collections.abc import Mapping, Sequence
from typing import Any

from bert_jax.loss_curve import Levels
from bert_jax.pair_tasks import pair_task_of
from data_pipeline.baselines import Integers, token_shares
from data_pipeline.loss_levels import binary_entropy, entropy, no_context_loss, start_loss
from data_pipeline.objective import PretrainingObjective


def data_levels(
    texts: Sequence[Integers],
    weights: Sequence[float],
    vocab_size: int,
    objective: PretrainingObjective,
    baselines: Mapping[str, Any],
) -> Levels:
    """The levels of the training text (`data_pipeline.loss_levels`).

    Args:
      texts: what is trained on, each `[tokens]`.
      weights: how much of each is read; only their ratios matter.
      vocab_size: how many tokens there are.
      objective: of the masks.
      baselines: of `held_out.baselines`, for the share of the commoner label of pairs.
    """
    shares = token_shares(texts, weights, vocab_size)
    task = pair_task_of(baselines)
    return Levels(
        start=start_loss(vocab_size, has_pairs=False),
        unigram=entropy(shares),
        no_context=no_context_loss(shares, objective.mask_share, objective.random_share),
        pairs=None if task is None else binary_entropy(baselines[task.key]["majority_share"]),
    )
