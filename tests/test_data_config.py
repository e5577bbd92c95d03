"""Which data an experiment names."""

from pathlib import Path

import pytest

from bert_jax.errors import UserError
from bert_jax.recipes.data_config import DataConfig


def test_at_most_one_of_store_and_corpus_is_given() -> None:
    assert not DataConfig().is_given
    assert DataConfig(store="a").is_given
    assert DataConfig(corpus="documentation").is_given
    with pytest.raises(UserError, match="give one and set the other to None"):
        DataConfig(store="a", corpus="documentation")


def test_a_wrong_value_is_an_error() -> None:
    with pytest.raises(UserError, match="must be one of 'documentation'"):
        DataConfig(corpus="wikipedia")
    with pytest.raises(UserError, match="must be of type str or None"):
        DataConfig(store=3)
    with pytest.raises(UserError, match="at least 256"):
        DataConfig(corpus_vocab_size=3)


def test_several_stores_are_data_in_the_place_of_one() -> None:
    found = DataConfig(stores=["a", "b"], weights=[3, 1])
    assert found.is_given
    assert found.paths == ("a", "b")
    assert found.weights == (3.0, 1.0)
    assert DataConfig(store="a").paths == ("a",)
    assert DataConfig().paths == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": (1, 2)}, "weights is .* names none; give several"),
        ({"store": "a", "smoothing": 0.7}, r"smoothing is 0\.7, .* leave smoothing out"),
        ({"weights": 2}, "weights is .* names none; give several"),
        ({"stores": "a"}, r"at least two stores; one alone is DataConfig\.store"),
        ({"stores": ("a", "b"), "weights": 2}, "has 1 number, .* names 2; give one weight for"),
        ({"stores": ("a", "b"), "weights": (1, 10**400)}, "weight of 'b' is inf"),
        ({"stores": ("a",)}, r"at least two stores; one alone is DataConfig\.store"),
        ({"stores": ("a", "")}, "each must be the path of a token store"),
        ({"stores": ("a", "b", "a")}, "names 'a' twice; name it once"),
        ({"stores": ("a", "b", "./b/../b")}, r"names '\./b/\.\./b' twice \(once as 'b'\)"),
        ({"stores": ("a", "b"), "store": "a"}, "both stores=.* and store='a'; set store to None"),
        ({"stores": ("a", "b"), "corpus": "documentation"}, "both stores=.* set corpus to None"),
        ({"stores": ("a", "b"), "weights": (1, 2, 3)}, "has 3 numbers, .* names 2"),
        ({"stores": ("a", "b"), "weights": (1, 0)}, "weight of 'b' is 0, it must be above 0"),
        ({"stores": ("a", "b"), "weights": (-0.5, 1)}, r"weight of 'a' is -0\.5"),
        ({"stores": ("a", "b"), "weights": (1, float("inf"))}, "weight of 'b' is inf"),
        ({"stores": ("a", "b"), "weights": (1, 2), "smoothing": 1.0}, "give one of them"),
        ({"stores": ("a", "b"), "smoothing": 1.5}, r"is 1\.5, it must be from 0"),
        ({"stores": ("a", "b"), "smoothing": float("nan")}, "is nan, it must be from 0"),
    ],
)
def test_stores_that_cannot_be_mixed_so_are_an_error(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        DataConfig(**fields)


def test_a_store_is_made_absolute_and_a_corpus_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert DataConfig(store="a").with_absolute_store() == DataConfig(store=str(tmp_path / "a"))
    at_home = DataConfig(store="~/a").with_absolute_store()
    assert at_home.store == str(tmp_path / "home" / "a")
    several = DataConfig(stores=("a", "~/b"), smoothing=0.3).with_absolute_store()
    assert several.stores == (str(tmp_path / "a"), str(tmp_path / "home" / "b"))
    assert several.smoothing == 0.3
    corpus = DataConfig(corpus="documentation")
    assert corpus.with_absolute_store() == corpus
