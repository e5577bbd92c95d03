"""How alike two vectors are: the measures that a model of sentence vectors may ask for."""

from collections.abc import Callable

import numpy as np


def cosine(firsts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """[N] the cosine of each vector of [N, E] with its other; 0 where one has no length."""
    products = dot(firsts, seconds)
    lengths = np.linalg.norm(firsts, axis=1) * np.linalg.norm(seconds, axis=1)
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)


def dot(firsts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """[N] the product of each vector of [N, E] with its other."""
    return np.einsum("ne,ne->n", firsts, seconds)


def euclidean(firsts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """[N] the distance of each vector of [N, E] from its other, negative: more is more alike."""
    return -np.linalg.norm(firsts - seconds, axis=1)


def manhattan(firsts: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """[N] the same with the sum of the distances number by number."""
    return -np.abs(firsts - seconds).sum(axis=1)


# By the names of `bert_jax.sentence_config.SIMILARITIES`.
MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cosine": cosine,
    "dot": dot,
    "euclidean": euclidean,
    "manhattan": manhattan,
}
