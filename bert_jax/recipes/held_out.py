"""Held-out examples with fixed masks, and what guessing without reading would score on them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import numpy.typing as npt

from bert_jax.metrics import Sums
from bert_jax.pair_tasks import PairTask, pair_task_of
from bert_jax.program import Program
from bert_jax.store_results import STORES, store_lines
from bert_jax.verdicts import bits_per_character
from data_pipeline.baselines import (
    commonest,
    majority,
    unigram_entropy,
    unigram_loss,
    wilson_interval,
)
from data_pipeline.evaluation import EvaluationBatches
from data_pipeline.features import Batch
from data_pipeline.mixture_evaluation import MixtureEvaluation
from data_pipeline.progress import Progress, silent
from data_pipeline.store.token_store import Split
from data_pipeline.tokenization.text_tokenizer import TextTokenizer


def evaluate(
    program: Program,
    params: Any,
    batches: EvaluationBatches | MixtureEvaluation,
    progress: Progress = silent,
    description: str = "evaluating",
) -> dict[str, float]:
    """Losses and accuracies over all held-out examples: `eval_mlm_loss` and so on.

    Of a mixture also those over each store's own: `eval_NAME_mlm_loss` and so on. Those over all
    count each store's rows by its share in training (`MixtureEvaluation.weights`).
    """
    weights = batches.weights if isinstance(batches, MixtureEvaluation) else {"": 1.0}
    joint, of_stores = Sums(), dict[str, Sums]()
    with progress(description, len(batches), "batches") as task:
        for name, part in parts_of(batches).items():
            sums = of_stores.setdefault(name, Sums())
            for batch in part:
                found = jax.device_get(dict(program.eval_step(params, program.put_batch(batch))))
                sums.add(found)
                task.advance()
            joint.add(sums.weighted(weights[name]))
    means = _means(joint)
    loss = sum(mean for name, mean in means.items() if name.endswith("_loss"))
    metrics = {"eval_loss": loss, **{f"eval_{name}": mean for name, mean in means.items()}}
    for store, its_sums in of_stores.items():
        if store:
            metrics |= {f"eval_{store}_{name}": mean for name, mean in _means(its_sums).items()}
    return metrics


def parts_of(
    batches: EvaluationBatches | MixtureEvaluation,
) -> Mapping[str, Sequence[Batch]]:
    """The batches by the names of their stores; of one store, which needs no name, under ''."""
    return batches.stores if isinstance(batches, MixtureEvaluation) else {"": batches}


def _means(sums: Sums) -> dict[str, float]:
    means = sums.means()
    # Rows that only fill the last batch are padding, too: the share says nothing here.
    means.pop("padding")
    return means


def baselines(
    batches: EvaluationBatches,
    tokenizer: TextTokenizer,
    training: Split,
    pair_task: PairTask | None,
    characters_per_token: float | None = None,
) -> dict[str, Any]:
    """What can be scored on these examples without reading them.

    For the masked LM, the entropy of the masked tokens (no fixed distribution over the vocabulary,
    not even one fitted to these very tokens, has a lower loss), the loss of the training text's
    frequencies on them, which is higher, and the share of the commonest. For pairs, the share of
    the commoner label with its 95 % interval; of next sentences it is not 0.5, because a chunk of
    one sentence always gets a random partner.

    Args:
      batches: the held-out examples.
      tokenizer: names the commonest token.
      training: the text whose frequencies are guessed by.
      pair_task: what is asked of pairs; None where there are none.
      characters_per_token: see `characters_per_token`; handed on with the rest.
    """
    asked = what_is_asked(batches, pair_task)
    guessed = unigram_loss(asked.token_ids, training.tokens, tokenizer.vocab_size)
    return floor_of(asked, guessed, tokenizer, pair_task, characters_per_token)


class Asked(NamedTuple):
    """What some held-out examples ask.

    Attributes:
      token_ids: [predictions] the masked tokens.
      labels: [pairs] of the sentence pairs; None where there are none.
      token_weights: [predictions] what each counts for; None where all count alike.
      label_weights: [pairs] the same.
    """

    token_ids: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32] | None
    token_weights: npt.NDArray[np.float64] | None = None
    label_weights: npt.NDArray[np.float64] | None = None


def what_is_asked(batches: Iterable[Batch], pair_task: PairTask | None) -> Asked:
    """The masked tokens and labels of all examples that count."""
    ids, labels = [], []
    for batch in batches:
        ids.append(batch["masked_lm_ids"][batch["masked_lm_weights"] > 0])
        if pair_task is not None:
            labels.append(batch["next_sentence_labels"][batch["next_sentence_weights"] > 0])
    return Asked(np.concatenate(ids), None if pair_task is None else np.concatenate(labels))


def floor_of(
    asked: Asked,
    guessed: float,
    tokenizer: TextTokenizer,
    pair_task: PairTask | None,
    characters_per_token: float | None,
) -> dict[str, Any]:
    """`baselines` of what is asked; `guessed` is the loss of the training text's frequencies."""
    token, token_share = commonest(asked.token_ids, asked.token_weights)
    found: dict[str, Any] = {
        "mlm": {
            "unigram_entropy": unigram_entropy(asked.token_ids, asked.token_weights),
            "unigram_loss": guessed,
            "commonest_accuracy": token_share,
            "commonest_token": tokenizer.readable_token(token),
            "predictions": len(asked.token_ids),
        }
    }
    if characters_per_token is not None:
        found["mlm"]["characters_per_token"] = characters_per_token
    if pair_task is not None and asked.labels is not None:
        label, share = majority(asked.labels, asked.label_weights)
        n = as_many = len(asked.labels)
        if asked.label_weights is not None:
            # So many that count alike tell as much (L. Kish, Survey Sampling, 1965).
            weights = asked.label_weights
            as_many = max(1, round(weights.sum() ** 2 / (weights**2).sum()))
        found[pair_task.key] = {
            "majority_share": share,
            "majority_label": label,
            "examples": n,
            "interval": list(wilson_interval(round(share * as_many), as_many)),
        }
    return found


