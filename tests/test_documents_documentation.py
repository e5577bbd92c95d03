import dataclasses
import json
from pathlib import Path

import pytest

import data_pipeline.documents.documentation as module
from data_pipeline.documents import units_of
from data_pipeline.documents.documentation import (
    DocumentationSource,
    held_out_packages,
    installed_packages,
    overlap,
    read_documentation,
)
from data_pipeline.documents.packages import Package
from data_pipeline.errors import DataError

LICENCE = "This sentence is in every single one of the files, as a licence is."
NAMES = ["python", *(f"package{i}" for i in range(12))]


def paragraph(name: str, n: int, words: int = 20) -> str:
    letters = "".join(chr(ord("a") + int(digit)) for digit in str(n))
    return (
        f"The {name.rstrip('0123456789')} is {letters} "
        + "with the words " * (words // 3)
        + "in it."
    )


def make_packages(root: Path, names: list[str] = NAMES, files: int = 6) -> tuple[Package, ...]:
    packages = []
    for p, name in enumerate(names):
        for f in range(files):
            path = root / name / f"m{f}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = "\n\n".join(paragraph(name, 10_000 * p + 100 * f + i) for i in range(10))
            path.write_text(f'"""{LICENCE}\n\n{text}\n"""\n')
        listed = tuple(f"{name}/m{f}.py" for f in range(files))
        packages.append(Package(name, f"{p}.0", "MIT", root, listed))
    return tuple(packages)


@pytest.fixture
def source(tmp_path: Path) -> DocumentationSource:
    return read_documentation(make_packages(tmp_path), workers=1)


def count_small_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lowers the limits that a package must reach to be held out to what the tests' have."""
    monkeypatch.setattr(module, "_FEWEST_EVAL_WORDS", 100)
    monkeypatch.setattr(module, "_LARGEST_EVAL_PACKAGE", 0.1)
    monkeypatch.setattr(module, "_LARGEST_EVAL_SHARE", 0.4)


@pytest.fixture(autouse=True)
def small_packages_count(monkeypatch: pytest.MonkeyPatch) -> None:
    count_small_packages(monkeypatch)


def test_a_file_is_a_document_and_a_paragraph_comes_once(source: DocumentationSource) -> None:
    assert len(source.documents) == len(NAMES) * 6
    everything = [p for document in source.documents for p in document.paragraphs]
    assert everything.count(LICENCE) == 1
    assert everything[0] == LICENCE
    assert len({*everything}) == len(everything) == len(NAMES) * 60 + 1


def test_whole_packages_are_held_out_and_never_the_standard_library(
    source: DocumentationSource,
) -> None:
    assert len(source.held_out) == 4
    assert "python" not in source.held_out
    documents = {"train": 0, "eval": 0}
    for unit in units_of([source], lambda n: None):
        assert unit.split is not None
        assert unit.lines == "paragraph"
        documents[unit.split] += len(unit.parse(unit.content).documents)
    assert documents == {"train": 9 * 6, "eval": 4 * 6}


def test_the_held_out_packages_depend_on_their_names_and_not_on_their_order() -> None:
    words = dict.fromkeys(NAMES, 500)
    held = held_out_packages(words)
    assert held_out_packages(dict(reversed(words.items()))) == held
    assert held_out_packages({**words, "python": 600, "tiny": 5}) == held


def test_a_package_too_large_or_too_small_is_never_held_out() -> None:
    words = dict.fromkeys(NAMES, 500)
    for name in held_out_packages(words):
        for n in (50, 5000):
            assert name not in held_out_packages({**words, name: n})


def test_too_few_packages_are_an_error() -> None:
    with pytest.raises(DataError, match="only 0 packages can be held out"):
        held_out_packages({"python": 1000, "other": 500})


def test_the_number_of_workers_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FILES_A_UNIT", 4)
    packages = make_packages(tmp_path)
    alone = read_documentation(packages, workers=1)
    assert read_documentation(packages, workers=2).fingerprint == alone.fingerprint


def test_the_fingerprint_is_of_the_text_and_not_of_where_it_is(tmp_path: Path) -> None:
    first = read_documentation(make_packages(tmp_path / "a"), workers=1)
    second = read_documentation(make_packages(tmp_path / "b"), workers=1)
    assert first.fingerprint == second.fingerprint
    path = tmp_path / "b" / "package3" / "m0.py"
    path.write_text(path.read_text().replace("with the words", "with some words", 1))
    changed = read_documentation(second.packages, workers=1)
    assert changed.fingerprint != first.fingerprint


def test_the_description_names_packages_versions_licences_and_words(
    source: DocumentationSource,
) -> None:
    described = json.loads(json.dumps(source.describe()))
    assert [package["name"] for package in described["packages"]] == NAMES
    assert described["packages"][2]["version"] == "2.0"
    assert described["packages"][2]["licence"] == "MIT"
    assert sum(package["words"] for package in described["packages"]) == described["words"]
    assert described["fingerprint"] == source.fingerprint


def test_overlap_counts_the_held_out_word_sequences_seen_in_training(
    source: DocumentationSource,
) -> None:
    documents = list(source.documents)
    assert overlap(source) > 0.5  # of a made-up text that says the same all the time
    for i, document in enumerate(documents):
        if document.package in source.held_out:
            fresh = tuple(f"{document.file} {p}".replace(" ", f" {i}") for p in document.paragraphs)
            documents[i] = dataclasses.replace(document, paragraphs=fresh)
    assert overlap(dataclasses.replace(source, documents=tuple(documents))) == 0


def test_a_listed_file_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    packages = make_packages(tmp_path)
    (tmp_path / "package3" / "m0.py").unlink()
    with pytest.raises(DataError, match=r"m0\.py.*package3 4\.0"):
        read_documentation(packages, workers=1)


def test_the_real_packages_have_prose(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = installed_packages()
    names = [package.name for package in packages]
    assert names[0] == "python"
    assert {"jax", "numpy", "tokenizers"} <= {*names}
    assert "pytest" not in names  # installed, and not needed at run time
    assert all(package.version and package.licence for package in packages)
    monkeypatch.setattr(module, "held_out_packages", lambda words: frozenset())
    library = dataclasses.replace(packages[0], files=("argparse.py", "heapq.py", "queue.py"))
    read = read_documentation([library], workers=1)
    assert list(dict.fromkeys(document.file for document in read.documents)) == [*library.files]
    assert len(read.documents) > len(library.files)
    assert sum(document.words for document in read.documents) > 500
