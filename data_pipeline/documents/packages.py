"""Which installed packages a corpus is made of, and which of their files.

The standard library and the runtime dependencies of one distribution: what its metadata requires
without extras, and what that requires in turn. Whatever else is installed does not count, so the
corpus is the same with an extra or without.
"""

from __future__ import annotations

import platform
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from data_pipeline.errors import DataError

# Parts of the standard library that some systems leave out or ship apart.
_OPTIONAL_STDLIB = frozenset(
    ("distutils", "ensurepip", "idlelib", "lib2to3", "tkinter", "turtle", "turtledemo")
)
_TEST_FOLDERS = frozenset(
    ("test", "tests", "testing", "_test", "_tests", "_testing", "testdata", "idle_test")
)
# Copies of other projects.
_VENDORED = frozenset(
    ("_vendor", "vendor", "vendored", "_vendored", "extern", "_extern", "third_party")
)
_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?(?:_.*)?|conftest|test)\.py")


@dataclass(frozen=True)
class Package:
    """An installed package: its Python files, tests and vendored copies left out, sorted."""

    name: str
    version: str
    licence: str
    root: Path
    files: tuple[str, ...]  # under root, with forward slashes


def runtime_packages(distribution: str) -> list[Package]:
    """The distributions that `distribution` needs at run time, itself not included, by name.

    Extras of `distribution` are left out; an extra that a dependency's requirement names counts. A
    requirement that this platform's markers exclude, or that is not installed, is passed by.
    DataError where `distribution` has no metadata, or a package does not list its files.
    """
    try:
        requirements = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError as error:
        raise DataError(
            f"the distribution {distribution} is not installed, so its dependencies are not known; "
            "install the project first (pip install -e .)"
        ) from error
    found: dict[str, metadata.Distribution] = {}
    done: set[tuple[str, str]] = set()
    open_ = list(_required(requirements, ""))
    while open_:
        name, extra = open_.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        try:
            dist = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = dist
        open_ += _required(dist.requires or [], extra)
    found.pop(str(canonicalize_name(distribution)), None)
    return [_package(name, found[name]) for name in sorted(found)]


def standard_library(root: Path | None = None) -> Package:
    """The standard library without what some systems leave out; by default the running Python's."""
    root = root or Path(sysconfig.get_path("stdlib"))
    names = sys.stdlib_module_names - _OPTIONAL_STDLIB
    files = []
    for path in root.rglob("*.py"):
        relative = path.relative_to(root)
        # Not this build's own files (_sysconfigdata...), nor installed packages below.
        if relative.parts[0].removesuffix(".py") in names:
            files.append(relative.as_posix())
    return Package(
        "python", platform.python_version(), "PSF-2.0", root, tuple(sorted(without_tests(files)))
    )


def without_tests(files: Iterable[str]) -> Iterator[str]:
    """The paths that are neither tests nor vendored copies of other projects."""
    for file in files:
        path = PurePosixPath(file)
        if _TEST_FILE.fullmatch(path.name):
            continue
        if not (_TEST_FOLDERS | _VENDORED).intersection(path.parts[:-1]):
            yield file


def _required(requirements: Iterable[str], extra: str) -> Iterator[tuple[str, str]]:
    """Name and extra of what is required here; a package without extras counts as extra ''."""
    for text in requirements:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": extra}):
            for wanted in ("", *sorted(requirement.extras)):
                yield str(canonicalize_name(requirement.name)), wanted


def _package(name: str, dist: metadata.Distribution) -> Package:
    if dist.files is None:
        raise DataError(
            f"{name} {dist.version} is installed without a list of its files (no RECORD); "
            "install it again with pip or uv, in a virtual environment"
        )
    files = sorted(
        str(PurePosixPath(file))
        for file in dist.files
        if file.suffix == ".py" and ".." not in file.parts
    )
    root = Path(str(dist.locate_file("")))
    return Package(name, dist.version, _licence(dist), root, tuple(without_tests(files)))


def _licence(dist: metadata.Distribution) -> str:
    """As the metadata says it: the SPDX expression, else the classifiers, else the first line."""
    expression = dist.metadata.get("License-Expression")
    if expression:
        return str(expression)
    named = [
        text.rsplit(" :: ", 1)[-1]
        for text in dist.metadata.get_all("Classifier") or ()
        if text.startswith("License ::") and not text.endswith(":: OSI Approved")
    ]
    if named:
        return " AND ".join(sorted(named))
    lines = str(dist.metadata.get("License") or "").strip().splitlines()
    return lines[0].strip() if lines else "not stated"
