"""Two levels that tell what a pretraining loss means: where it starts, and where it gets stuck.

All losses are in nats. The total loss is the masked LM's plus that of the label, where rows hold
pairs (arXiv 1810.04805, A.2).
"""

from __future__ import annotations

import math

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


def binary_entropy(share: float) -> float:
    """Entropy of a label that is one of two in this share of cases: the loss of knowing that."""
    return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
