"""Write docs/exactness.md from what the tests measured (`make exactness`).

PYTHONPATH=tests python tests/write_exactness.py MEASURED.jsonl docs/exactness.md
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from exactness_rows import ROWS, SECTIONS, Row

INTRODUCTION = """# How exact bert-jax is

Our numbers beside those of others who compute the same. Each line is held by a test, which fails
where a difference exceeds the bound. `make exactness` runs these tests and writes this page from
what they measure: on a CPU, in float32 where nothing else is said, with products in the highest
precision.

The difference shown is the largest over all cases: every head, array, layer and config of the
line. "Relative to each tensor's norm" is the norm of the difference of two gradients divided by the
norm of the peer's, or by a hundredth of the norm of the whole gradient where that is larger: some
tensors' gradients are 0 but for rounding, such as those of the biases of the keys.

What is known to differ, and is left out of the comparison:

- PyTorch's look-up never trains the row of padding (`padding_idx`). Ours does, as the original
  release did, where a loss reads what comes out at padding: question answering's.
- RoBERTa's masked LM head in transformers has the exact GELU, whatever activation its layers have.
- transformers finds RoBERTa's positions by the id of padding, we by the attention mask: the same,
  unless a token is masked out that is no padding.
"""
NOTES = {
    "published": """Weights, inputs and outputs are those of apple/axlearn at 34aed43c1b. Of
all-MiniLM-L6-v2 the weights are published, and so are the first numbers of a sentence in five
digits; what text-embeddings-inference keeps was computed with the tanh GELU and, it seems, in
TF32.""",
    "goldens": """Small random weights, and inputs with padding. A clone without PyTorch proves
these lines. `tests/goldens/make_goldens.py` makes the files.""",
    "live": """Sizes, activations, eps, token types and padding (right, left, holes) are drawn.""",
    "bfloat16": """The mean absolute deviation of a head's outputs from the same model's in
float32, over 8 draws of weights: ours by `ComputeConfig.dtype`, theirs by
`model.to(torch.bfloat16)`. Below 1, ours is nearer to float32.""",
    "curve": """Two layers, 200 steps of pretraining on English text: the same first weights, the
same batches, no dropout; AdamW with warm-up, linear decay, clipping and decay groups. An error that
is made on purpose on our side must exceed the bound, at some step.

![Losses of bert-jax and of PyTorch, and their relative difference](images/trained_curve.png)""",
}


class Measured(NamedTuple):
    """What all cases of a row came to.

    Attributes:
      difference: the largest; of an error on purpose the smallest.
      cases: how many differences were taken.
      versions: of the peer.
    """

    difference: float
    cases: int
    versions: str


def read(lines: Iterable[str]) -> dict[str, Measured]:
    """Measured differences by the key of their row."""
    found = defaultdict(list)
    for line in lines:
        one = json.loads(line)
        found[one["key"]].append(one)
    return {
        key: Measured(
            (min if ROWS[key].is_least else max)(one["difference"] for one in each),
            len(each),
            ", ".join(sorted({one["versions"] for one in each} - {""})),
        )
        for key, each in found.items()
    }


def page(measured: Mapping[str, Measured]) -> str:
    """The text of the page.

    Raises:
      SystemExit: a row was not measured; its tests were not run, or were skipped.
    """
    missing = [key for key in ROWS if key not in measured]
    if missing:
        sys.exit(f"not measured, so the page is not written: {', '.join(missing)}")
    parts = [INTRODUCTION]
    for section, title in SECTIONS.items():
        keys = [key for key, row in ROWS.items() if row.section == section]
        versions = ", ".join(sorted({measured[key].versions for key in keys} - {""}))
        notes = [NOTES.get(section, ""), f"Measured beside {versions}." if versions else ""]
        parts.append("\n\n".join([f"\n## {title}", *filter(None, notes)]) + "\n\n")
        parts.append("| what | with whom | difference | bound | largest | cases |\n")
        parts.append("|---|---|---|---|---|---|\n")
        parts.extend(line(ROWS[key], measured[key]) for key in keys)
    return "".join(parts)


def line(row: Row, measured: Measured) -> str:
    """One line of a table."""
    difference = f"{measured.difference:.2g}"
    return f"{declared(row)} {difference} | {measured.cases} |\n"


def declared(row: Row) -> str:
    """The part of a line that the tests declare, whatever they measure."""
    sign = "> " if row.is_least else ""
    return f"| {row.what} | {row.peer} | {row.measure} | {sign}{row.bound:g} |"


if __name__ == "__main__":
    measurements, target = map(Path, sys.argv[1:])
    text = page(read(measurements.read_text(encoding="utf-8").splitlines()))
    target.write_text(text, encoding="utf-8")
