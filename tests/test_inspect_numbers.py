"""A store's numbers and warnings, for a terminal and for a program."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from corpora import Text, healthy, make_store

from bert_jax.recipes.inspect_numbers import Inspection, inspect_store, show_inspection
from bert_jax.recipes.inspect_store import store_facts


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("numbers"), healthy()).path


@pytest.fixture(scope="module")
def inspection(store: Path) -> Inspection:
    return inspect_store(store)


@pytest.fixture(scope="module")
def sick(tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    folder = tmp_path_factory.mktemp("sick")
    return inspect_store(make_store(folder, Text().documents(50, sentences=(1, 1))).path)


def test_the_object_holds_what_the_manifest_says_and_what_was_measured(
    store: Path, inspection: Inspection
) -> None:
    facts = json.loads(json.dumps(inspection.facts))
    before = store_facts(store)
    assert {name: facts[name] for name in before} == before
    train = facts["text"]["train"]
    assert train["sentence_tokens"]["quantiles"]["50"] > 10
    assert set(train["sentence_tokens"]) == {
        *("count", "mean", "min", "max", "quantiles", "edges", "counts")
    }
    assert {"fertility", "split_share", "capital_share", "worst"} < set(train["words"])
    assert {"unknown_share", "unigram_entropy", "unigram_entropy_bits", "unseen_share"} < set(train)
    assert set(train["duplicate_sentences"]) == {"count", "share", "token_share", "commonest"}
    assert set(facts["rows"]) == {"128", "512"}
    assert set(facts["rows"]["128"]) == {"sequences", "mean_tokens", "padded", "packed"}
    assert {"label_share", "predicted_share", "mask_share"} < set(facts["batches"])
    assert set(facts["loss"]) == {
        *("start", "start_mlm", "start_nsp", "stuck", "stuck_mlm", "stuck_nsp")
    }
    assert facts["objective"]["max_length"] == 128
    assert (facts["findings"], facts["warnings"], facts["unknowns"]) == ([], [], None)


def test_a_warning_is_a_sentence_and_an_object(sick: Inspection) -> None:
    finding = next(f for f in sick.facts["findings"] if f["name"] == "one_sentence_documents")
    assert set(finding) == {"name", "split", "seen", "why", "remedy"}
    assert f"{finding['seen']}: {finding['why']}; {finding['remedy']}" in sick.facts["warnings"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("which", ["inspection", "sick"])
def test_the_text_keeps_to_the_width_of_the_terminal(
    width: int, which: str, request: pytest.FixtureRequest
) -> None:
    inspection = request.getfixturevalue(which)
    facts = {**inspection.facts, "path": "store", "sources": []}
    lines = show_inspection(replace(inspection, facts=facts), width).splitlines()
    assert max(map(len, lines)) <= width
    shown = "\n".join(lines)
    assert ("  1 %  " in shown) is (width == 120)
    assert "before training" in shown
    warned = [line for line in lines if line.startswith("warning: ")]
    assert len(warned) == len(inspection.findings)
    assert ("no warnings" in shown) is (not warned)


def test_what_was_packed_and_what_was_sampled_is_shown(inspection: Inspection) -> None:
    numbers = inspection.examination.numbers
    assert "98.7 %" not in show_inspection(inspection)
    rows = {n: replace(fill, packed=0.987) for n, fill in numbers.rows.items()}
    text = {
        name: replace(t, counted_share=0.5, sampled_tokens=1000) for name, t in numbers.text.items()
    }
    changed = replace(numbers, rows=rows, text=text, batch_tokens=1000)
    examination = replace(inspection.examination, numbers=changed)
    shown = show_inspection(replace(inspection, examination=examination))
    assert "98.7 %" in shown
    assert "≥ 0.0 %" in shown
    assert "of a sample of 1,000 tokens" in shown
    assert "an epoch: about" in shown
    assert max(map(len, shown.splitlines()[5:])) <= 80


@pytest.mark.parametrize(
    ("pairs", "title", "label"),
    [
        ("next_sentence", "NSP", " random; predicted:"),
        ("sentence_order", "SOP", " swapped; predicted:"),
        ("none", None, None),
    ],
)
def test_pairs_are_called_by_their_task_and_not_at_all_where_there_are_none(
    inspection: Inspection, pairs: str, title: str | None, label: str | None
) -> None:
    facts = {**inspection.facts, "objective": {**inspection.facts["objective"], "pairs": pairs}}
    shown = show_inspection(replace(inspection, facts=facts))
    head = next(line.split() for line in shown.splitlines() if " MLM" in line)
    assert head == ["loss", "MLM", *([title] if title else [])]
    assert ("labels:" in shown) is (title is not None)
    assert label is None or label in shown


def test_the_words_split_most_are_a_table(inspection: Inspection) -> None:
    worst = inspection.examination.numbers.text["train"].words.worst
    lines = show_inspection(inspection).splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("  words split most  "))
    for line, word in zip(lines[head + 1 : head + 6], worst, strict=False):
        assert line.split() == [word.word, *word.pieces, f"{word.count:,}"]
