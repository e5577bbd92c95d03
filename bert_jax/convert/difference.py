"""How a file's tensors differ from a model's weights: both ways, and what is intended of it."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bert_jax.convert.layout import Place
from bert_jax.convert.tensors import TensorInfo, printable
from bert_jax.errors import UserError

# Names that one line of an error lists before it counts the rest.
_LISTED = 6


class Difference(NamedTuple):
    """What is not as a model needs it.

    Attributes:
      missing: names of weights that the model has and the file has not.
      unexpected: names of tensors that the file has and the model has not.
      misshapen: name -> (shape in the file, shape that is needed).
      unfit: name -> type, of what is not made of floating-point numbers.
      called: name -> what it is called in the file, where that is another. It is what a person is
        shown; patterns may be of either.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    unfit: dict[str, str]
    called: Mapping[str, str]

    def __bool__(self) -> bool:
        return any(self[:4])

    def lines(self) -> list[str]:
        """For a person: one line each for what is missing, unexpected, misshapen, unfit."""
        shapes = [
            f"{self._shown(name)} is {list(found)} and must be {list(needed)}"
            for name, (found, needed) in self.misshapen.items()
        ]
        types = [
            f"{self._shown(name)} is of {printable(kind)}" for name, kind in self.unfit.items()
        ]
        return [
            f"{len(names)} {what}: {listed(names)}"
            for what, names in (
                ("missing", self.shown(self.missing)),
                ("unexpected", self.shown(self.unexpected)),
                ("of another shape", shapes),
                ("no floating-point numbers", types),
            )
            if names
        ]

    def without(self, drop: Sequence[str], new: Sequence[str]) -> "Difference":
        """What is left of it where some of it is intended.

        Args:
          drop: patterns of names that may be unexpected.
          new: patterns of names that may be missing.

        Raises:
          UserError: a pattern fits nothing.
        """
        for patterns, names, what in (
            (drop, self.unexpected, "unexpected"),
            (new, self.missing, "missing"),
        ):
            for pattern in patterns:
                if not any(self._fits(name, pattern) for name in names):
                    have = listed(self.shown(names)) if names else "nothing"
                    raise UserError(
                        f"no weight that is {what} is called {pattern!r}; {what} is {have}"
                    )
        return self._replace(
            missing=self._not_of(self.missing, new), unexpected=self._not_of(self.unexpected, drop)
        )

    def shown(self, names: Iterable[str]) -> list[str]:
        """What they are called in the file, for a person."""
        return [self._shown(name) for name in names]

    def _shown(self, name: str) -> str:
        return printable(self.called.get(name, name))

    def _fits(self, name: str, pattern: str) -> bool:
        names = (name, self.called.get(name, name))
        return any(fnmatch.fnmatchcase(each, pattern) for each in names)

    def _not_of(self, names: Iterable[str], patterns: Sequence[str]) -> tuple[str, ...]:
        return tuple(n for n in names if not any(self._fits(n, p) for p in patterns))


def compare(
    placed: Mapping[str, Place],
    tensors: Mapping[str, TensorInfo],
    called: Mapping[str, str] | None = None,
) -> Difference:
    """A model's weights beside a file's tensors, under the same names; `called` as above."""
    common = [name for name in placed if name in tensors]
    return Difference(
        missing=tuple(name for name in placed if name not in tensors),
        unexpected=tuple(name for name in tensors if name not in placed),
        misshapen={
            name: (tensors[name].shape, placed[name].shape)
            for name in common
            if tensors[name].shape != placed[name].shape
        },
        unfit={
            name: str(tensors[name].dtype) for name in common if not _is_floating(tensors[name])
        },
        called=called or {},
    )


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _is_floating(tensor: TensorInfo) -> bool:
    # bfloat16 is no kind of numpy's own.
    return tensor.dtype.kind == "f" or tensor.dtype.name == "bfloat16"
