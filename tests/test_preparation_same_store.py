"""A store that is there already is opened or refused, and it is said why."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_preparation_prepare import files_of, make_documents, text_of

import data_pipeline.preparation.prepare as preparation
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.errors import DataError
from data_pipeline.preparation.prepare import prepare
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import train_wordpiece


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tokenizer]:
    """A folder with a corpus and its store, which nobody may change, and the tokeniser."""
    folder = tmp_path_factory.mktemp("same")
    (folder / "a.txt").write_bytes(text_of(make_documents(60)))
    tokenizer = train_wordpiece((p for d in make_documents(50) for p in d), size=100)
    prepare(folder / "a.txt", tokenizer, folder / "store", eval_share=0.2, workers=1)
    return folder, tokenizer


def never(*_: Any) -> None:
    pytest.fail("the input was read")


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"tokenizer": "other"}, "(--tokenizer "),
        ({"cleaning": CleaningRules(min_words=3)}, "(--min_words 0 there and 3 now)"),
        (
            {"cleaning": CleaningRules(exact_duplicates=True)},
            "(--exact_duplicates off there and on now)",
        ),
        (
            {"cleaning": CleaningRules(scripts=("Latin", "Greek"))},
            "(--scripts none there and Latin,Greek now)",
        ),
        (
            {"cleaning": CleaningRules(near_duplicates=0.8)},
            "(--near_duplicates none there and 0.8 now)",
        ),
        ({"tokenizer": "nfc"}, "(--normalize none there and nfc now)"),
        ({"eval_share": 0.3}, "(--eval_share 0.2 there and 0.3 now)"),
        ({"language": "de"}, "(--language en there and de now)"),
        ({"lines": "sentence"}, "(--lines paragraph there and sentence now)"),
        ({"inputs": ["b.txt", "c.txt", "d", "e"]}, " there and b.txt, c.txt, d and 1 more now)"),
    ],
)
def test_another_store_is_told_of_with_the_difference_before_any_input_is_read(
    made: tuple[Path, Tokenizer],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    difference: str,
) -> None:
    folder, tokenizer = made
    if settings.get("tokenizer") == "nfc":
        settings = {"tokenizer": tokenizer.with_rules(replace(tokenizer.rules, unicode_form="nfc"))}
    elif "tokenizer" in settings:
        settings = {"tokenizer": train_wordpiece(["Other text."], size=60)}
    monkeypatch.setattr(preparation, "as_sources", never)
    call = {"inputs": [folder / "a.txt"], "tokenizer": tokenizer, "eval_share": 0.2, **settings}
    before = files_of(TokenStore.open(folder / "store"))
    with pytest.raises(DataError) as error:
        prepare(**call, output=folder / "store", workers=1)
    message = str(error.value)
    start = f"{folder / 'store'}: a token store is there already, and is another ("
    assert message.startswith(start)
    assert difference in message
    assert message.count(" now") == 1
    assert message.endswith("); remove it or name a new one")
    assert files_of(TokenStore.open(folder / "store")) == before


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n\nMore text.\n")


def touched(path: Path) -> None:
    os.utime(path)


@pytest.mark.parametrize("change", [appended, touched])
def test_a_store_whose_input_was_changed_since_is_told_of_with_the_file(
    made: tuple[Path, Tokenizer], tmp_path: Path, change: Callable[[Path], None]
) -> None:
    text = tmp_path / "b.txt"
    text.write_bytes((made[0] / "a.txt").read_bytes())
    settings = {"eval_share": 0.2, "workers": 1}
    prepare(text, made[1], tmp_path / "store", **settings)
    assert prepare(text, made[1], tmp_path / "store", **settings).train.num_documents
    change(text)
    with pytest.raises(DataError, match=r"there already, but .*b\.txt changed since; remove it"):
        prepare(text, made[1], tmp_path / "store", **settings)


def test_another_key_of_the_text_is_a_difference(
    made: tuple[Path, Tokenizer], tmp_path: Path
) -> None:
    text = tmp_path / "a.jsonl"
    rows = [{"text": " ".join(d), "body": "A text."} for d in make_documents(60)]
    text.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"eval_share": 0.2, "workers": 1}
    prepare(text, made[1], tmp_path / "store", **settings)
    with pytest.raises(DataError, match=r"is another \(--text_key text there and body now\)"):
        prepare(text, made[1], tmp_path / "store", text_key="body", **settings)


@pytest.mark.parametrize("wrong", [{"sources": [3]}, {"cleaning": {}}, {"libraries": []}])
def test_a_manifest_that_is_odd_is_no_crash(
    made: tuple[Path, Tokenizer], tmp_path: Path, wrong: dict[str, Any]
) -> None:
    settings = {"eval_share": 0.2, "workers": 1}
    store = prepare(made[0] / "a.txt", made[1], tmp_path / "store", **settings).path
    manifest = json.loads((store / "manifest.json").read_text())
    (store / "manifest.json").write_text(json.dumps({**manifest, **wrong, "job": "other"}))
    with pytest.raises(DataError, match="a token store is there already"):
        prepare(made[0] / "a.txt", made[1], store, **settings)


def test_the_manifest_says_which_libraries_made_it(made: tuple[Path, Tokenizer]) -> None:
    libraries = TokenStore.open(made[0] / "store").manifest["libraries"]
    assert {"tokenizers version", "sentencex version"} <= set(libraries)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tokenizer": "vocab.txt"}, "tokenizer must be a tokeniser, as load_tokenizer"),
        ({"cleaning": 3}, "cleaning must be a CleaningRules; got 3"),
        ({"eval_share": "0.1"}, "eval_share must be above 0 and below 1; got '0.1'"),
        ({"workers": "2"}, "workers must be a whole number, at least 1; got '2'"),
        ({"inputs": 3}, "an input must be the name of a file, glob, folder or data set; got 3"),
        ({"inputs": [None]}, "an input must be the name of .*; got None"),
        ({"lines": 3}, "lines must be one of"),
        ({"language": 3}, "language must be a code"),
        # Its lines would not be split, so that only an early look finds it.
        ({"language": "xx", "lines": "sentence"}, "language 'xx' is not known: give its code"),
    ],
)
def test_what_is_of_another_type_than_is_needed_is_one_error(
    made: tuple[Path, Tokenizer], tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    call = {"inputs": [made[0] / "a.txt"], "tokenizer": made[1], "eval_share": 0.2, **wrong}
    with pytest.raises(DataError, match=message):
        prepare(**{"workers": 1, **call}, output=tmp_path / "store")
    assert list(tmp_path.iterdir()) == []
