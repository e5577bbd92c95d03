"""Two hundred steps of pretraining, ours and PyTorch's, from the same weights on the same batches.

    PYTHONPATH=.:tests:tests/peers .venv-peers/bin/python -m trained_curve TEXT.gz IMAGE.png

draws the picture of `docs/exactness.md`.
"""

import contextlib
import gzip
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import numpy as np
import torch
from exactness_rows import PLANTED, ROWS
from head_cases import Case
from hugging_face import VERSIONS, peer_model, run_peer

from bert_jax import optimizer, pretraining, sharding
from bert_jax.config import BertConfig, ComputeConfig, MeshConfig, OptimizerConfig, TrainConfig
from bert_jax.head_config import HeadConfig
from bert_jax.plot_style import EVALUATION, MUTED, TRAIN
from bert_jax.program import make_program
from bert_jax.task_losses import IGNORED
from data_pipeline.batches import PretrainingBatches
from data_pipeline.objective import PretrainingObjective
from data_pipeline.preparation.prepare import prepare, vocabulary_from
from data_pipeline.store.token_store import TokenStore
from data_pipeline.tokenization.special_ids import SpecialIds

STEPS, BATCH_SIZE = 200, 16
OBJECTIVE = PretrainingObjective(max_length=48, max_predictions=8)
CHARACTERS, VOCABULARY = 300_000, 600
# Large rates and much decay: an error in either must be seen after few steps.
OPTIMIZER = OptimizerConfig(preset="adamw", weight_decay=0.1)
TRAIN_CONFIG = TrainConfig(
    num_steps=STEPS, batch_size=BATCH_SIZE, learning_rate=3e-3, warmup_steps=20
)
Batches = list[dict[str, np.ndarray]]


def read_batches(text: Path, folder: Path) -> tuple[Batches, int]:
    """The batches of every step, of the beginning of a text, and the vocabulary's size."""
    with gzip.open(text, "rt", encoding="utf-8") as file:
        (folder / "text.txt").write_text(file.read(CHARACTERS), encoding="utf-8")
    tokenizer = vocabulary_from([folder / "text.txt"], VOCABULARY, workers=1)
    store = prepare([folder / "text.txt"], tokenizer, folder / "store", eval_share=0.2, workers=1)
    split = TokenStore.open(store.path).train
    batches = PretrainingBatches(
        split, SpecialIds.of(tokenizer), OBJECTIVE, seed=0, batch_size=BATCH_SIZE
    )
    return [batches(step) for step in range(STEPS)], tokenizer.vocab_size


def model_config(vocab_size: int) -> BertConfig:
    """Two layers, 32 wide, without dropout: there is no randomness to share.

    The first weights are large, so that the activations are where the two GELUs differ.
    """
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=OBJECTIVE.max_length,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.3,
    )


@contextlib.contextmanager
def planted(error: str | None) -> Iterator[dict[str, Any]]:
    """Our side with an error of `PLANTED`: other fields of the config, or the optimiser patched."""
    if error == "gelu":
        yield {"hidden_act": "gelu_new"}
    elif error == "decay":
        with mock.patch.object(optimizer, "NOT_DECAYED", re.compile(r"(?!)")):
            yield {}
    elif error == "schedule":
        with mock.patch.object(optimizer, "linear_schedule", optimizer.paper_schedule):
            yield {}
    else:
        yield {}


def our_program(config: BertConfig) -> Any:
    """What `bert-jax pretrain` computes with, on one device."""
    return make_program(
        pretraining.make_init(config),
        pretraining.make_sums(config, ComputeConfig(matmul_precision="highest")),
        pretraining.make_counts(config),
        train=TRAIN_CONFIG,
        optimizer=OPTIMIZER,
        mesh=sharding.make_mesh(MeshConfig(data=1), jax.devices()[:1]),
    )


def first_weights(config: BertConfig) -> Any:
    """Of our own initialisation."""
    return jax.device_get(our_program(config).create_state().params)


def our_losses(config: BertConfig, batches: Batches, error: str | None = None) -> np.ndarray:
    """The loss of every step; the weights do not depend on what is planted."""
    with planted(error) as fields:
        program = our_program(BertConfig(**(vars(config) | fields)))
        state, losses = program.create_state(), []
        for batch in batches:
            state, metrics = program.train_step(state, program.put_batch(batch))
            losses.append(metrics["loss"])
        return np.array(jax.device_get(losses))


