"""What a person and a program are told about a token store."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bert_jax.recipes.inspect_store import show_sources, show_store, store_facts
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.errors import DataError
from data_pipeline.store.writer import EncodedPart, new_store
from data_pipeline.tokenization.rules import Rules
from data_pipeline.tokenization.tokenizer import Tokenizer


@pytest.fixture
def store(tmp_path: Path) -> Path:
    tokenizer = Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"], Rules(False))
    part = EncodedPart(
        np.array([5, 6, 5, 6, 6], np.uint16),
        np.array([2, 3]),
        np.array([2]),
        {"words": 4, "characters": 11, "bytes": 12},
    )
    with new_store(tmp_path / "store", tokenizer) as writer:
        writer.splits["train"].append(part)
        writer.splits["eval"].append(part)
        writer.finish(
            {
                "replaced_characters": 3,
                "dropped_sentences": 0,
                "dropped_documents": 0,
                "sources": [
                    {
                        "kind": "text",
                        "input": "a.txt",
                        "files": 2,
                        "lines": "sentence",
                        "bytes": 24,
                        "empty_files": 1,
                    }
                ],
            }
        )
    return tmp_path / "store"


def test_facts_are_the_manifests_with_sizes_and_without_checksums(store: Path) -> None:
    facts = store_facts(store)
    assert facts["kind"] == "token store"
    assert facts["path"] == str(store)
    assert facts["splits"]["train"]["tokens"] == 5
    assert facts["tokenizer"]["vocab_size"] == 7
    assert "files" not in facts
    files = [path for path in store.rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert facts["stored_bytes"] == sum(path.stat().st_size for path in files)


def test_the_text_shows_counts_tokeniser_sources_and_what_was_wrong(store: Path) -> None:
    lines = show_store({**store_facts(store), "path": "store"}).splitlines()
    shown = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    train = next(line.split() for line in lines if line.startswith("  train"))
    assert train == ["train", "1", "2", "5", "4", "11", "12"]
    assert "7 word pieces, uncased" in shown
    assert "3 characters replaced" in shown
    assert "dropped" not in shown
    assert (
        "source a.txt\n  text, 2 files, 24 B of text, one sentence a line\n"
        "  1 file without anything in it" in shown
    )


def test_a_record_is_no_line_of_its_file() -> None:
    source = {"kind": "jsonl", "input": "a.jsonl", "lines": "paragraph", "bytes": 24}
    assert show_sources({"sources": [source]})[2:] == [
        "  jsonl, 1 file, 24 B of JSON, one paragraph a line of each text"
    ]


def test_a_split_of_one_document_is_warned_of_with_the_remedy(store: Path) -> None:
    facts = store_facts(store)
    assert [warning.split(":")[0] for warning in facts["warnings"]] == [
        "train holds 1 document",
        "eval holds 1 document",
    ]
    assert "warning: eval holds 1 document: next-sentence pairs" in show_store(facts)


def test_characters_are_shown_where_they_were_counted(store: Path) -> None:
    facts = store_facts(store)
    for split in facts["splits"].values():
        del split["characters"]  # as of a store from before they were
    assert " chars " not in show_store(facts)
    for split in facts["splits"].values():
        split |= {"characters": 10**11, "documents": 6_000_000, "tokens": 4 * 10**9}
    lines = show_store({**facts, "path": "store", "warnings": []}).splitlines()
    assert "  chars  " in "\n".join(lines)
    assert max(map(len, lines)) <= 80


def test_packages_are_a_table_with_versions_and_licences(store: Path) -> None:
    facts: dict[str, Any] = store_facts(store)
    packages = [
        {"name": "numpy", "version": "2.4.6", "licence": "BSD-3-Clause", "words": 123456},
        {"name": "x" * 40, "version": "1", "licence": "", "words": 7},
    ]
    facts["sources"] = [{"kind": "documentation", "packages": packages}]
    lines = show_store({**facts, "path": "store"}).splitlines()
    assert "source documentation: 2 packages" in lines
    assert max(map(len, lines)) <= 80
    numpy = next(line.split() for line in lines if line.startswith("  numpy"))
    assert numpy == ["numpy", "2.4.6", "BSD-3-Clause", "123,456"]


def test_counts_of_a_big_corpus_fit_80_columns(store: Path) -> None:
    facts = store_facts(store)
    big = {"documents": 6_000_000, "sentences": 10**8, "words": 3 * 10**9, "bytes": 2 * 10**10}
    facts["splits"]["train"] |= {**big, "tokens": 4 * 10**9}
    lines = show_store({**facts, "path": "store"}).splitlines()
    assert max(map(len, lines)) <= 80


def test_a_damaged_store_is_an_error(store: Path) -> None:
    (store / "train" / "tokens.npy").unlink()
    with pytest.raises(DataError, match="damaged token store"):
        store_facts(store)


def test_rules_that_dropped_nothing_are_shown(store: Path) -> None:
    facts = store_facts(store)
    rules = CleaningRules(
        scripts=("Latin", "Greek"), max_control_share=0.0, exact_duplicates=True, min_words=2
    )
    facts["cleaning"] = {"rules": json.loads(json.dumps(asdict(rules))), "dropped": {}}
    shown = show_store(facts).splitlines()
    at = next(i for i, line in enumerate(shown) if line.startswith("  dropped: none"))
    assert max(map(len, shown[at : at + 2])) <= 80
    assert " ".join(line.strip() for line in shown[at : at + 2]) == (
        "dropped: none (rules: --min_words 2, --scripts Latin,Greek, --max_control_share 0.0, "
        "--exact_duplicates)"
    )
    facts["cleaning"]["rules"] = json.loads(json.dumps(asdict(CleaningRules())))
    assert "dropped:" not in show_store(facts)


def test_what_cleaning_dropped_is_shown_with_an_example(store: Path) -> None:
    facts = {**store_facts(store), "path": "store", "warnings": []}
    assert "dropped" not in show_store(facts)
    facts["cleaning"] = {
        "rules": {},
        "dropped": {
            "too_short": {"documents": 1200, "words": 2400, "examples": ["The cat."]},
            "near_duplicate": {"documents": 3, "words": 900, "examples": ["A season " * 9]},
        },
    }
    lines = show_store(facts).splitlines()
    assert "  too short           1,200  2,400  The cat." in lines
    assert max(map(len, lines)) <= 80


def test_a_folder_with_files_of_several_kinds_is_named_once(store: Path) -> None:
    facts = {**store_facts(store), "path": "store", "warnings": []}
    one = {"input": "folder", "files": 1, "bytes": 24}
    facts["sources"] = [{**one, "kind": "text"}, {**one, "kind": "jsonl", "empty_documents": 2}]
    assert show_store(facts).endswith(
        "\n\nsource folder\n  text, 1 file, 24 B of text\n"
        "  jsonl, 1 file, 24 B of JSON\n  2 documents without text\n"
    )
