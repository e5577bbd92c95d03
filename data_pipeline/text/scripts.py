"""Which writing systems the letters of a text belong to.

Unicode's script property comes from fontTools, which matplotlib needs anyway; Python has none.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from data_pipeline.errors import DataError
from data_pipeline.text.characters import codes_of

_CODES = 0x110000


def check_scripts(scripts: Any) -> None:
    """DataError unless `scripts` is a tuple of names of Unicode's scripts, none of them twice."""
    if not isinstance(scripts, tuple) or not all(isinstance(name, str) for name in scripts):
        raise DataError(
            f'scripts must be a tuple of names, such as ("Latin", "Greek"); got {scripts!r}'
        )
    if len(set(scripts)) < len(scripts):
        raise DataError(f"scripts names one twice: {', '.join(scripts)}")
    if scripts:
        known = _names()
        for name in scripts:
            if name not in known:
                raise DataError(f"scripts: there is no script {name!r}{_like(name, known)}")


def script_share(text: str, scripts: Sequence[str]) -> float:
    """The share of a text's letters that are of these scripts; 0 where it has no letter.

    Letters that several scripts share (Unicode's "Common": the Japanese length mark, say) are left
    out, as are digits, marks and punctuation.
    """
    kinds = np.bincount(_kinds(tuple(scripts)).take(codes_of(text)), minlength=3)
    letters = int(kinds[1] + kinds[2])
    return int(kinds[2]) / letters if letters else 0.0


@functools.lru_cache(maxsize=4)
def _kinds(scripts: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """For each code point: 2 for a letter of these scripts, 1 for another letter, else 0."""
    from fontTools import unicodedata

    wanted = {unicodedata.script_code(name) for name in scripts}
    shared = {"Zyyy", "Zinh", "Zzzz"}
    kinds = np.zeros(_CODES, np.uint8)
    for code in range(_CODES):
        letter = chr(code)
        if letter.isalpha() and (script := unicodedata.script(letter)) not in shared:
            kinds[code] = 2 if script in wanted else 1
    return kinds


@functools.cache
def _names() -> frozenset[str]:
    from fontTools.unicodedata import Scripts

    return frozenset(Scripts.NAMES.values()) - {"Common", "Inherited", "Unknown"}


def _like(name: str, known: frozenset[str]) -> str:
    import difflib

    by_lower = {one.lower(): one for one in sorted(known)}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[found[0]]}?" if found else "; Latin is one, and Han"
