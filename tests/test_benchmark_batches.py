import os
import subprocess
import sys

import pytest
from masked_rows import IDS
from splits import random_split

from bert_jax.benchmarks import batches
from bert_jax.benchmarks.batches import benchmark_batches, one_core
from data_pipeline.objective import PretrainingObjective

has_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system cannot hold a process to a core"
)


@pytest.mark.parametrize("max_sequences", [1, 4])
def test_the_rows_say_what_was_measured(max_sequences: int) -> None:
    objective = PretrainingObjective(32, 5, max_sequences=max_sequences)
    rows = benchmark_batches(random_split(0, 100), IDS, objective, batch_size=8, seconds=0.05)
    assert all(row.keys() == {"name", "peer", "value", "unit", "ratio"} for row in rows)
    values = {row["name"]: row["value"] for row in rows}
    assert min(values.values()) > 0
    shape = "batches 8 x 32" if max_sequences == 1 else "packed batches 8 x 32"
    slots = values[shape]
    tokens = values[f"{shape}, real tokens"]
    assert values[f"{shape}, plan included"] < tokens < slots
    assert values[f"{shape}, slots filled"] == pytest.approx(tokens / slots)
    assert {row["unit"] for row in rows} == {"sentences/s", "s", "slots/s", "tokens/s", "share"}


def test_a_corpus_smaller_than_a_batch_can_be_measured() -> None:
    objective = PretrainingObjective(32, 5)
    rows = benchmark_batches(random_split(0, 3), IDS, objective, batch_size=500, seconds=0.01)
    assert min(row["value"] for row in rows) > 0


def test_measuring_batches_needs_no_jax() -> None:
    code = "import sys, bert_jax.benchmarks.batches; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@has_affinity
def test_all_shapes_are_measured_on_one_core_and_plans_of_a_length_are_shown_once(monkeypatch):
    cores = []

    def store(path):
        assert path == "store"
        return random_split(0, 100), IDS

    def measure(*arguments):
        cores.append(len(os.sched_getaffinity(0)))
        return benchmark_batches(*arguments)

    monkeypatch.setattr(batches, "benchmark_store", store)
    monkeypatch.setattr(batches, "benchmark_batches", measure)
    before = os.sched_getaffinity(0)
    names = [row["name"] for row in batches.run("store", seconds=0.01)]
    assert cores == [1] * len(batches.SHAPES)
    assert os.sched_getaffinity(0) == before
    # Four rows a shape, and three for the plans of each length, packed or not.
    assert len(names) == len(set(names)) == 4 * len(batches.SHAPES) + 12
    assert "batches 32 x 512, whole_word, plan included, one core" in names
    assert all(name.endswith(", one core") for name in names)
    assert [name for name in names if name.startswith("plan of an epoch at 128,")] == [
        "plan of an epoch at 128, one core",
        "plan of an epoch at 128, rate, one core",
    ]


@has_affinity
def test_where_a_process_cannot_be_held_to_a_core_the_rows_say_so(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity")
    with one_core() as cores:
        assert cores == "not held to one core"


@has_affinity
def test_the_cores_come_back_after_an_error():
    before = os.sched_getaffinity(0)
    with pytest.raises(KeyError), one_core():
        raise KeyError
    assert os.sched_getaffinity(0) == before
