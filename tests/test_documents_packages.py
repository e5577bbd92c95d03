import sys
from pathlib import Path

import pytest

from data_pipeline.documents.packages import (
    runtime_packages,
    standard_library,
    without_tests,
)
from data_pipeline.errors import DataError


def install(root: Path, name: str, requires: list[str], licence: str = "License: MIT") -> None:
    """A distribution as an installer leaves it."""
    module = name.replace("-", "_")
    files = [f"{module}/__init__.py", f"{module}/sub/b.py", f"{module}/tests/test_a.py"]
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    info = root / f"{module}-1.0.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", licence]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    record = [*reversed(files), f"{module}/data.bin", "../../bin/tool.py", f"{info.name}/METADATA"]
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in record))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with our project, what it needs and what it does not."""
    install(
        tmp_path,
        "x-project",
        ["X_direct>=1", "x-tool[fast]", "x-extra; extra == 'gpu'", "x-absent; python_version<'3'"],
    )
    install(tmp_path, "x-direct", ["x-deep (>=1)", "x-missing"], "License: BSD\n  and more")
    install(tmp_path, "x-deep", ["x-direct"], "Classifier: License :: OSI Approved :: MIT License")
    install(tmp_path, "x-tool", ["x-fast; extra == 'fast'", "x-slow; extra == 'slow'"])
    for name in ("x-fast", "x-slow", "x-extra", "x-absent", "x-unrelated"):
        install(tmp_path, name, [], "License-Expression: Apache-2.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def test_only_what_the_project_needs_at_run_time_counts(site: Path) -> None:
    names = [package.name for package in runtime_packages("x-project")]
    assert names == ["x-deep", "x-direct", "x-fast", "x-tool"]


def test_files_are_sorted_and_hold_no_tests_and_nothing_outside(site: Path) -> None:
    package = runtime_packages("x-project")[0]
    assert package.files == ("x_deep/__init__.py", "x_deep/sub/b.py")
    assert (package.root, package.version) == (site, "1.0")


def test_licences_are_what_the_metadata_says_best(site: Path) -> None:
    found = {package.name: package.licence for package in runtime_packages("x-project")}
    assert found == {
        "x-deep": "MIT License",
        "x-direct": "BSD",
        "x-fast": "Apache-2.0",
        "x-tool": "MIT",
    }


def test_a_package_that_does_not_list_its_files_is_an_error(site: Path) -> None:
    (site / "x_deep-1.0.dist-info" / "RECORD").unlink()
    with pytest.raises(DataError, match=r"x-deep 1\.0 .*list of its files"):
        runtime_packages("x-project")


def test_a_distribution_without_metadata_is_an_error_that_names_it(site: Path) -> None:
    with pytest.raises(DataError, match="x-nothing is not installed"):
        runtime_packages("x-nothing")


def test_tests_and_vendored_copies_are_left_out() -> None:
    kept = ["a/b.py", "a/contest.py", "a/latest.py", "a/testament/b.py"]
    dropped = ["a/tests/b.py", "a/test_b.py", "a/b_test.py", "a/_vendor/b.py", "a/conftest.py"]
    assert list(without_tests([*kept, *dropped, "a/b_test_utils.py"])) == kept


def test_the_standard_library_is_the_same_wherever_parts_of_it_are_missing(tmp_path: Path) -> None:
    kept = ["abc.py", "json/__init__.py", "json/decoder.py"]
    dropped = [
        *("site-packages/a.py", "tkinter/a.py", "test/a.py", "json/tests/a.py", "own_module.py"),
        "_sysconfigdata__linux.py",
    ]
    for file in [*kept, *dropped]:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert standard_library(tmp_path).files == tuple(kept)
    real = standard_library()
    assert {"argparse.py", "json/__init__.py"} <= {*real.files}
    assert real.name == "python"
