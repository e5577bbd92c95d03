"""What a person is shown of a batch is what the batch holds."""

import dataclasses
import json
import re

import numpy as np
import pytest
from rich.cells import cell_len
from test_preparation_prepare import make_documents, text_of

from bert_jax.cli import main
from bert_jax.errors import UserError
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.show_batch import batch_rows, show_rows
from data_pipeline.batches import PretrainingBatches
from data_pipeline.errors import DataError
from data_pipeline.mixture import MixtureBatches
from data_pipeline.mixture_shares import shares_of
from data_pipeline.objective import PretrainingObjective
from data_pipeline.preparation.prepare import prepare
from data_pipeline.shown_batch import Prediction, shown_batch, shown_mixture
from data_pipeline.shown_batch import _joined as joined
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.special_ids import SpecialIds
from data_pipeline.tokenization.text_tokenizer import SPECIALS
from data_pipeline.tokenization.tokenizer import Tokenizer
from data_pipeline.tokenization.vocabulary import train_wordpiece

ROWS = 8


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    folder = tmp_path_factory.mktemp("shown")
    for seed, name in enumerate(("a.txt", "b.txt")):
        (folder / name).write_bytes(text_of(make_documents(60, seed)))
    texts = [paragraph for document in make_documents(50) for paragraph in document]
    tokenizer = train_wordpiece(texts, size=100)
    inputs = [folder / "a.txt", folder / "b.txt"]
    return prepare(inputs, tokenizer, folder / "store", eval_share=0.1, workers=1)


@pytest.mark.parametrize("pairs", ["next_sentence", "sentence_order", "none"])
@pytest.mark.parametrize("max_sequences", [1, 3])
def test_masks_taken_back_give_the_text_of_the_documents_that_are_named(
    store: TokenStore, pairs: str, max_sequences: int
) -> None:
    objective = PretrainingObjective(64, 10, pairs=pairs, max_sequences=max_sequences)
    tokenizer = store.tokenizer()
    ids = SpecialIds.of(tokenizer)
    batches = PretrainingBatches(store.train, ids, objective, seed=3, batch_size=ROWS)
    batch = batches(5)
    shown = list(shown_batch(batches, store, objective, 5))
    assert len({s.row for s in shown}) == ROWS
    assert sum(len(s.tokens) for s in shown) == batch["attention_mask"].sum()
    assert sum(len(s.predictions) for s in shown) == batch["masked_lm_weights"].sum()
    for sequence in shown:
        tokens = list(sequence.tokens)
        for prediction in sequence.predictions:
            assert tokens[prediction.position] == prediction.shown
            assert (prediction.kind == "mask") == (prediction.shown == "[MASK]")
            assert (prediction.kind == "kept") == (prediction.shown == prediction.original)
            tokens[prediction.position] = prediction.original
        parts = " ".join(tokens[1:]).split("[SEP]")[:-1]
        documents = [text_of_document(store, origin.document) for _, origin in sequence.documents]
        assert [part for part, _ in sequence.documents] == (
            ["text"] * len(documents) if pairs == "none" else ["A", "B"]
        )
        for part, document in zip(parts, documents, strict=True):
            assert part.strip() in document
        assert (sequence.label is None) == (pairs == "none")


def test_text_is_joined_only_where_a_piece_continues_the_word_that_is_shown() -> None:
    vocab = [*SPECIALS, "walk", "##ing", "the", "un", "##able"]
    tokenizer = Tokenizer(vocab, Rules(False))
    ids = [
        tokenizer.token_to_id(t) or 0
        for t in "[CLS] ##ing walk ##ing un ##able [MASK] ##ing".split()
    ]
    assert joined(ids, (), tokenizer) == "[CLS] ##ing walking unable [MASK] ##ing"
    wrong = Prediction(4, "the", "un", "random", "the", "un")
    assert joined(ids, (wrong,), tokenizer) == "[CLS] ##ing walking un ##able [MASK] ##ing"


def text_of_document(store: TokenStore, document: int) -> str:
    split, tokenizer = store.train, store.tokenizer()
    first, last = split.document_offsets[document : document + 2]
    tokens = split.tokens[split.sentence_offsets[first] : split.sentence_offsets[last]]
    return " ".join(tokenizer.id_to_token(int(i)) for i in tokens)


