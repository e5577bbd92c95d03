import jax
import numpy as np
import pytest

from bert_jax.heads import PretrainingOutput, Projection
from bert_jax.losses import pretraining_counts, pretraining_sums
from bert_jax.pair_tasks import PAIR_TASKS

NSP = PAIR_TASKS["next_sentence"]


def part_of(output, rows):
    predictions = output.predictions._replace(states=output.predictions.states[rows])
    return PretrainingOutput(predictions, output.next_sentence_logits[rows])


def test_sums_over_parts_of_a_batch_add_up_to_those_of_the_batch():
    rng = np.random.default_rng(1)
    output = PretrainingOutput(
        Projection(*(rng.normal(size=s).astype(np.float32) for s in ((8, 5, 3), (12, 3), (12,)))),
        rng.normal(size=(8, 2)).astype(np.float32),
    )
    batch = {
        "attention_mask": (rng.random((8, 7)) > 0.5).astype(np.int32),
        "masked_lm_ids": rng.integers(0, 12, (8, 5)),
        "masked_lm_weights": (rng.random((8, 5)) > 0.3).astype(np.float32),
        "next_sentence_labels": rng.integers(0, 2, 8),
        "next_sentence_weights": np.array([1, 1, 1, 1, 1, 1, 0, 0], np.float32),
    }
    sums = jax.jit(lambda output, batch: pretraining_sums(output, batch, NSP))
    whole = sums(output, batch)
    parts = [
        sums(part_of(output, rows), {k: v[rows] for k, v in batch.items()})
        for rows in (slice(0, 3), slice(3, 8))
    ]
    for name, (total, count) in whole.items():
        np.testing.assert_allclose(total, sum(p[name][0] for p in parts), rtol=1e-5)
        assert count == sum(p[name][1] for p in parts)
    assert float(whole["padding"][0]) == (batch["attention_mask"] == 0).sum()
    counts = pretraining_counts(batch, NSP)
    assert {name: float(count) for name, count in counts.items()} == {
        name: float(whole[name][1]) for name in ("mlm_loss", "nsp_loss")
    }


def test_a_loss_of_pairs_is_not_asked_of_a_model_without_their_head():
    projection = Projection(*(np.zeros(s, np.float32) for s in ((2, 5, 3), (12, 3), (12,))))
    batch = {
        "attention_mask": np.ones((2, 7), np.int32),
        "masked_lm_ids": np.ones((2, 5), np.int32),
        "masked_lm_weights": np.ones((2, 5), np.float32),
    }
    output = PretrainingOutput(projection, None)
    assert set(pretraining_sums(output, batch, None)) == {"mlm_loss", "mlm_accuracy", "padding"}
    with pytest.raises(ValueError, match="has no NSP loss"):
        pretraining_sums(output, batch, NSP)
