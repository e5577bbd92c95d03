import subprocess
import sys

from splits import IDS, random_split

from bert_jax.benchmarks.batches import benchmark_batches
from data_pipeline.objective import PretrainingObjective


def test_the_rows_say_what_was_measured() -> None:
    objective = PretrainingObjective(32, 5)
    rows = benchmark_batches(random_split(0, 100), IDS, objective, batch_size=8, seconds=0.05)
    assert all(row.keys() == {"name", "peer", "value", "unit", "ratio"} for row in rows)
    values = {row["name"]: row["value"] for row in rows}
    assert min(values.values()) > 0
    slots = values["batches 8 x 32"]
    tokens = values["batches 8 x 32, real tokens"]
    assert values["batches 8 x 32, plan included"] < tokens < slots
    assert {row["unit"] for row in rows} == {"sentences/s", "s", "slots/s", "tokens/s"}


def test_a_corpus_smaller_than_a_batch_can_be_measured() -> None:
    objective = PretrainingObjective(32, 5)
    rows = benchmark_batches(random_split(0, 3), IDS, objective, batch_size=500, seconds=0.01)
    assert min(row["value"] for row in rows) > 0


def test_measuring_batches_needs_no_jax() -> None:
    code = "import sys, bert_jax.benchmarks.batches; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
