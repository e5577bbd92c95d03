from test_report import MLM, NSP

from bert_jax.verdicts import verdicts


def test_a_run_that_learned_nothing_is_told_so():
    bad = {
        "mlm": {**MLM, "loss": 6.3},
        "nsp": {**NSP, "accuracy": 0.55},
    }
    rows = {(row.task, row.measure): row for row in verdicts(bad)}
    assert rows["MLM", "loss, nats"].passed is False
    assert rows["MLM", "loss, nats"].text == "0.09 nat above the unigram entropy"
    assert rows["NSP", "accuracy"].passed is False
    assert "inside its interval" in rows["NSP", "accuracy"].text


def test_a_result_far_from_the_baseline_but_on_the_wrong_side_is_no_success():
    bad = {"nsp": {**NSP, "accuracy": 0.3}}
    assert verdicts(bad)[0].passed is False
    assert "24.1 points below" in verdicts(bad)[0].text


def test_a_run_without_next_sentence_prediction_has_no_row_of_it():
    assert {row.task for row in verdicts({"mlm": MLM})} == {"MLM"}
    assert {row.task for row in verdicts({"mlm": MLM, "nsp": None})} == {"MLM"}