def their_losses(config: BertConfig, batches: Batches, params: Any) -> np.ndarray:
    """The same with `BertForPreTraining` and `torch.optim.AdamW`."""
    case = Case("bert", "pretraining", config, HeadConfig())
    model = peer_model(case, params)
    kept = [name for name, _ in model.named_parameters() if "bias" in name or "LayerNorm" in name]
    groups = [
        {
            "params": [p for name, p in model.named_parameters() if (name in kept) == is_kept],
            "weight_decay": 0.0 if is_kept else OPTIMIZER.weight_decay,
        }
        for is_kept in (False, True)
    ]
    betas = (OPTIMIZER.b1, OPTIMIZER.b2)
    adam = torch.optim.AdamW(groups, TRAIN_CONFIG.learning_rate, betas, OPTIMIZER.eps)
    warmup = TRAIN_CONFIG.warmup_steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        adam, lambda step: min(step / warmup, (STEPS - step) / (STEPS - warmup))
    )
    losses = []
    for batch in batches:
        loss, _, _ = run_peer(case, model, labelled(batch))
        losses.append(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER.max_grad_norm)
        adam.step()
        schedule.step()
    return np.array(losses)


def labelled(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A batch as transformers takes it: a label, or `IGNORED`, for each position."""
    labels = np.full(batch["input_ids"].shape, IGNORED)
    rows, slots = np.nonzero(batch["masked_lm_weights"])
    labels[rows, batch["masked_lm_positions"][rows, slots]] = batch["masked_lm_ids"][rows, slots]
    names = ("input_ids", "token_type_ids", "attention_mask")
    return {name: batch[name] for name in names} | {
        "labels": labels,
        "next_sentence_label": batch["next_sentence_labels"],
    }


def differences(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Relative, at every step."""
    return np.abs(ours - theirs) / theirs


def draw(
    path: Path, ours: np.ndarray, theirs: np.ndarray, wrong: dict[str, np.ndarray], bound: float
) -> None:
    """Both curves, and below them how far ours and each planted error are from PyTorch's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6.4), layout="constrained")
    curves, apart = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.2])
    steps = np.arange(STEPS)
    curves.plot(steps, theirs, color=EVALUATION, linewidth=3, alpha=0.5, label="PyTorch")
    curves.plot(steps, ours, color=TRAIN, linewidth=1, label="bert-jax")
    curves.set_ylabel("loss, nats")
    curves.legend(frameon=False)
    floor = 1e-8
    shown = np.maximum(differences(ours, theirs), floor)
    apart.semilogy(steps, shown, color=TRAIN, linewidth=1, label="bert-jax")
    styles = (("#6b3fa0", "-"), ("#8a6d00", "--"), ("#2e7d4f", "-."))
    for (error, losses), (color, style) in zip(wrong.items(), styles, strict=True):
        shown = np.maximum(differences(losses, theirs), floor)
        apart.semilogy(
            steps, shown, style, color=color, linewidth=1, label=f"with {PLANTED[error]}"
        )
    apart.axhline(bound, color=MUTED, linewidth=1, linestyle=":")
    apart.text(STEPS, bound * 1.2, "bound", color=MUTED, ha="right", va="bottom")
    apart.set(xlabel="step", ylabel="relative difference from PyTorch", ylim=(floor, 1))
    apart.legend(frameon=False, loc="upper right", ncols=2, fontsize=9)
    for axes in (curves, apart):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)


def main(text: str, image: str) -> None:
    """Compute all curves and draw them."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        batches, vocab_size = read_batches(Path(text), Path(folder))
    config = model_config(vocab_size)
    theirs = their_losses(config, batches, first_weights(config))
    ours = our_losses(config, batches)
    wrong = {error: our_losses(config, batches, error) for error in PLANTED}
    for name, losses in {"ours": ours, **wrong}.items():
        print(f"{name}: {differences(losses, theirs).max():.3g} ({VERSIONS})")
    draw(Path(image), ours, theirs, wrong, ROWS["curve"].bound)


if __name__ == "__main__":
    main(*sys.argv[1:])
