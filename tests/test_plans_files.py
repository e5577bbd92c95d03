import os
import time
from pathlib import Path

import numpy as np
import pytest
from damage import cut, empty, flip_a_bit, put_nonsense

from data_pipeline.plans.files import keep_last, map_array, mark_used, read_array, write_array

PAIR = np.dtype([("one", "<i8"), ("two", "<u4")])
ARRAY = np.array([(n, 3 * n) for n in range(1000)], PAIR)


def cut_off_the_checksum(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 8)


def add(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def put_another_array(path: Path) -> None:
    write_array(path, np.arange(100))


def test_an_array_comes_back_memory_mapped(tmp_path: Path) -> None:
    path = tmp_path / "new" / "plan-1.npy"
    assert write_array(path, ARRAY)
    for read in (read_array, map_array):
        found = read(path, PAIR)
        assert found is not None
        assert (found == ARRAY).all()
        assert isinstance(found.base, np.memmap)
        assert type(found) is np.ndarray


@pytest.mark.parametrize(
    "damage",
    [
        *(cut, cut_off_the_checksum, add, empty, flip_a_bit),
        *(put_another_array, put_nonsense, Path.unlink),
    ],
)
def test_a_damaged_file_counts_as_missing(tmp_path: Path, damage) -> None:
    path = tmp_path / "plan-1.npy"
    write_array(path, ARRAY)
    damage(path)
    assert read_array(path, PAIR) is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert not write_array(tmp_path / "file" / "plan-1.npy", ARRAY)
    mark_used(tmp_path / "file" / "plan-1.npy")
    keep_last(tmp_path / "file", "plan-", 1, tmp_path / "file" / "plan-1.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_files_used_last_are_kept_and_other_names_left_alone(tmp_path: Path) -> None:
    paths = [tmp_path / f"plan-{n}.npy" for n in range(5)]
    other = tmp_path / "rows-0.npy"
    for age, path in enumerate([other, *paths]):
        write_array(path, ARRAY)
        os.utime(path, (1000 + age, 1000 + age))
    mark_used(paths[0])
    keep_last(tmp_path, "plan-", 3, newest=paths[4])
    assert {path.name for path in tmp_path.iterdir()} == {
        *("plan-0.npy", "plan-3.npy", "plan-4.npy", "rows-0.npy")
    }


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, new = tmp_path / "plan-1.npy.old", tmp_path / "plan-1.npy.new"
    for path, age in ((old, 10_000), (new, 10)):
        path.write_bytes(b"half a plan")
        os.utime(path, (time.time() - age, time.time() - age))
    keep_last(tmp_path, "plan-", 3, newest=tmp_path / "plan-2.npy")
    assert [path.name for path in tmp_path.iterdir()] == [new.name]
