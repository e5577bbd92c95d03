"""Where each of a model's weights is elsewhere: arrays of ours <-> arrays of theirs.

Ours: layers stacked, heads an axis of their own, matrices [inputs, outputs], the vocabulary padded.
Theirs: an array for each layer, heads side by side, the vocabulary as it is.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from bert_jax import models
from bert_jax.config import BertConfig
from bert_jax.convert.names import STACKED, Family
from bert_jax.encoder_weights import padded_vocab_size
from bert_jax.head_config import HeadConfig

Array = np.ndarray[Any, Any]

# Our weights with a row for each word.
BY_WORD = ("bert/embeddings/word_embeddings", "cls/predictions/bias")


class Place(NamedTuple):
    """Where one array of theirs belongs.

    Attributes:
      ours: path of the weight in our tree.
      layer: which of its layers; None of a weight that is not stacked.
      shape: of their array.
      our_shape: of ours, without the axis of layers.
      transposed: whether theirs is [outputs, inputs].
    """

    ours: str
    layer: int | None
    shape: tuple[int, ...]
    our_shape: tuple[int, ...]
    transposed: bool

    def to_ours(self, theirs: Array) -> Array:
        """Their array in our shape, float32; rows that pad the vocabulary are 0."""
        array = theirs.astype(np.float32)
        array = array.T if self.transposed else array
        if self.ours in BY_WORD:
            padding = self.our_shape[0] - array.shape[0]
            return np.pad(array, [(0, padding)] + [(0, 0)] * (array.ndim - 1))
        return array.reshape(self.our_shape)

    def to_theirs(self, ours: Array) -> Array:
        """The inverse of `to_ours`; `ours` is of one layer."""
        if self.ours in BY_WORD:
            return ours[: self.shape[0]]
        if not self.transposed:
            return ours.reshape(self.shape)
        return np.ascontiguousarray(ours.reshape(self.shape[::-1]).T)


def places(config: BertConfig, head: HeadConfig, family: Family) -> dict[str, Place]:
    """Their name of every array that makes up a model -> where it belongs.

    Raises:
      KeyError: the model has a weight that the family has no name for.
    """
    named = {name.ours: name for name in family.names}
    found: dict[str, Place] = {}
    for ours, shape in flat_shapes(config, head).items():
        name, stacked = named[ours], ours.startswith(STACKED)
        our_shape = shape[1:] if stacked else shape
        their_shape = _their_shape(name.ours, our_shape, config)
        if name.transposed:
            their_shape = their_shape[::-1]
        for layer in range(shape[0]) if stacked else (None,):
            place = Place(ours, layer, their_shape, our_shape, name.transposed)
            found[name.theirs if layer is None else name.theirs.format(layer)] = place
    return found


def flat_shapes(config: BertConfig, head: HeadConfig) -> dict[str, tuple[int, ...]]:
    """Path -> shape of every weight of a model."""
    return dict(_shapes(config, head))


# Of few models, but asked for several times, and each time it takes tenths of a second.
@functools.lru_cache(maxsize=32)
def _shapes(config: BertConfig, head: HeadConfig) -> tuple[tuple[str, tuple[int, ...]], ...]:
    leaves = flatten(models.abstract_params(config, head))
    return tuple((path, leaf.shape) for path, leaf in leaves.items())


def count_weights(config: BertConfig, head: HeadConfig) -> int:
    """How many numbers a model has, without the rows that pad its vocabulary."""
    return sum(math.prod(shape) for shape in meant_shapes(config, head).values())


def meant_shapes(config: BertConfig, head: HeadConfig) -> dict[str, tuple[int, ...]]:
    """`flat_shapes` without the rows that pad the vocabulary."""
    return {
        path: (config.vocab_size, *shape[1:]) if path in BY_WORD else shape
        for path, shape in flat_shapes(config, head).items()
    }


def flatten(params: Any) -> dict[str, Any]:
    """Path -> leaf of a tree of weights."""
    leaves = jax.tree_util.tree_flatten_with_path(params)[0]
    return {jax.tree_util.keystr(path, simple=True, separator="/"): x for path, x in leaves}


def unflatten(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, last = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = leaf
    return tree


def to_ours(
    placed: Mapping[str, Place], read: Callable[[str], Array], start: Any = None
) -> dict[str, Any]:
    """A tree of our weights, float32 in memory.

    Args:
      placed: of `places`: all, or with `start` some of them.
      read: their name -> their array, of the shape that its place has.
      start: a tree of weights for what is not placed; its arrays are written over.
    """
    leaves: dict[str, Array] = {} if start is None else flatten(start)
    stacks: dict[str, int] = {}
    for place in placed.values():
        if place.layer is not None:
            stacks[place.ours] = max(stacks.get(place.ours, 0), place.layer + 1)
    for name, place in placed.items():
        array = place.to_ours(read(name))
        if place.layer is None:
            leaves[place.ours] = array
            continue
        if place.ours not in leaves:
            leaves[place.ours] = np.empty((stacks[place.ours], *place.our_shape), np.float32)
        leaves[place.ours][place.layer] = array
    return unflatten(leaves)


def to_theirs(placed: Mapping[str, Place], params: Any) -> dict[str, Array]:
    """Their arrays by their names, of a tree of our weights (or of their gradients)."""
    leaves = {path: np.asarray(leaf) for path, leaf in flatten(params).items()}
    return {
        name: place.to_theirs(
            leaves[place.ours] if place.layer is None else leaves[place.ours][place.layer]
        )
        for name, place in placed.items()
    }


def _their_shape(ours: str, our_shape: tuple[int, ...], config: BertConfig) -> tuple[int, ...]:
    """Of a matrix [inputs, outputs] with the heads side by side; words without padding."""
    if ours in BY_WORD:
        assert our_shape[0] == padded_vocab_size(config.vocab_size)
        return (config.vocab_size, *our_shape[1:])
    if ours == f"{STACKED}attention/output/kernel":
        return (config.hidden_size, our_shape[-1])
    if ours.startswith(tuple(f"{STACKED}attention/{name}/" for name in ("query", "key", "value"))):
        return (*our_shape[:-2], config.hidden_size)
    return our_shape
