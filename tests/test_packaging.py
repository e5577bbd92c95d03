"""The wheel, the metadata, the lock files and the make targets."""

import ast
import configparser
import email
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PACKAGES = ("bert_jax", "data_pipeline", "experiments")
LOCKS = ("runtime", "dev", "peers")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel built from a copy of the sources, so that the checkout stays clean."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("setup.cfg", "pyproject.toml", "LICENSE", "README.md"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                copy = source / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(output)!r})"
    built = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (path,) = output.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


@pytest.fixture(scope="module")
def requirements(metadata):
    return [Requirement(line) for line in metadata.get_all("Requires-Dist")]


def runtime_requirements(requirements):
    """What no extra asks for, on whatever Python it is needed."""
    return {canonicalize_name(r.name): r for r in requirements if "extra" not in str(r.marker)}


def read_lock(name):
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.lstrip().startswith("#")]


def pins(name):
    """Package -> its pinned versions (one for each range of Pythons and each platform)."""
    found = {}
    for requirement in read_lock(name):
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"{requirement} in {name}.txt is no pin"
        found.setdefault(canonicalize_name(requirement.name), set()).add(pin.version)
    return found


def test_the_wheel_holds_every_module_config_and_template(wheel):
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for ending in ("*.py", "*.gin", "*.jsonl", "*.j2", "py.typed")
        for path in (ROOT / package).rglob(ending)
    }
    assert "bert_jax/report_template.html.j2" in expected
    assert "bert_jax/py.typed" in expected
    assert "data_pipeline/py.typed" in expected
    assert "experiments/configs/pretrain/documentation_tiny.gin" in expected
    assert "experiments/curves/documentation_tiny_0.jsonl" in expected
    assert expected <= set(wheel.namelist())


def test_the_wheel_holds_nothing_but_the_packages(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_the_metadata_say_what_the_project_is(metadata):
    assert metadata["Name"] == "bert-jax"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert Version(metadata["Version"]) >= Version("0.1.0")
    assert "bert-jax" in metadata.get_payload(), "the README is the long description"


def test_the_console_command_is_installed(wheel):
    (name,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    parser = configparser.ConfigParser()
    parser.read_string(wheel.read(name).decode())
    assert parser["console_scripts"]["bert-jax"] == "bert_jax.cli:main"


def test_jax_has_a_floor_and_no_upper_cap(requirements):
    jax = runtime_requirements(requirements)["jax"]
    assert [str(part) for part in jax.specifier] == [">=0.10.2"]


def test_the_extras_for_accelerators_are_those_of_jax(requirements):
    extras = {
        (str(r.marker), frozenset(r.extras)) for r in requirements if r.name == "jax" and r.marker
    }
    assert extras == {
        ('extra == "cuda"', frozenset({"cuda13"})),
        ('extra == "tpu"', frozenset({"tpu"})),
    }


def test_neither_tensorflow_nor_pytorch_is_needed_to_run(requirements):
    assert not {"tensorflow", "torch", "transformers"} & set(runtime_requirements(requirements))
    assert not {"tensorflow", "torch", "transformers", "grain"} & set(pins("runtime"))
    assert not {"tensorflow", "torch", "transformers"} & set(pins("dev"))


def test_every_library_that_is_imported_is_declared(requirements):
    """A library that came only with another one would be gone some day."""
    declared = set(runtime_requirements(requirements))
    # jax brings jaxlib in the one version that fits; benchmarks import the peers, from an extra,
    # as data_pipeline.preparation.beam does Beam. Another interpreter, which has TensorFlow, runs
    # `google_bert_shim`. `compression` is the standard library's from Python 3.14 on.
    peers = {"torch", "transformers", "sentence-transformers", "apache-beam", "tensorflow"}
    allowed = declared | peers | {"jaxlib", "compression"}
    owners = packages_distributions()
    for package in ("bert_jax", "data_pipeline"):
        for path in (ROOT / package).rglob("*.py"):
            for name in imported_libraries(path):
                if name in sys.stdlib_module_names or name in PACKAGES:
                    continue
                distributions = {canonicalize_name(n) for n in owners.get(name, [name])}
                assert distributions & allowed, f"{path.relative_to(ROOT)} imports {name}"


def imported_libraries(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_the_lock_pins_what_the_metadata_ask_for(requirements):
    locked = pins("runtime")
    for name, requirement in runtime_requirements(requirements).items():
        assert name in locked, f"{name} is not in runtime.txt: run `make lock`"
        for version in locked[name]:
            assert version in requirement.specifier, f"{name} {version}: run `make lock`"


def test_the_environment_of_development_has_the_versions_of_the_runtime():
    pinned = pins("dev")
    assert {name: pinned.get(name) for name in pins("runtime")} == pins("runtime")


def test_the_peers_environment_has_the_same_but_for_what_beam_holds_back():
    peers, ours = pins("peers"), pins("dev")
    assert ours.keys() - peers.keys() <= {"tzdata"}  # of the newer python-dateutil
    different = {name for name in ours if name in peers and peers[name] != ours[name]}
    assert different <= {"numpy", "pillow", "protobuf", "pyarrow", "python-dateutil"}
    assert "apache-beam" in peers


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_no_path(lock):
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    assert re.findall(r"://|--\S*index|--find-links|file:| @ |-e ", text) == []
    assert "make lock" in text.splitlines()[1], "made by the tool"


def test_the_locks_cover_every_python_that_we_support():
    for lock in LOCKS:
        for minor in (11, 12, 13):
            environment = {"python_full_version": f"3.{minor}.0", "python_version": f"3.{minor}"}
            found = [
                r
                for r in read_lock(lock)
                if r.name == "jax" and (r.marker is None or r.marker.evaluate(environment))
            ]
            assert len(found) == 1, f"{lock}.txt has {len(found)} versions of jax for 3.{minor}"


def test_the_installed_project_is_the_one_under_test():
    import bert_jax

    assert Path(bert_jax.__file__).parent == ROOT / "bert_jax"


def test_every_make_target_is_described_in_the_help():
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    described = set(re.findall(r"^([a-z-]+):.*##", makefile, flags=re.MULTILINE))
    assert described == set(phony.split())


def test_the_script_that_installs_refuses_an_old_python(tmp_path):
    old = tmp_path / "python2"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 2.7.18" && exit\nexit 1\n')
    old.chmod(0o755)
    script = ROOT / "requirements" / "install.sh"
    done = subprocess.run(
        [script, old, tmp_path / "venv", "dev.txt"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Python 3.11 or later is needed" in done.stderr
    assert "Python 2.7.18" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_the_script_that_installs_never_touches_a_folder_that_is_no_environment(tmp_path):
    (tmp_path / "precious").write_text("do not remove")
    script = ROOT / "requirements" / "install.sh"
    done = subprocess.run(
        [script, sys.executable, tmp_path, "dev.txt"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "is no virtual environment" in done.stderr
    assert (tmp_path / "precious").exists()
