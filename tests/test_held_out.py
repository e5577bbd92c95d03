"""Held-out results and what they are compared with."""

import numpy as np
import pytest
from models import packed, small_config, small_program
from splits import random_split

from bert_jax.pair_tasks import PAIR_TASKS
from bert_jax.recipes.held_out import (
    baselines,
    characters_per_token,
    evaluate,
    summary,
    verdict,
)
from data_pipeline.evaluation import evaluation_batches
from data_pipeline.mixture_evaluation import MixtureEvaluation
from data_pipeline.mixture_shares import shares_of
from data_pipeline.objective import PretrainingObjective
from data_pipeline.tokenization.special_ids import SpecialIds

CONFIG = small_config()
IDS = SpecialIds(pad=0, cls=1, sep=2, mask=3, vocab_size=CONFIG.vocab_size)
OBJECTIVE = PretrainingObjective(max_length=24, max_predictions=4)


NSP = PAIR_TASKS["next_sentence"]


class Tokens:
    """A tokeniser whose tokens are their numbers."""

    vocab_size = CONFIG.vocab_size

    def readable_token(self, i):
        return f"t{i}"


@pytest.fixture(scope="module")
def split():
    return random_split(3, documents=30, vocab_size=CONFIG.vocab_size)


def held_out(split, batch_size, examples):
    return evaluation_batches(split, IDS, OBJECTIVE, batch_size=batch_size, max_examples=examples)


def test_results_are_means_over_all_examples_however_they_are_batched(split):
    program = small_program()
    params = program.create_state().params
    # 21 examples: the last batch of each size is filled with rows that do not count.
    first, second = (evaluate(program, params, held_out(split, n, 21)) for n in (8, 16))
    assert first.keys() == {
        *("eval_loss", "eval_mlm_loss", "eval_nsp_loss"),
        *("eval_mlm_accuracy", "eval_nsp_accuracy"),
    }
    for name, value in first.items():
        assert second[name] == pytest.approx(value, abs=1e-5), name
    assert first["eval_loss"] == pytest.approx(first["eval_mlm_loss"] + first["eval_nsp_loss"])
    # An untrained model knows no more than the sizes of the vocabulary and of the two labels.
    assert first["eval_mlm_loss"] == pytest.approx(np.log(CONFIG.vocab_size), abs=0.2)
    assert first["eval_nsp_accuracy"] * 21 == pytest.approx(round(first["eval_nsp_accuracy"] * 21))


def test_baselines_are_those_of_the_examples_that_count(split):
    found = baselines(held_out(split, 8, 21), Tokens(), split, NSP)
    assert found == baselines(held_out(split, 21, 21), Tokens(), split, NSP)
    [batch] = held_out(split, 21, 21)
    ids = batch["masked_lm_ids"][batch["masked_lm_weights"] > 0]
    values, counts = np.unique(ids, return_counts=True)
    shares = counts / len(ids)
    mlm, nsp = found["mlm"], found["nsp"]
    assert mlm["predictions"] == len(ids)
    assert mlm["unigram_entropy"] == pytest.approx(-(shares * np.log(shares)).sum())
    frequencies = (np.bincount(split.tokens, minlength=CONFIG.vocab_size) + 1) / (
        len(split.tokens) + CONFIG.vocab_size
    )
    assert mlm["unigram_loss"] == pytest.approx(-np.log(frequencies[ids]).mean())
    assert mlm["unigram_loss"] > mlm["unigram_entropy"]
    assert mlm["commonest_token"] == f"t{values[counts.argmax()]}"
    assert mlm["commonest_accuracy"] == pytest.approx(shares.max())
    ones = batch["next_sentence_labels"].mean()
    assert nsp["examples"] == 21
    assert nsp["majority_label"] == int(ones > 0.5)
    assert nsp["majority_share"] == pytest.approx(max(ones, 1 - ones))
    low, high = nsp["interval"]
    assert low < nsp["majority_share"] < high


METRICS = {
    "eval_loss": 5.6,
    "eval_mlm_loss": 5.0,
    "eval_nsp_loss": 0.6,
    "eval_mlm_accuracy": 0.25,
    "eval_nsp_accuracy": 0.7,
}
FLOOR = {
    "mlm": {
        "unigram_entropy": 6.2,
        "unigram_loss": 6.3,
        "commonest_accuracy": 0.05,
        "commonest_token": "the",
        "predictions": 19311,
    },
    "nsp": {
        "majority_share": 0.54,
        "majority_label": 1,
        "examples": 1024,
        "interval": [0.51, 0.57],
    },
}


def test_a_verdict_is_the_result_with_its_baseline_beside_it():
    assert verdict(7, METRICS, FLOOR) == {
        "step": 7,
        "mlm": {"loss": 5.0, "accuracy": 0.25, **FLOOR["mlm"]},
        "nsp": {"loss": 0.6, "accuracy": 0.7, **FLOOR["nsp"]},
    }


