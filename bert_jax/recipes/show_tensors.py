"""The table of a model's tensors for a terminal."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bert_jax.formatting import format_amount
from bert_jax.recipes.text_table import text_table

# As JAX writes a type and a shape: f32[768,3072].
_TYPES = {
    "bfloat16": "bf16",
    **{f"float{bits}": f"f{bits}" for bits in (16, 32, 64)},
    **{f"int{bits}": f"i{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"u{bits}" for bits in (8, 16, 32, 64)},
}
# What a layer's names begin with; a table has it once, above them.
_LAYER = re.compile(r".*?layers?[._]\d+[./]|.*/layers\[\d+\]/")
# So do those of a part; the model's own prefix belongs to it.
_PART = re.compile(r"((bert|roberta|distilbert)[./]|cls[./](?=predictions[./]))?[^./]+[./]")


def show_tensors(tensors: Iterable[Mapping[str, Any]], columns: int) -> str:
    """The table of tensors; those with numbers that are none, or all the same, are listed below."""
    tensors = sorted(tensors, key=lambda tensor: _in_order(tensor["name"]))
    rows: list[tuple[str, ...]] = []
    for heading, group in itertools.groupby(tensors, lambda t: _heading(t["name"])):
        if heading:
            rows.append((heading, "", "", "", ""))
        rows += (_row(tensor, "  " if heading else "", len(heading)) for tensor in group)
    head = ["name", "type and shape", "mean", "std", "largest"]
    # A heading stands over all columns, and makes none of them wider.
    cells = [row for row in rows if any(row[1:])]
    table = text_table(head, cells)
    too_wide = max(map(len, table)) - 2 - columns
    if too_wide > 0:
        room = max(len(row[0]) for row in cells) - too_wide
        table = text_table(head, [(_shortened(row[0], room), *row[1:]) for row in cells])
    headings = [number for number, row in enumerate(rows, 1) if not any(row[1:])]
    for number in headings:
        table.insert(number, "  " + rows[number - 1][0])
    lines = ["", *(line.removeprefix("  ") for line in table), ""]
    for what, names in _odd(tensors):
        if names:
            lines.append(f"{format_amount(len(names), 'tensor')} {what}:")
            lines += [f"  {name}" for name in names]
    if lines[-1] == "":
        lines.append("no NaN, nothing infinite, and no tensor of equal numbers")
    return "".join(_cut(line, columns) + "\n" for line in lines)


def _row(tensor: Mapping[str, Any], indent: str, skipped: int) -> tuple[str, ...]:
    kind = "?" if tensor["dtype"] is None else _TYPES.get(tensor["dtype"], tensor["dtype"])
    name = indent + tensor["name"][skipped:]
    shape = f"{kind}[{','.join(map(str, tensor['shape']))}]"
    if tensor["dtype"] is None:
        return name, shape, "", "", ""
    numbers = [_number(tensor[what]) for what in ("mean", "std", "largest")]
    if tensor["nan"] or tensor["infinite"]:
        numbers[2] = "NaN" if tensor["nan"] else "inf"
    return name, shape, *numbers


def _odd(tensors: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    measured = [tensor for tensor in tensors if tensor["dtype"] is not None]
    yield (
        "with numbers that are none",
        [
            f"{t['name']}: {t['nan']:,} NaN, {t['infinite']:,} infinite of "
            f"{math.prod(t['shape']):,}"
            for t in measured
            if t["nan"] or t["infinite"]
        ],
    )
    constant = [t for t in measured if t["constant"]]
    yield "all 0", [t["name"] for t in constant if t["largest"] == 0]
    yield (
        "of equal numbers",
        [f"{t['name']}: {_number(t['mean'])}" for t in constant if t["largest"] != 0],
    )


def _shortened(name: str, room: int) -> str:
    """Without what is before its last parts: an end tells more than a middle."""
    if len(name) <= room:
        return name
    first = max(3, room // 4)
    return f"{name[:first]}…{name[len(name) - max(1, room - first - 1) :]}"


def _number(value: float | None) -> str:
    """In seven columns, `-0.0123 -1.5e-5`; nothing where there is no number."""
    if value is None:
        return ""
    if value == 0 or 0.00995 <= abs(value) < 999.5:
        return f"{value:.3g}"
    if 999.5 <= abs(value) < 99_999.5:
        return f"{value:.0f}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _heading(name: str) -> str:
    """What names of a layer, or of a part, have in common."""
    found = _LAYER.match(name) or _PART.match(name)
    return found[0] if found else ""


def _in_order(name: str) -> list[tuple[int, str]]:
    """Layer 2 before layer 10; a part's names together."""
    pieces = re.split(r"(\d+)", name)
    return [(int(p), "") if p.isdecimal() and len(p) < 10 else (-1, p) for p in pieces]


def _cut(line: str, columns: int) -> str:
    return line if len(line) <= columns else f"{line[: columns - 1]}…"
