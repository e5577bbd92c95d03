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


def test_a_store_is_made_absolute_and_a_corpus_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert DataConfig(store="a").with_absolute_store() == DataConfig(store=str(tmp_path / "a"))
    at_home = DataConfig(store="~/a").with_absolute_store()
    assert at_home.store == str(tmp_path / "home" / "a")
    corpus = DataConfig(corpus="documentation")
    assert corpus.with_absolute_store() == corpus