def test_the_summary_says_by_how_much_each_baseline_is_beaten():
    mlm, frequencies, accuracy, nsp = summary(verdict(7, METRICS, FLOOR))
    assert "MLM loss 5.000: 1.200 nat below the held-out unigram entropy 6.200" in mlm
    assert "frequencies of the training text has a loss of 6.300" in frequencies
    assert "accuracy 0.250; always guessing 'the' gives 0.050" in accuracy
    assert "NSP accuracy 0.700: 0.160 above the majority share 0.540" in nsp
    assert "inside" not in nsp


def test_the_summary_says_so_where_nothing_was_learned():
    metrics = METRICS | {"eval_mlm_loss": 6.5, "eval_nsp_accuracy": 0.53}
    mlm, *_, nsp = summary(verdict(7, metrics, FLOOR))
    assert "0.300 nat ABOVE the held-out unigram entropy" in mlm
    assert "0.010 BELOW the majority share" in nsp
    assert "inside the interval: not told from guessing" in nsp


@pytest.mark.parametrize("off", [0.0, 0.0004, -0.0004])
def test_the_summary_gives_no_side_to_a_difference_that_its_digits_do_not_show(off):
    metrics = {"eval_nsp_accuracy": 0.54 + off, "eval_mlm_loss": 6.2 + off}
    mlm, *_, nsp = summary(verdict(7, METRICS | metrics, FLOOR))
    assert "MLM loss 6.200: level with the held-out unigram entropy 6.200" in mlm
    assert nsp.split(":")[1].startswith(" level with the majority share 0.540")


def test_baselines_name_the_pair_task_and_are_of_the_masked_tokens_alone_without_one(split):
    batches = held_out(split, 8, 21)
    with_pairs = baselines(batches, Tokens(), split, NSP)
    swapped = baselines(batches, Tokens(), split, PAIR_TASKS["sentence_order"])
    assert swapped == {"mlm": with_pairs["mlm"], "sop": with_pairs["nsp"]}
    bare = [{k: v for k, v in b.items() if not k.startswith("next_sentence")} for b in batches]
    assert baselines(bare, Tokens(), split, None) == {"mlm": with_pairs["mlm"]}


def test_packed_rows_have_the_baselines_of_their_sequences(split):
    [batch] = held_out(split, 20, 20)
    wanted = baselines([batch], Tokens(), split, NSP)
    rows = packed(batch, [3, 2, 3, 3, 1, 3, 2, 3])
    assert baselines([rows], Tokens(), split, NSP) == wanted


def test_results_of_a_mixture_count_each_store_by_its_share_of_the_rows(split):
    program = small_program()
    params = program.create_state().params
    parts = {"en": held_out(split, 8, 16), "sw": held_out(random_split(4, 20), 8, 8)}
    found = evaluate(program, params, MixtureEvaluation(parts, shares_of([9, 1])))
    alone = {name: evaluate(program, params, part) for name, part in parts.items()}
    pairs = [alone[name]["eval_nsp_loss"] for name in parts]
    assert found["eval_nsp_loss"] == pytest.approx(0.9 * pairs[0] + 0.1 * pairs[1])
    for name, of_store in alone.items():
        for task in ("mlm_loss", "mlm_accuracy", "nsp_loss", "nsp_accuracy"):
            assert found[f"eval_{name}_{task}"] == of_store[f"eval_{task}"]


def test_results_without_pairs_are_those_of_the_masked_lm(split):
    config = small_config(pair_task="none")
    program = small_program(config=config)
    found = evaluate(program, program.create_state().params, held_out(split, 8, 21))
    assert found.keys() == {"eval_loss", "eval_mlm_loss", "eval_mlm_accuracy"}
    assert found["eval_loss"] == found["eval_mlm_loss"]
    result = verdict(7, found, {"mlm": FLOOR["mlm"]})
    assert result.keys() == {"step", "mlm"}
    assert not any("NSP" in line for line in summary(result))


def test_a_summary_names_sentence_order():
    metrics = METRICS | {"eval_sop_loss": 0.3, "eval_sop_accuracy": 0.9}
    floor = {"mlm": FLOOR["mlm"], "sop": FLOOR["nsp"]}
    assert "held-out SOP accuracy 0.900" in summary(verdict(7, metrics, floor))[-1]


def test_bits_per_character_are_the_loss_of_the_text_whatever_its_tokens():
    splits = {"eval": {"tokens": 300, "characters": 1350}, "train": {"tokens": 9}}
    per_token = characters_per_token({"splits": splits})
    assert per_token == 4.5
    floor = {**FLOOR, "mlm": {**FLOOR["mlm"], "characters_per_token": per_token}}
    result = verdict(7, METRICS, floor)
    # 300 tokens at 5 nats each, in bits, over 1,350 characters.
    assert result["mlm"]["bits_per_character"] == pytest.approx(300 * 5 / np.log(2) / 1350)
    assert any("bits per character 1.603 (4.50" in line for line in summary(result))


@pytest.mark.parametrize("counts", [{"tokens": 300}, {"tokens": 0, "characters": 0}])
def test_bits_per_character_are_left_out_where_characters_were_not_counted(counts):
    assert characters_per_token({"splits": {"eval": counts}}) is None
    assert "bits_per_character" not in verdict(7, METRICS, FLOOR)["mlm"]
    assert not any("bits" in line for line in summary(verdict(7, METRICS, FLOOR)))
