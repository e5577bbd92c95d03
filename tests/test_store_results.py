"""Held-out results of a mixture, store by store."""

import pytest

from bert_jax.store_results import MOST_LINES, split_evaluations, store_lines, store_rows


def results(stores):
    of_store = {
        "share": 0.25,
        "epochs": 12.06,
        "mlm": {
            "loss": 5.0,
            "accuracy": 0.25,
            "unigram_entropy": 6.2,
            "bits_per_character": 1.8,
        },
        "nsp": {"loss": 0.6, "accuracy": 0.7, "majority_share": 0.54},
    }
    return {"step": 7, "mlm": {}, "stores": {f"s{i}": of_store for i in range(stores)}}


def test_each_store_has_a_row_with_its_share_its_epochs_and_what_it_has_to_beat():
    assert store_rows(results(1)) == [
        {
            "store": "s0",
            "share": "25.0 %",
            "epochs": "12.1",
            "MLM loss": "5.000",
            "to beat": "6.200",
            "acc.": "25.0 %",
            "bits/char.": "1.800",
            "NSP acc.": "70.0 %",
            "NSP majority": "54.0 %",
        }
    ]
    assert store_rows({"step": 7, "mlm": {}}) == []


def test_lines_stand_in_columns_and_fit_a_narrow_terminal():
    assert store_lines({"step": 7}) == []
    lines = store_lines(results(3))
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert len(lines[0]) <= 80
    *shown, last = store_lines(results(MOST_LINES + 3))
    assert len(shown) == MOST_LINES + 1
    assert last == "  and 3 more stores, in evaluation.json"


def test_an_evaluation_line_is_taken_apart_by_store():
    line = {"step": 7, "eval_loss": 5.6, "eval_mlm_loss": 5.0, "eval_nsp_loss": 0.6}
    of_stores = {"eval_en_mlm_loss": 4.9, "eval_wiki-sw_mlm_loss": 5.1}
    joint, rows = split_evaluations([{**line, **of_stores}], ["en", "wiki-sw"])
    assert joint == [line]
    assert rows == [
        {"step": 7, "store": "en", "mlm_loss": 4.9},
        {"step": 7, "store": "wiki-sw", "mlm_loss": 5.1},
    ]
    assert split_evaluations([line], []) == ([line], [])


@pytest.mark.parametrize("pairs", [True, False])
def test_columns_of_pairs_are_there_only_with_pairs(pairs):
    found = results(1)
    if not pairs:
        del found["stores"]["s0"]["nsp"]
    assert ("NSP acc." in store_lines(found)[0]) == pairs
