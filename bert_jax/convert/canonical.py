"""What a file's tensors are called, as our tables of names have it.

Files of many years are read: old names of LayerNorm's weights, encoders saved without the prefix of
their model, buffers that are no weights, one weight under two names, an optimiser's slots.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bert_jax.convert.names import Family
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError

Array = np.ndarray[Any, Any]

# Until 2018 PyTorch's port called them as TensorFlow did.
_OLD_NORM = re.compile(r"(LayerNorm)\.(gamma|beta)$")
_NEW_NORM = {"gamma": "weight", "beta": "bias"}
# Why something is left, of several and of one.
_COUNTERS, _BUFFERS = "counters", "buffers that are no weights"
_OF_ONE = {_COUNTERS: "counter", _BUFFERS: "buffer that is no weight"}
# What an encoder's names begin with where its prefix is left out.
_WITHOUT_PREFIX = re.compile(r"(embeddings|encoder|pooler|transformer)[./]")
# What TensorFlow keeps beside the weights.
_ADAM_SLOT = re.compile(r"(/adam_[mv]|/Adam(_1)?|/Lamb(_1)?|/lamb_[mv])$")
_TF_COUNTERS = ("global_step", "save_counter", "_CHECKPOINTABLE_OBJECT_GRAPH")


class Names(NamedTuple):
    """A file's tensors under canonical names.

    Attributes:
      original: canonical name -> name in the file, of all that may be weights.
      tied: canonical name -> name in the file of what only repeats the weight of that name.
      left: why -> names in the file of what is no weight.
      bare: whether the file leaves out the prefix of the family's encoder.
    """

    original: dict[str, str]
    tied: dict[str, str]
    left: dict[str, list[str]]
    bare: bool


def canonical_names(names: Iterable[str], family: Family) -> Names:
    """Sort out the names of a file.

    Raises:
      UserError: two tensors would have the same name.
    """
    names = sorted(names)
    bare = not any(name.startswith(family.prefix) for name in names)
    found = Names({}, {}, {}, bare)
    for name in names:
        why = _why_left(name, family)
        if why is not None:
            found.left.setdefault(why, []).append(name)
            continue
        canonical = _OLD_NORM.sub(lambda m: f"{m[1]}.{_NEW_NORM[m[2]]}", name)
        if bare and _WITHOUT_PREFIX.match(canonical):
            canonical = family.prefix + canonical
        into = found.original
        if canonical in family.tied:
            into, canonical = found.tied, family.tied[canonical]
        if canonical in into:
            raise UserError(
                f"both {printable(into[canonical])} and {printable(name)} are there, which are two "
                "names of one weight; remove one"
            )
        into[canonical] = name
    for canonical in [name for name in found.tied if name not in found.original]:
        found.original[canonical] = found.tied.pop(canonical)
    return found


def without_ties(names: Names) -> Names:
    """The same for a model without a masked LM head, where nothing repeats a weight."""
    original = names.original | {name: name for name in names.tied.values()}
    return names._replace(original=original, tied={})


def called(names: Names, placed: Iterable[str], family: Family) -> dict[str, str]:
    """Canonical name -> name in the file, or what it would be there, of a model's weights."""
    prefix = family.prefix if names.bare else ""
    return {name: name.removeprefix(prefix) for name in placed} | names.original


def check_tied(names: Names, read: Callable[[str], Array]) -> None:
    """Raise `UserError` where what should repeat a weight is another one."""
    for canonical, repeated in names.tied.items():
        one, other = read(names.original[canonical]), read(repeated)
        if one.shape != other.shape or not np.array_equal(one, other):
            raise UserError(
                f"{printable(repeated)} is not equal to {printable(names.original[canonical])}; "
                "our masked LM has one array for both, so that this model cannot be held"
            )


def count_left(count: int, why: str) -> str:
    """`3 counters`, `1 counter`."""
    return f"{count:,} {_OF_ONE.get(why, why) if count == 1 else why}"


def describe_left(left: Mapping[str, list[str]]) -> list[str]:
    """A line for a person on each kind of what was left."""
    return [
        f"{count_left(len(names), why)}: "
        + ", ".join(map(printable, names[:3]))
        + (", ..." if len(names) > 3 else "")
        for why, names in left.items()
    ]


def _why_left(name: str, family: Family) -> str | None:
    if _ADAM_SLOT.search(name):
        return "of the optimiser's slots"
    if name in _TF_COUNTERS:
        return _COUNTERS
    if name.rpartition(".")[2] in family.ignored:
        return _BUFFERS
    return None