def test_the_command_prints_the_batch_that_a_step_was_made_of(
    store: TokenStore, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(store.path), "--batch_size", "8", "--gin.TrainConfig.seed=4"]
    command = ["show-batch", "mini", *flags, "--step", "3", "--rows", "2"]
    assert main(command) == 0
    text, said = capsys.readouterr()
    assert "making the plan: " in said
    assert text.startswith("row 0: example 16, ")
    assert re.search(r"  A: training document [\d,]+, line [\d,]+ of /.*/[ab]\.txt\n", text)
    assert max(map(len, text.splitlines())) < 300
    assert main([*command, "--json"]) == 0
    text, said = capsys.readouterr()
    # It lies in the store now.
    assert "reading the plan: " in said
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["row"] for row in rows] == [0, 1]
    assert [document["part"] for document in rows[0]["documents"]] == ["A", "B"]
    assert rows[0]["documents"][0]["place"].keys() == {"kind", "number"}
    assert rows[0]["label_name"] in ("next", "random")
    objective = load_experiment("mini", [f"DataConfig.store={str(store.path)!r}"]).objective
    ids = SpecialIds.of(store.tokenizer())
    batch = PretrainingBatches(store.train, ids, objective, seed=4, batch_size=8)(2)
    expected = [store.tokenizer().id_to_token(int(i)) for i in np.trim_zeros(batch["input_ids"][1])]
    assert [t for t in rows[1]["tokens"] if t != "[PAD]"] == [t for t in expected if t != "[PAD]"]


def test_an_id_that_only_the_batch_shows_to_be_beyond_the_vocabulary_is_an_error(
    store: TokenStore,
) -> None:
    ids = np.full_like(store.train.tokens, 60_000)
    changed = dataclasses.replace(store.train, tokens=ids)
    altered = TokenStore(store.path, store.manifest, {"train": changed, "eval": store.eval})
    objective, special = PretrainingObjective(), SpecialIds.of(store.tokenizer())
    batches = PretrainingBatches(changed, special, objective, seed=1, batch_size=2)
    with pytest.raises(DataError, match=rf"{store.path}: .*the id 60,000.* --verify"):
        next(shown_batch(batches, altered, objective, 0))


@pytest.mark.parametrize("text", ["漢 字 " * 99, "漢字" * 99])
def test_chinese_text_is_as_wide_as_the_terminal(text: str) -> None:
    words = [Prediction(i, "漢字", "字", "random", "漢字", "字")._asdict() for i in range(9)]
    facts = {"row": 0, "example": 1, "tokens": [], "label_name": None, "is_packed": False}
    row = {**facts, "documents": [], "text": text, "predictions": words}
    lines = list(show_rows([row], 80))
    assert 70 < max(map(cell_len, lines)) <= 80
    assert "".join(lines).count("漢") == 99 + 9


def test_a_step_that_the_run_does_not_have_is_an_error(store: TokenStore) -> None:
    experiment = load_experiment("mini", [f"DataConfig.store={str(store.path)!r}"])
    for step in (0, 900_001, 10**30):
        with pytest.raises(UserError, match=r"the steps of this experiment are 1 to 900,000"):
            next(batch_rows(experiment, step))
    embedded = load_experiment("documentation_tiny")
    with pytest.raises(UserError, match=r"needs --data STORE.*data/documentation_8192 beside"):
        next(batch_rows(embedded, 1))


def test_rows_of_a_mixture_are_shown_with_their_store(store: TokenStore) -> None:
    objective = PretrainingObjective(64, 10, max_sequences=3)
    ids = SpecialIds.of(store.tokenizer())
    stores = [store, store]
    splits = [one.train for one in stores]
    batches = MixtureBatches(splits, shares_of([2, 1]), ids, objective, seed=3, batch_size=ROWS)
    shown = list(shown_mixture(batches, stores, objective, 5))
    batch, drawn = batches(5), batches.drawn(5)
    assert [s.row for _, s in shown] == sorted(s.row for _, s in shown)
    assert {s.row: number for number, s in shown} == dict(enumerate(drawn.store.tolist()))
    assert sum(len(s.tokens) for _, s in shown) == batch["attention_mask"].sum()
    assert sum(len(s.predictions) for _, s in shown) == batch["masked_lm_weights"].sum()
    assert {s.row for _, s in shown_mixture(batches, stores, objective, 5, 3)} == {0, 1, 2}
    for number, sequence in shown:
        tokens = list(sequence.tokens)
        for prediction in sequence.predictions:
            tokens[prediction.position] = prediction.original
        parts = " ".join(tokens[1:]).split("[SEP]")[:-1]
        for part, (_, origin) in zip(parts, sequence.documents, strict=True):
            assert part.strip() in text_of_document(stores[number], origin.document)
