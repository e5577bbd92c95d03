"""Bounds that hold or fail, and a page that has a line for each of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from exactness import VARIABLE, absolute, hold, of_norm, relative
from exactness_rows import ROWS, SECTIONS
from write_exactness import declared, page, read

PAGE = Path(__file__).parents[1] / "docs" / "exactness.md"


def test_the_page_has_a_line_for_each_row_and_no_other():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    found = [line.rsplit("|", 3)[0] + "|" for line in lines if line.startswith("| ")]
    assert [line for line in found if not line.startswith("| what")] == [
        declared(row) for section in SECTIONS for row in ROWS.values() if row.section == section
    ]


def test_a_difference_beyond_its_bound_fails_and_one_within_is_kept(tmp_path, monkeypatch):
    kept = tmp_path / "measured.jsonl"
    monkeypatch.setenv(VARIABLE, str(kept))
    hold("curve", 5e-6, "a peer 1.0")
    with pytest.raises(AssertionError, match=r"relative 0\.002"):
        hold("curve", 2e-3)
    with pytest.raises(AssertionError):
        hold("curve", np.nan)
    hold("curve_gelu", 2e-3)
    with pytest.raises(AssertionError, match=r"not > 1e-05"):
        hold("curve_gelu", 5e-6)
    lines = kept.read_text().splitlines()
    assert [json.loads(line)["difference"] for line in lines] == [5e-6, 2e-3]
    assert read([*lines, lines[0].replace("5e-06", "7e-06")])["curve"] == (7e-6, 2, "a peer 1.0")


def test_a_page_without_all_rows_is_not_written():
    with pytest.raises(SystemExit, match=r"not measured.*curve"):
        page(read([]))


def test_differences_are_of_shapes_that_agree_and_of_finite_numbers():
    a, b = np.array([[1.0, -4.0]]), np.array([[1.5, -4.0]])
    assert (absolute(a, b), relative(a, b)) == (0.5, 0.125)
    assert of_norm(a, b) == pytest.approx(0.5 / np.hypot(1.5, 4))
    assert of_norm(a, b, floor=10.0) == 0.05
    for found in (a[0], a + np.inf):
        with pytest.raises(AssertionError):
            absolute(found, b)
