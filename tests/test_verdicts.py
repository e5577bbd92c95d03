from test_report import MLM, NSP

from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.verdicts import label_name, verdicts


def test_a_run_that_learned_nothing_is_told_so():
    bad = {
        "mlm": {**MLM, "loss": 6.3},
        "nsp": {**NSP, "accuracy": 0.55},
    }
    rows = {(row.task, row.measure): row for row in verdicts(bad)}
    assert rows["MLM", "loss, nats"].passed is False
    assert rows["MLM", "loss, nats"].text == "0.09 nat above the held-out unigram entropy"
    assert rows["NSP", "accuracy"].passed is False
    assert "inside its interval" in rows["NSP", "accuracy"].text


def test_a_result_far_from_the_baseline_but_on_the_wrong_side_is_no_success():
    bad = {"nsp": {**NSP, "accuracy": 0.3}}
    assert verdicts(bad)[0].passed is False
    assert "24.1 points below" in verdicts(bad)[0].text


def test_a_run_without_next_sentence_prediction_has_no_row_of_it():
    assert {row.task for row in verdicts({"mlm": MLM})} == {"MLM"}
    assert {row.task for row in verdicts({"mlm": MLM, "nsp": None})} == {"MLM"}


def test_sentence_order_is_named_with_its_labels():
    rows = verdicts({"mlm": MLM, "sop": NSP})
    assert {row.task for row in rows} == {"MLM", "SOP"}
    assert "always “swapped”" in rows[2].baseline_name
    task = PAIR_TASKS["next_sentence"]
    assert [label_name(task, x) for x in (0, 1, 2, None)] == ["next", "random", "2", "one label"]


def test_bits_per_character_have_a_row_where_characters_were_counted():
    measured = {**MLM, "bits_per_character": 1.5, "characters_per_token": 4.0}
    measures = [row.measure for row in verdicts({"mlm": MLM})]
    [row] = [row for row in verdicts({"mlm": measured}) if row.measure not in measures]
    assert row.result == "1.500"
    assert row.baseline == "2.241"  # 6.213 nats of the unigram entropy / ln 2 / 4
    assert row.text == "0.74 bit below the held-out unigram entropy"
    assert "4.00 characters a token" in row.baseline_name
    assert row.passed is None
