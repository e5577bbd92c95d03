"""Where a run's losses stand, in sentences for a person."""

from __future__ import annotations

from bert_jax.formatting import format_rate
from bert_jax.loss_bands import PAIR_MARGIN, SLACK, Range
from bert_jax.loss_watch import LossWatch

_REMEDIES = {
    "above_start": "Look at the learning rate and warm-up, and at BertConfig.initializer_range",
    "not_reached": (
        "Look at the learning rate (too low, or a warm-up too long) and the text "
        "(bert-jax inspect STORE)"
    ),
    "stuck": (
        "Look at the learning rate (too high or too low), the batch (too small) and the text "
        "(repeated, too uniform, another case: bert-jax inspect STORE)"
    ),
    "rising": "Look at the learning rate (too high) and the warm-up (too short)",
}


def about_mlm(watch: LossWatch) -> str:
    """How the masked LM's loss does beside the kept curves, and what to look at if not well."""
    now, levels, bands = watch.standing, watch.levels, watch.bands
    at = f"{now.loss:.2f} at step {int(now.step):,}"
    no_context = (
        f"a model that reads no context has {levels.no_context:.2f} to {levels.unigram:.2f}"
    )
    match now.status:
        case "early":
            said = "too few losses were logged to say where the MLM loss stands"
        case "falling":
            said = (
                f"the MLM loss is on its way to the unigram level: {at}, and {no_context}. "
                f"{_when(watch, 'came there', bands.reached)}"
            )
        case "unigram":
            said = (
                f"the MLM loss is at the unigram level: {at}, and {no_context}. "
                f"{_when(watch, 'left it', bands.left)}"
            )
        case "learning":
            below = levels.no_context - now.loss
            side = "below" if below >= 0 else "above"
            said = (
                f"the MLM loss left the unigram level by step {int(now.left_step or 0):,}: {at}, "
                f"{abs(below):.2f} nat {side} a model that reads no context"
            )
        case "above_start":
            said = (
                f"the MLM loss is above its start: {at}, and holding every token alike gives "
                f"{levels.start:.2f}"
            )
        case "not_reached":
            said = (
                f"the MLM loss has not come down to the unigram level: {at}, and {no_context}. "
                f"{_late(watch, 'was there', bands.reached)}"
            )
        case "stuck":
            said = (
                f"the MLM loss is stuck at the unigram level: {at}, and {no_context}. "
                f"{_late(watch, 'had left it', bands.left)}"
            )
        case _:
            said = (
                f"the MLM loss is rising: {at}, after {now.best:.2f} at step {int(now.best_step):,}"
            )
    remedy = _REMEDIES.get(now.status)
    return f"{said}. {remedy}" if remedy else said


def about_pairs(watch: LossWatch) -> str | None:
    """A sentence where the loss of pairs is still at the level of its labels; else None."""
    now, level, kept = watch.standing, watch.levels.pairs, watch.bands.pairs_left
    if level is None or kept is None or not now.pair_loss > level - PAIR_MARGIN:
        return None
    return (
        f"the loss of pairs, {now.pair_loss:.2f}, is not yet below that of knowing how common each "
        f"label is ({level:.2f}): pairs come late, in kept curves after {_range(kept.tokens)} "
        "tokens"
    )


def about_losses(watch: LossWatch) -> list[str]:
    """All sentences, for a report."""
    found = (about_mlm(watch), about_pairs(watch))
    return [f"{text[0].upper()}{text[1:]}." for text in found if text]


def _when(watch: LossWatch, did: str, kept: Range) -> str:
    now = watch.standing
    return (
        f"Kept curves {did} after {_range(kept.tokens)} tokens, when their learning rates added up "
        f"to {_range(kept.lr_sum)}; here it is {format_rate(now.tokens)} and "
        f"{format_rate(now.lr_sum)}"
    )


def _late(watch: LossWatch, had: str, kept: Range) -> str:
    now = watch.standing
    return (
        f"Every kept curve {had} in less than {100 / SLACK:.0f} % of this "
        f"({format_rate(now.tokens)} tokens, learning rates that add up to "
        f"{format_rate(now.lr_sum)}; there at most {format_rate(kept.tokens[1])} and "
        f"{format_rate(kept.lr_sum[1])})"
    )


def _range(values: tuple[float, float]) -> str:
    return " to ".join(dict.fromkeys(format_rate(value) for value in values))
