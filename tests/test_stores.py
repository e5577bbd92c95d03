"""One store or several: what they are called, and whether they go together."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_runs import make_store, make_two_stores

from bert_jax.errors import UserError
from bert_jax.recipes import stores as module
from bert_jax.recipes.data_config import DataConfig
from bert_jax.recipes.stores import Stores, open_stores, short_names
from data_pipeline.errors import DataError
from data_pipeline.mixture_shares import PERIOD
from data_pipeline.store.token_store import TokenStore


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return tuple(map(str, make_two_stores(tmp_path_factory.mktemp("two"))))


@pytest.fixture(scope="module")
def two(paths):
    return [TokenStore.open(path) for path in paths]


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["/a/en"], ["en"]),
        (["/a/en", "/b/sw"], ["en", "sw"]),
        (["/data/en/store", "/data/sw/store"], ["en", "sw"]),
        (["/data/en/store", "/data/sw/store", "/data/wiki"], ["en", "sw", "wiki"]),
        (["/1/a/s", "/2/a/s"], ["1", "2"]),
        (["/a/wiki_2024 en", "/a/wiki__2024"], ["wiki-2024-en", "wiki-2024"]),
        (["/a/x_y", "/a/x-y"], ["x-y-1", "x-y-2"]),
        (["/c/a_b", "/c/a-b", "/c/a-b-1"], ["a-b-2", "a-b-3", "a-b-1"]),
        (["/a/st", "/b/st", "/a"], ["a-1", "b", "a-2"]),
        # The names of metrics must say what they are.
        (["/a/mlm", "/a/nsp", "/a/loss"], ["mlm-store", "nsp-store", "loss-store"]),
        (["/a/___", "/a/" + "n" * 99], ["store", "n" * 24]),
    ],
)
def test_names_are_short_unlike_and_without_underscores(folders, names):
    assert short_names([Path(folder) for folder in folders]) == names


folder = st.sampled_from(["a", "b", "a_b", "a-b", "a-b-1", "a-1", "mlm", "_", "n" * 30])


@given(st.lists(st.lists(folder, max_size=3), min_size=1, max_size=7))
def test_no_two_stores_have_one_name(folders):
    names = short_names([Path("/", *parts) for parts in folders])
    assert len(set(names)) == len(folders)
    assert not any("_" in name for name in names)


def test_a_named_store_is_opened(paths, two, tmp_path):
    found = open_stores(DataConfig(store=paths[0]), tmp_path)
    assert not found.is_mixture
    assert found.fingerprint == two[0].fingerprint
    assert found.lines() == []
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_corpus_is_kept_beside_the_runs_by_its_size(two, monkeypatch, tmp_path):
    asked = []

    def documentation_store(folder, vocab_size, progress):
        asked.append((folder, vocab_size))
        return two[0]

    monkeypatch.setattr(module, "documentation_store", documentation_store)
    config = DataConfig(corpus="documentation", corpus_vocab_size=300)
    assert open_stores(config, tmp_path / "runs").first is two[0]
    assert asked == [(tmp_path / "runs" / "data" / "documentation_300", 300)]


@pytest.mark.parametrize("shares", [{}, {"smoothing": 0.5}, {"smoothing": 0}, {"weights": (1, 3)}])
def test_shares_are_by_size_unless_told_otherwise(paths, two, tmp_path, shares):
    found = open_stores(DataConfig(stores=paths, **shares), tmp_path)
    sizes = [store.train.num_tokens ** shares.get("smoothing", 1) for store in two]
    wanted = shares.get("weights", sizes)
    assert found.shares.facts() == pytest.approx(
        [weight / sum(wanted) for weight in wanted], abs=2 / PERIOD
    )


def test_facts_of_one_store_are_its_manifest_without_checksums(two):
    facts = Stores.of(two[:1]).facts()
    assert facts["fingerprint"] == two[0].fingerprint
    assert facts["path"] == str(two[0].path)
    assert facts["splits"] == two[0].manifest["splits"]
    assert not {"files", "stores"} & facts.keys()


def test_a_mixture_is_known_by_its_stores_their_shares_and_their_order(two):
    found = Stores.of(two, [3, 1])
    facts = found.facts()
    assert [(one["name"], one["share"]) for one in facts["stores"]] == [("en", 0.75), ("sw", 0.25)]
    assert facts["stores"][1]["fingerprint"] == two[1].fingerprint
    assert facts["fingerprint"] == Stores.of(two, [6, 2]).fingerprint
    others = [Stores.of(two, [1, 1]), Stores.of(two[::-1], [1, 3]), Stores.of(two[:1])]
    assert len({found.fingerprint, *(other.fingerprint for other in others)}) == 4
    title, first, second = found.lines()
    assert "2 stores" in title
    assert first.split()[:3] == ["en", "75.0", "%"]
    assert second.endswith(str(two[1].path))


def test_stores_that_have_moved_keep_the_names_that_a_run_knows_them_by(two, tmp_path):
    moved = TokenStore.open(shutil.copytree(two[1].path, tmp_path / "swahili"))
    recorded = Stores.of(two, [3, 1]).facts()
    now = Stores.of([two[0], moved], [3, 1])
    assert now.names == ("en", "swahili")
    assert now.named_as_before(recorded).names == ("en", "sw")
    assert now.named_as_before(recorded).facts()["stores"][1]["name"] == "sw"
    # Other stores, or in another order, are none of the run's.
    assert Stores.of([moved, two[0]], [1, 3]).named_as_before(recorded).names == ("swahili", "en")
    assert Stores.of([moved]).named_as_before(recorded).names == ("swahili",)
    assert now.named_as_before(Stores.of(two[:1]).facts()) is now


def test_a_store_of_another_tokeniser_is_refused_with_both_named(two, tmp_path):
    other = TokenStore.open(make_store(tmp_path, size=70))
    with pytest.raises(UserError) as raised:
        Stores.of([two[0], other], [1, 1])
    message = str(raised.value)
    for store in (two[0], other):
        assert str(store.path) in message
        assert store.manifest["tokenizer"]["fingerprint"][:12] in message
    assert f"--tokenizer {two[0].path / 'tokenizer'}" in message


def test_the_same_text_under_two_names_is_refused(two, tmp_path):
    copied = TokenStore.open(shutil.copytree(two[0].path, tmp_path / "copied"))
    with pytest.raises(UserError, match=r"en and .*copied hold the same text"):
        Stores.of([two[0], two[1], copied], [1, 1, 1])


def test_one_store_of_several_that_is_missing_is_named(paths, tmp_path):
    config = DataConfig(stores=(paths[0], str(tmp_path / "nowhere")))
    with pytest.raises(DataError, match="nowhere: no such token store"):
        open_stores(config, tmp_path)


def test_messages_and_lines_name_a_store_as_it_was_given_and_records_in_full(
    paths, monkeypatch, tmp_path
):
    monkeypatch.chdir(Path(paths[0]).parent)
    names = tuple(Path(path).name for path in paths)
    found = open_stores(DataConfig(stores=names), tmp_path)
    assert [line.split()[-1] for line in found.lines()[1:]] == list(names)
    assert [one["path"] for one in found.facts()["stores"]] == list(paths)
    with pytest.raises(DataError, match=r"^nowhere: "):
        open_stores(DataConfig(store="nowhere"), tmp_path)


def test_a_store_in_the_home_folder_is_found(paths, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(Path(paths[0]).parent))
    store = open_stores(DataConfig(store=f"~/{Path(paths[0]).name}"), tmp_path).first
    assert str(store.path) == paths[0]
