"""Who may import whom: the rooms of docs/design.md and the one-way streets between them."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# A room is the modules with one of these beginnings; the first room that fits is the module's. The
# facade is `bert_jax/__init__.py` alone: the public names, loaded when they are asked for.
FACADE = "bert_jax"
ROOMS = {
    "facade": (),
    "gin": ("bert_jax.recipes.bindings", "bert_jax.recipes.statements"),
    "recipes": ("bert_jax.recipes",),
    "commands": ("bert_jax.cli", "bert_jax.__main__", "bert_jax.commands"),
    "benchmarks": ("bert_jax.benchmarks",),
    "inference": ("bert_jax.inference",),
    "convert": ("bert_jax.convert",),
    "modules": (
        "bert_jax.encoder",
        "bert_jax.encoder_weights",
        "bert_jax.heads",
        "bert_jax.sharding",
        "bert_jax.task_heads",
    ),
    "core": ("bert_jax",),
    "data": ("data_pipeline",),
}

# Which rooms a room may import, itself included. Nothing else of ours.
STREETS = {
    "facade": {"recipes", "inference", "convert", "core", "modules"},
    "gin": {"gin", "recipes", "core", "modules", "data"},
    "recipes": {"gin", "recipes", "core", "modules", "data", "inference", "convert"},
    "commands": {
        *("commands", "gin", "recipes", "benchmarks", "inference", "convert"),
        *("core", "modules", "data"),
    },
    "benchmarks": {
        "benchmarks",
        "gin",
        "recipes",
        "inference",
        "convert",
        "core",
        "modules",
        "data",
    },
    "inference": {"inference", "convert", "core", "modules", "data"},
    "convert": {"convert", "core", "modules", "data"},
    "modules": {"core", "modules"},
    "core": {"core", "modules"},
    "data": {"data"},
}

# Third parties that only some rooms may know.
KNOWN_ONLY_BY = {
    "gin": {"gin"},
    "flax": {"modules"},
    "jax": {*ROOMS} - {"data"},
    "orbax": {"core"},
    "optax": {"core"},
    "safetensors": {"convert"},
    "google_crc32c": {"convert"},
    # By what another interpreter runs, of `convert` (`transformers_check`).
    "torch": {"benchmarks", "convert"},
    "transformers": {"benchmarks", "convert"},
    "sentence_transformers": {"benchmarks"},
    # By what another interpreter runs.
    "tensorflow": {"benchmarks"},
}

# What runs code out of a file that it reads; PyTorch's and numpy's functions do so by default or on
# request.
UNPICKLERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}

# Modules that start quickly: importing them loads none of these.
LIGHT = (
    "bert_jax",
    "data_pipeline",
    "bert_jax.cli",
    "bert_jax.commands.arguments",
    "bert_jax.terminal",
)
HEAVY = (
    *("jax", "jaxlib", "flax", "optax", "orbax", "gin", "numpy", "scipy"),
    *("tokenizers", "sentencepiece", "sentencex", "tensorboardX", "tensorflow_datasets"),
    *("pyarrow", "huggingface_hub", "mwparserfromhell", "backports"),
    *("safetensors", "google_crc32c"),
    *("matplotlib", "jinja2", "rich", "torch", "transformers"),
)


class Import(NamedTuple):
    module: str
    """The module that imports."""
    target: str
    """The module imported, as far as the statement tells."""
    line: int


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path):
    """Every import in a file, those inside functions and under TYPE_CHECKING too."""
    module = module_name(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            # `from package import module` imports package.module where there is such a module.
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                exists = (ROOT / inner.replace(".", "/")).with_suffix(".py").exists()
                exists = exists or (ROOT / inner.replace(".", "/")).is_dir()
                yield Import(module, inner if exists else node.module, node.lineno)


def room_of(module):
    if module == FACADE:
        return "facade"
    for room, beginnings in ROOMS.items():
        for beginning in beginnings:
            if f"{module}.".startswith(f"{beginning}."):
                return room
    return None


def all_imports():
    for package in ("bert_jax", "data_pipeline"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from imports_of(path)


IMPORTS = list(all_imports())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_it_may(room):
    wrong = [
        f"{found.module}:{found.line} imports {found.target} ({target})"
        for found in IMPORTS
        if room_of(found.module) == room
        and (target := room_of(found.target)) is not None
        and target not in STREETS[room]
    ]
    assert wrong == []


@pytest.mark.parametrize("library", KNOWN_ONLY_BY)
def test_a_library_is_known_only_by_its_rooms(library):
    wrong = [
        f"{found.module}:{found.line} imports {found.target}"
        for found in IMPORTS
        if found.target.split(".")[0] == library
        and room_of(found.module) not in KNOWN_ONLY_BY[library]
    ]
    assert wrong == []


def test_every_module_is_in_a_room_and_every_room_has_modules():
    modules = {
        module_name(path)
        for package in ("bert_jax", "data_pipeline")
        for path in (ROOT / package).rglob("*.py")
    }
    assert {module for module in modules if room_of(module) is None} == set()
    assert set(ROOMS) == {room_of(module) for module in modules}


def test_nothing_of_ours_imports_the_tests_or_experiments():
    wrong = [found for found in IMPORTS if found.target.split(".")[0] in ("tests", "experiments")]
    assert wrong == []


def unpickling_in(path):
    """The lines of a file that could run code out of a file of data."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if called.endswith(("torch.load", "read_pickle")):
                yield f"{path.name}:{node.lineno} calls {called}"
            if arguments.get("allow_pickle", "False") != "False":
                yield f"{path.name}:{node.lineno} allows pickles"
    for found in imports_of(path):
        if found.target.split(".")[0] in UNPICKLERS:
            yield f"{path.name}:{found.line} imports {found.target}"


def test_nothing_of_ours_unpickles_a_file():
    paths = [*(ROOT / "bert_jax").rglob("*.py"), *(ROOT / "data_pipeline").rglob("*.py")]
    assert [line for path in paths for line in unpickling_in(path)] == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import load as read",
        "import joblib.numpy_pickle",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "pandas.read_pickle(path)",
    ],
)
def test_unpickling_is_seen_wherever_it_stands(tmp_path, monkeypatch, line):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "bert_jax" / "cheat.py"
    path.parent.mkdir()
    path.write_text(f"def f(path):\n    {line}\n")
    assert len(list(unpickling_in(path))) == 1


def test_the_rules_see_an_import_wherever_it_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / "data_pipeline" / "cheat.py"
    path.parent.mkdir()
    path.write_text(
        "def f():\n    if True:\n        from jax import numpy as jnp\n        import gin.config\n"
    )
    assert list(imports_of(path)) == [
        Import("data_pipeline.cheat", "jax", 3),
        Import("data_pipeline.cheat", "gin.config", 4),
    ]


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []


def test_the_data_pipeline_never_loads_jax():
    modules = sorted({found.module for found in IMPORTS if room_of(found.module) == "data"})
    code = (
        f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print(*sorted({'jax', 'flax', 'bert_jax', 'tensorflow'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []
