"""The levels that tell what a pretraining loss means: where it starts, and where it gets stuck.

All losses are in nats. The total loss is the masked LM's plus that of the label, where rows hold
pairs (arXiv 1810.04805, A.2).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError


def start_loss(vocab_size: int, has_pairs: bool) -> float:
    """The total loss of a model that holds every token, and either label, equally likely.

    `ln vocab_size`, plus `ln 2` with pairs. A new model starts a little above it, because its
    scores are not quite all alike: with weights drawn at 0.02 by about `hidden_size * 0.0002`. A
    first loss far above means weights that are too large, far below means a label that leaks.
    """
    if vocab_size < 1:
        raise DataError(f"a vocabulary has at least one token; got {vocab_size}")
    return math.log(vocab_size) + (math.log(2) if has_pairs else 0.0)


def stuck_level(unigram_entropy: float, label_entropy: float = 0.0) -> float:
    """The total loss of a model that has learned how common each token is, and nothing else.

    A loss that stays here has learned frequencies: its context does not reach the masked places.

    Args:
        unigram_entropy: of the text's tokens.
        label_entropy: of the pairs' labels (`binary_entropy` of their share); 0 without pairs.
    """
    return unigram_entropy + label_entropy


def entropy(token_shares: npt.NDArray[np.float64]) -> float:
    """Entropy in nats of a distribution over tokens: the loss of knowing it, and nothing else.

    Args:
        token_shares: `[vocab_size]`, how common each token is; they sum to 1.
    """
    return float(-_plogp(token_shares).sum())


def no_context_loss(
    token_shares: npt.NDArray[np.float64], mask_share: float = 0.8, random_share: float = 0.1
) -> float:
    """The masked LM's loss of the best model that reads no position but the one it is asked about.

    Below the unigram entropy, because a predicted token is not always hidden: some are kept, and
    one that is shown is likelier kept than drawn at random. A small model finds that out early, so
    that its loss waits here, and not at the unigram entropy, until its attention has found
    something. For 80/10/10 about 0.9 times the entropy plus 0.14 nat.

    Args:
        token_shares: `[vocab_size]`, how common each token is; they sum to 1.
        mask_share: how many of the predicted tokens become `[MASK]`.
        random_share: how many become a token drawn uniformly; the rest is kept.
    """
    share = token_shares
    kept = max(0.0, 1.0 - mask_share - random_share)
    drawn = random_share / len(share)
    # H(label, shown) - H(shown) over what is not [MASK]. The joint probability off the diagonal is
    # `drawn` times the label's share whatever is shown, so the sum over pairs is one over tokens.
    same, other, shown = share * (kept + drawn), share * drawn, share * kept + drawn
    pairs = _plogp(same).sum() + (len(share) - 1) * _plogp(other).sum()
    return float(_plogp(shown).sum() - pairs - mask_share * _plogp(share).sum())


def _plogp(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return p * np.log(p, out=np.zeros_like(p), where=p > 0)


def binary_entropy(share: float) -> float:
    """Entropy of a label that is one of two in this share of cases: the loss of knowing that."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
