"""Counting and fingerprinting weights."""

import hashlib
import math
from typing import Any

import jax
import numpy as np

from bert_jax import pretraining
from bert_jax.config import BertConfig
from bert_jax.sharding import logical_axes, unbox


def count_parameters(config: BertConfig, *, heads: bool = True) -> int:
    """Number of weights of the pretraining model, as the paper counts them.

    The vocabulary counts with its own size, not with the rows that only pad it.

    Args:
      config: the shape of the model.
      heads: with the masked LM and next sentence heads (whose output matrix is the word table).
    """
    boxed = jax.eval_shape(pretraining.make_init(config), jax.random.key(0))
    axes = logical_axes(boxed)
    total = 0
    for path, leaf in jax.tree_util.tree_flatten_with_path(unbox(boxed))[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if heads or not name.startswith("cls/"):
            sizes = zip(axes[name], leaf.shape, strict=True)
            total += math.prod(config.vocab_size if axis == "vocab" else n for axis, n in sizes)
    return total


def parameters_sha256(params: Any) -> str:
    """A fingerprint of all weights: names, shapes and bits, whatever devices they lie on."""
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        array = np.asarray(jax.device_get(leaf))
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
