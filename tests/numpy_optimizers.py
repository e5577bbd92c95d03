"""The three optimisers in plain numpy and float64, one weight of one layer at a time.

Written from the formulas alone, without optax and with no layers stacked. Every part of an update
can be given another way, so that a test can plant an error and see that it is found.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
STACKED = "bert/encoder/layers/"


def unstacked(tree: Any, prefix: str = "") -> Arrays:
    """Name -> float64 array, where `layers/` has become `layer_0/`, `layer_1/` and so on."""
    if isinstance(tree, dict):
        return {
            name: array
            for key, below in tree.items()
            for name, array in unstacked(below, f"{prefix}{key}/").items()
        }
    array, name = np.asarray(tree, np.float64), prefix.rstrip("/")
    if not name.startswith(STACKED):
        return {name: array}
    parts = name.split("layers", 1)
    return {f"{parts[0]}layer_{layer}{parts[1]}": one for layer, one in enumerate(array)}


def is_kernel_or_table(name: str) -> bool:
    """What is decayed: neither a bias nor the scale of a LayerNorm."""
    return name.endswith(("kernel", "_embeddings"))


def paper_rate(peak: float, warmup: int, total: int, power: float = 1.0) -> Callable[[int], float]:
    """`peak * t / warmup`, then `peak * (1 - t / total) ** power`."""
    return lambda t: peak * t / warmup if t < warmup else peak * (1 - t / total) ** power


def linear_rate(peak: float, warmup: int, total: int) -> Callable[[int], float]:
    """`peak * t / warmup`, then `peak * (total - t) / (total - warmup)`."""
    return lambda t: peak * (t / warmup if t < warmup else (total - t) / (total - warmup))


@dataclasses.dataclass(frozen=True)
class Rule:
    """What an update is made of.

    Attributes:
      rate: of step t, counted from 0.
      corrected: whether Adam's moments are corrected for their bias.
      decayed: whether the weight of that name is decayed.
      ratio_of: name -> the group of weights that share a trust ratio; None: not scaled.
      ratio_of_decay: whether the update's norm is that of the update with its decay.
      clip: the norm of the gradient -> what the gradient is divided by.
      decay_rate: the rate of the step -> what the decay is multiplied by.
    """

    rate: Callable[[int], float]
    corrected: bool
    decayed: Callable[[str], bool] = is_kernel_or_table
    ratio_of: Callable[[str], str | None] = lambda name: None
    ratio_of_decay: bool = True
    clip: Callable[[float], float] = lambda norm: max(norm, 1.0)
    decay_rate: Callable[[float], float] = lambda rate: rate


def ratio_of_weight(name: str) -> str | None:
    """LAMB: each weight of each layer by itself, where it is decayed."""
    return name if is_kernel_or_table(name) else None


def ratio_of_stack(name: str) -> str | None:
    """The error of taking the layers of a stack for one weight."""
    return re.sub(r"layer_\d+", "layers", name) if is_kernel_or_table(name) else None


def trace(rule: Rule, params: Arrays, gradients: list[Arrays]) -> list[Arrays]:
    """The weights after each update."""
    b1, b2, eps, decay = 0.9, 0.999, 1e-6, 0.01
    m = {name: np.zeros_like(weight) for name, weight in params.items()}
    v = {name: np.zeros_like(weight) for name, weight in params.items()}
    found = []
    for t, gradient in enumerate(gradients):
        divisor = rule.clip(float(np.sqrt(sum((g**2).sum() for g in gradient.values()))))
        adam, groups = {}, {}
        for name, weight in params.items():
            g = gradient[name] / divisor
            m[name] = b1 * m[name] + (1 - b1) * g
            v[name] = b2 * v[name] + (1 - b2) * g**2
            m_scale, v_scale = (1 - b1 ** (t + 1), 1 - b2 ** (t + 1)) if rule.corrected else (1, 1)
            adam[name] = (m[name] / m_scale) / (np.sqrt(v[name] / v_scale) + eps)
            if (group := rule.ratio_of(name)) is not None:
                whole = adam[name] + decay * weight * (rule.ratio_of_decay and rule.decayed(name))
                sums = groups.setdefault(group, np.zeros(2))
                sums += (weight**2).sum(), (whole**2).sum()
        rate, after = rule.rate(t), {}
        for name, weight in params.items():
            of_weight, of_update = np.sqrt(groups.get(rule.ratio_of(name), (1.0, 1.0)))
            ratio = of_weight / of_update if of_weight and of_update else 1.0
            decayed = decay * weight if rule.decayed(name) else np.zeros(())
            step = rate * adam[name] + rule.decay_rate(rate) * decayed
            after[name] = weight - ratio * step
        params = after
        found.append(params)
    return found
