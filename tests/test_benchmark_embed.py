"""`bert-jax benchmark embed`: what both sides are given, and what is said where it cannot be."""

import importlib.util

import pytest

from bert_jax import cli
from bert_jax.benchmarks import embed
from bert_jax.errors import UserError


def test_sentences_are_short_and_of_the_store(tiny_run):
    texts = embed.short_sentences(tiny_run.store, 20)
    assert len(texts) == 20
    assert all(1 <= len(text.split()) <= embed.LONGEST for text in texts)
    with pytest.raises(UserError, match=r"sentences of 4 to 32 tokens, and 99,999 are"):
        embed.short_sentences(tiny_run.store, 99_999)


def test_sentences_of_a_store_may_be_counted(monkeypatch, capsys):
    asked = []
    row = {"name": "ours", "peer": None, "value": 1.0, "unit": "sentences/s", "ratio": None}
    monkeypatch.setattr(embed, "run", lambda *given: asked.append(given) or [row])
    assert cli.main(["benchmark", "embed", "--data", "store"]) == 0
    assert cli.main(["benchmark", "embed", "--data", "store", "--sentences", "300"]) == 0
    assert asked == [("store", embed.SENTENCES), ("store", 300)]
    assert "sentences/s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "needs --data STORE, whose tokeniser and sentences both sides use"),
        (["--data", "s", "--platform", "gpu"], "leave --platform gpu out"),
        (["--data", "s", "--text", "t"], "leave --text out"),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(argv, message, capsys):
    assert cli.main(["benchmark", "embed", *argv]) == 2
    assert message in capsys.readouterr().err


def test_without_the_peer_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="no torch and no transformers and no sentence-transform"):
        embed.run("store")
