import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_documents_documentation import count_small_packages, make_packages

import data_pipeline.preparation.documentation as module
from data_pipeline.documents.packages import Package
from data_pipeline.errors import DataError
from data_pipeline.preparation.documentation import documentation_store
from data_pipeline.preparation.work import BeingPrepared
from data_pipeline.store.token_store import TokenStore


@pytest.fixture(autouse=True)
def small_packages_count(monkeypatch: pytest.MonkeyPatch) -> None:
    count_small_packages(monkeypatch)


@pytest.fixture
def packages(tmp_path: Path) -> tuple[Package, ...]:
    return make_packages(tmp_path / "site")


def make(path: Path, packages: tuple[Package, ...], size: int = 120) -> TokenStore:
    return documentation_store(path, size, packages=packages, workers=1)


def test_a_store_comes_from_nothing_but_packages(
    tmp_path: Path, packages: tuple[Package, ...]
) -> None:
    store = make(tmp_path / "store", packages)
    (source,) = store.manifest["sources"]
    assert source["kind"] == "documentation"
    assert len(source["packages"]) == len(packages)
    held_out = [package for package in source["packages"] if package["split"] == "eval"]
    assert store.eval.num_documents == 6 * len(held_out)
    assert store.train.num_documents == 6 * (len(packages) - len(held_out))
    assert not store.tokenizer().cased
    # Words of the text are known, apart from characters the training split never shows.
    assert np.mean(np.asarray(store.eval.tokens) == store.tokenizer().unk_id) < 0.1


def test_a_finished_store_is_opened_and_not_made_again(
    tmp_path: Path, packages: tuple[Package, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(tmp_path / "store", packages)
    monkeypatch.setattr(module, "read_documentation", None)
    assert make(tmp_path / "store", packages).fingerprint == first.fingerprint


def overtaken(monkeypatch: pytest.MonkeyPatch, when: str, other: Callable[[], object]) -> None:
    """Lets `other` run once, as another process would: before a store is begun, or meanwhile."""
    original = module.write_store
    if when == "begun":

        def after_the_other(*arguments, **named):
            monkeypatch.setattr(module, "write_store", original)
            other()
            return original(*arguments, **named)

        monkeypatch.setattr(module, "write_store", after_the_other)
        return

    def is_at_it(*_, **__):
        monkeypatch.setattr(module, "write_store", original)
        raise BeingPrepared("by the other")

    monkeypatch.setattr(module, "write_store", is_at_it)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: other())


@pytest.mark.parametrize("when", ["begun", "meanwhile"])
def test_of_two_that_make_the_store_at_once_both_get_it(
    tmp_path: Path, packages: tuple[Package, ...], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    path, stores = tmp_path / "store", []
    overtaken(monkeypatch, when, lambda: stores.append(make(path, packages)))
    stores.append(make(path, packages))
    first, second = stores
    assert first.fingerprint == second.fingerprint
    assert (first.path, second.path) == (path, path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["site", "store"]


@pytest.mark.parametrize("when", ["begun", "meanwhile"])
def test_another_store_that_appeared_meanwhile_is_not_taken_for_this_one(
    tmp_path: Path, packages: tuple[Package, ...], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    overtaken(monkeypatch, when, lambda: make(tmp_path / "store", packages, size=121))
    with pytest.raises(DataError, match="vocab_size 121 there and 120 now"):
        make(tmp_path / "store", packages)


def test_a_size_that_no_text_fits_is_refused_before_a_package_is_read(
    tmp_path: Path, packages: tuple[Package, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "read_documentation", None)
    with pytest.raises(DataError, match="got a size of 6"):
        make(tmp_path / "store", packages, size=6)


def test_what_else_goes_wrong_while_a_store_is_made_is_said(
    tmp_path: Path, packages: tuple[Package, ...]
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not an empty folder"):
        make(tmp_path / "store", packages)


def test_a_store_of_other_packages_is_never_taken_for_this_one(
    tmp_path: Path, packages: tuple[Package, ...]
) -> None:
    make(tmp_path / "store", packages)
    with pytest.raises(DataError, match="vocab_size 120 there and 121 now"):
        make(tmp_path / "store", packages, size=121)
    newer = (dataclasses.replace(packages[0], version="9.9"), *packages[1:])
    with pytest.raises(DataError, match=r"python 0\.0 there and 9\.9 now"):
        make(tmp_path / "store", newer)
    with pytest.raises(DataError, match=r"package11 12\.0 there and absent now"):
        make(tmp_path / "store", packages[:-1])


def test_the_vocabulary_is_learned_from_the_training_split_only(
    tmp_path: Path, packages: tuple[Package, ...]
) -> None:
    first = make(tmp_path / "first", packages)
    (source,) = first.manifest["sources"]
    held_out = next(p["name"] for p in source["packages"] if p["split"] == "eval")
    for path in (tmp_path / "site" / held_out).glob("*.py"):
        path.write_text(path.read_text().replace("words", "zebras"))
    second = make(tmp_path / "second", packages)
    assert second.eval.fingerprint != first.eval.fingerprint
    assert second.train.fingerprint == first.train.fingerprint
    assert second.tokenizer().fingerprint == first.tokenizer().fingerprint