def characters_per_token(manifest: Mapping[str, Any]) -> float | None:
    """Of the whole held-out text of a token store; None where the store has not counted them."""
    counts = manifest["splits"]["eval"]
    if not counts.get("characters") or not counts.get("tokens"):
        return None
    return float(counts["characters"] / counts["tokens"])


def verdict(
    step: int,
    metrics: Mapping[str, float],
    floor: Mapping[str, Any],
    epochs: Sequence[float] = (),
) -> dict[str, Any]:
    """The contents of `evaluation.json`: results beside their baselines.

    `mlm.bits_per_character` is the mean loss of the masked tokens in bits, times the tokens of the
    held-out text, over its characters. Unlike a loss per token it can be compared between
    vocabularies, given the same text and the same masking. It is no code length of the text: each
    masked token is guessed with most of its neighbours in sight.

    Of a mixture `stores` has the same for each store, with its share of the rows and its `epochs`
    so far.
    """
    result = {"step": step, **_beside(metrics, floor, "eval")}
    if STORES in floor:
        named = zip(floor[STORES].items(), epochs, strict=True)
        result[STORES] = {
            name: {
                "share": of_store["share"],
                "epochs": count,
                **_beside(metrics, of_store, f"eval_{name}"),
            }
            for (name, of_store), count in named
        }
    return result


def _beside(
    metrics: Mapping[str, float], floor: Mapping[str, Any], prefix: str
) -> dict[str, dict[str, Any]]:
    """For each task of a floor the results, whose names begin with `prefix`, and the baselines."""
    result: dict[str, dict[str, Any]] = {}
    for task, baseline in floor.items():
        if not isinstance(baseline, Mapping) or task == STORES:
            continue
        result[task] = {
            "loss": metrics[f"{prefix}_{task}_loss"],
            "accuracy": metrics[f"{prefix}_{task}_accuracy"],
            **baseline,
        }
    mlm = result["mlm"]
    if "characters_per_token" in mlm:
        mlm["bits_per_character"] = bits_per_character(mlm["loss"], mlm["characters_per_token"])
    return result


def summary(result: Mapping[str, Any]) -> list[str]:
    """The last lines of a run: by how much it beats, or fails to beat, its baselines."""
    mlm = result["mlm"]
    nats = mlm["unigram_entropy"] - mlm["loss"]
    lines = [
        f"held-out MLM loss {mlm['loss']:.3f}: {_side(nats, ' nat below', ' nat ABOVE')} the "
        f"held-out unigram entropy {mlm['unigram_entropy']:.3f} "
        f"({mlm['predictions']:,} masked tokens)",
        f"guessing them by the frequencies of the training text has a loss of "
        f"{mlm['unigram_loss']:.3f}",
        f"held-out MLM accuracy {mlm['accuracy']:.3f}; always guessing "
        f"{mlm['commonest_token']!r} gives {mlm['commonest_accuracy']:.3f}",
    ]
    if "bits_per_character" in mlm:
        lines.append(
            f"held-out MLM bits per character {mlm['bits_per_character']:.3f} "
            f"({mlm['characters_per_token']:.2f} characters a token)"
        )
    task = pair_task_of(result)
    if task is not None:
        lines.append(_pair_summary(task, result[task.key]))
    return [*lines, *store_lines(result)]


def _side(better: float, above: str, below: str) -> str:
    """By how much a number is better than another: none where the digits shown are 0."""
    amount = f"{abs(better):.3f}"
    return "level with" if amount == "0.000" else f"{amount}{above if better > 0 else below}"


def _pair_summary(task: PairTask, pairs: Mapping[str, Any]) -> str:
    points = pairs["accuracy"] - pairs["majority_share"]
    low, high = pairs["interval"]
    inside = low <= pairs["accuracy"] <= high
    return (
        f"held-out {task.title} accuracy {pairs['accuracy']:.3f}: "
        f"{_side(points, ' above', ' BELOW')} the majority share {pairs['majority_share']:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f}, {pairs['examples']:,} pairs)"
        + (", inside the interval: not told from guessing" if inside else "")
    )
