"""The README's commands run as they stand there, and its links lead somewhere."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import make_store, write_text

from data_pipeline.store.token_store import TokenStore

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
]
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHELL = [text for language, text in BLOCKS if language == "sh"]
PYTHON = [text for language, text in BLOCKS if language == "python"]


@pytest.fixture
def folder(tmp_path):
    """An empty folder but for some text, as a person has it."""
    write_text(tmp_path / "my_text" / "one.txt", documents=400)
    write_text(tmp_path / "my_text" / "two.txt", documents=100, seed=1)
    return tmp_path


def environment():
    """This environment's commands on the path, and the devices that there are."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "XLA_FLAGS": "--xla_backend_optimization_level=0"}


def check_model(folder, shown):
    assert re.search(r"^The \[MASK\] sat on the mat\.  ->  \S+ [\d.]+ %, ", shown, re.MULTILINE)
    assert (folder / "my_run" / "report.html").is_file()
    assert (folder / "my_store" / "manifest.json").is_file()


def test_every_block_is_run_by_a_test_but_for_make_and_the_citation():
    assert {language for language, _ in BLOCKS} == {"", "sh", "python", "bibtex", "text"}
    lines = [line for language, text in BLOCKS if not language for line in text.splitlines()]
    assert lines == ["make pretrain", "make test"]
    assert (len(SHELL), len(PYTHON)) == (3, 1)


@pytest.mark.heavy
def test_own_text_takes_five_lines_of_shell(folder):
    assert len(SHELL[0].splitlines()) <= 5
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", SHELL[0]],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check_model(folder, done.stdout)
    assert "token store my_store" in done.stdout
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", SHELL[2]],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("weights equal, to the bit") == 2
    assert (folder / "my_model" / "model.safetensors").is_file()


@pytest.mark.heavy
def test_own_text_takes_fifteen_lines_of_python(folder):
    assert len(PYTHON[0].splitlines()) <= 15
    (folder / "script.py").write_text(PYTHON[0], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "script.py"],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment(),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check_model(folder, done.stdout)


def test_the_other_commands_run_as_they_stand(folder):
    for block in SHELL[1:2]:
        command = ["bash", "-euo", "pipefail", "-c", block]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment())


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^()\s]+)\)", text):
        if not target.startswith(("https://", "#")):
            assert (ROOT / page).parent.joinpath(target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_pages_is_python(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        ast.parse(block)


def test_the_examples_of_the_data_page_run(tmp_path, monkeypatch, capsys):
    make_store(tmp_path)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    reading, batches = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(reading.strip().splitlines()) <= 11
    exec(reading, {})
    store = TokenStore.open("store")
    first = store.train.tokens[: store.train.sentence_offsets[store.train.document_offsets[1]]]
    words = [store.tokenizer().id_to_token(int(i)) for i in first]
    assert capsys.readouterr().out.split() == words
    names: dict = {}
    exec(batches, names)
    assert names["batch"]["input_ids"].shape == (32, 128)


def test_every_command_and_experiment_that_the_readme_names_exists():
    from bert_jax.commands.arguments import SUMMARIES
    from bert_jax.recipes.shipped import experiment_names

    commands = set(re.findall(r"bert-jax ([a-z-]+)", README)) - {"is"}
    assert commands == set(SUMMARIES)
    for name in experiment_names():
        if name != "documentation_tiny" and not name.endswith("_512"):
            assert f"`{name}`" in README
