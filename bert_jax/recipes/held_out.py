"""Held-out examples with fixed masks, and what guessing without reading would score on them."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from bert_jax.metrics import Sums
from bert_jax.program import Program
from data_pipeline.baselines import (
    commonest,
    majority,
    unigram_entropy,
    unigram_loss,
    wilson_interval,
)
from data_pipeline.evaluation import EvaluationBatches
from data_pipeline.progress import Progress, silent
from data_pipeline.text_tokenizer import TextTokenizer
from data_pipeline.token_store import Split


def evaluate(
    program: Program, params: Any, batches: EvaluationBatches, progress: Progress = silent
) -> dict[str, float]:
    """Losses and accuracies over all held-out examples: `eval_mlm_loss` and so on."""
    sums = Sums()
    with progress("evaluating", len(batches), "batches") as task:
        for batch in batches:
            sums.add(jax.device_get(dict(program.eval_step(params, program.put_batch(batch)))))
            task.advance()
    means = sums.means(prefix="eval_")
    return {"eval_loss": means["eval_mlm_loss"] + means["eval_nsp_loss"], **means}


def baselines(
    batches: EvaluationBatches, tokenizer: TextTokenizer, training: Split
) -> dict[str, Any]:
    """What can be scored on these examples without reading them.

    For the masked LM, the entropy of the masked tokens (no fixed distribution over the vocabulary,
    not even one fitted to these very tokens, has a lower loss), the loss of the training text's
    frequencies on them, which is higher, and the share of the commonest. For
    next sentences, the share of the commoner label with its 95 % interval; it is not 0.5, because
    a chunk of one sentence always gets a random partner.
    """
    ids, labels = [], []
    for batch in batches:
        ids.append(batch["masked_lm_ids"][batch["masked_lm_weights"] > 0])
        labels.append(batch["next_sentence_labels"][batch["next_sentence_weights"] > 0])
    all_ids, all_labels = np.concatenate(ids), np.concatenate(labels)
    token, token_share = commonest(all_ids)
    label, label_share = majority(all_labels)
    n = len(all_labels)
    return {
        "mlm": {
            "unigram_entropy": unigram_entropy(all_ids),
            "unigram_loss": unigram_loss(all_ids, training.tokens, tokenizer.vocab_size),
            "commonest_accuracy": token_share,
            "commonest_token": tokenizer.id_to_token(token),
            "predictions": len(all_ids),
        },
        "nsp": {
            "majority_share": label_share,
            "majority_label": label,
            "examples": n,
            "interval": list(wilson_interval(round(label_share * n), n)),
        },
    }


def verdict(step: int, metrics: Mapping[str, float], floor: Mapping[str, Any]) -> dict[str, Any]:
    """The contents of `evaluation.json`: results beside their baselines."""
    result: dict[str, Any] = {"step": step}
    for task in ("mlm", "nsp"):
        result[task] = {
            "loss": metrics[f"eval_{task}_loss"],
            "accuracy": metrics[f"eval_{task}_accuracy"],
            **floor[task],
        }
    return result


def summary(result: Mapping[str, Any]) -> list[str]:
    """The last lines of a run: by how much it beats, or fails to beat, its baselines."""
    mlm, nsp = result["mlm"], result["nsp"]
    nats = mlm["unigram_entropy"] - mlm["loss"]
    points = nsp["accuracy"] - nsp["majority_share"]
    low, high = nsp["interval"]
    inside = low <= nsp["accuracy"] <= high
    return [
        f"held-out MLM loss {mlm['loss']:.3f}: {abs(nats):.3f} nat "
        f"{'below' if nats > 0 else 'ABOVE'} the unigram entropy {mlm['unigram_entropy']:.3f} "
        f"({mlm['predictions']:,} masked tokens)",
        f"guessing them by the frequencies of the training text has a loss of "
        f"{mlm['unigram_loss']:.3f}",
        f"held-out MLM accuracy {mlm['accuracy']:.3f}; always guessing "
        f"{mlm['commonest_token']!r} gives {mlm['commonest_accuracy']:.3f}",
        f"held-out NSP accuracy {nsp['accuracy']:.3f}: {abs(points):.3f} "
        f"{'above' if points > 0 else 'BELOW'} the majority share {nsp['majority_share']:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}, {nsp['examples']:,} pairs)"
        + (", inside the interval: not told from guessing" if inside else ""),
    ]
