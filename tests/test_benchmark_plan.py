from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bert_jax.benchmarks import plan
from bert_jax.errors import UserError
from data_pipeline.objective import PretrainingObjective

OBJECTIVES = (PretrainingObjective(32, 5), PretrainingObjective(32, 5, pairs="none"))


def test_every_part_has_its_time_and_the_memory_of_a_process_of_its_own() -> None:
    rows = plan.run(sentences=5000, objectives=OBJECTIVES[:1])
    assert all(row.keys() == {"name", "peer", "value", "unit", "ratio"} for row in rows)
    names = [row["name"] for row in rows]
    assert len(set(names)) == len(names) == 3 + 3 * 4
    assert [row["unit"] for row in rows[:5]] == ["s", "s", "bytes", "s", "s"]
    for row in rows:
        assert row["value"] > 0
        if row["unit"] == "bytes":
            assert 1e7 < row["value"] < 1e9


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(plan, "_apart", lambda work, *arguments: work(*arguments))
    store = tmp_path / "kept"
    plan.made_up_store(store, 3000)
    before = sorted(store.rglob("*"))
    assert len(plan.run(store, objectives=OBJECTIVES)) == 3 + 2 * 3 * 4
    assert sorted(store.rglob("*")) == before
    plan.run(sentences=3000, objectives=OBJECTIVES)
    assert [*tmp_path.iterdir()] == [store]


def test_a_made_up_store_is_like_real_text(tmp_path: Path) -> None:
    split = plan.made_up_store(tmp_path / "store", 50_000).train
    assert split.num_sentences == 50_000
    sentences, documents = np.diff(split.sentence_offsets), np.diff(split.document_offsets)
    assert 25 < sentences.mean() < 33
    assert 20 < documents.mean() < 32
    assert min(sentences.min(), documents.min()) >= 1


def test_a_disk_that_is_too_small_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(UserError, match=r"need 12\.0 GB there, and 0\.0 are free; set TMPDIR"):
        plan.run(sentences=100_000_000)
