"""Where a run's losses stand, in sentences for a person."""

from __future__ import annotations

import math

from bert_jax.formatting import format_rate
from bert_jax.loss_bands import PAIR_MARGIN, SLACK, Bands, Range
from bert_jax.loss_watch import LossWatch

# Times the loss of a coin, above which a loss of pairs does harm and is not merely late.
_FAR_ABOVE = 2.0

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
        f"a model that reads no context has {levels.no_context:.2f} to {levels.unigram:.2f} on the "
        "training text"
    )
    match now.status:
        case "early":
            said = "too few losses were logged to say where the MLM loss stands"
        case "falling":
            # It may have been so since the first step: at a rate of nothing, loss and start agree.
            is_down = levels.progress(now.loss) < 1 - bands.margin
            where = "on its way to the unigram level" if is_down else "still near its start"
            said = (
                f"the MLM loss is {where}: {at}, and {no_context}. "
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
                f"{_late(watch, 'came there', bands.reached)}"
            )
        case "stuck":
            said = (
                f"the MLM loss is stuck at the unigram level: {at}, and {no_context}. "
                f"{_late(watch, 'left it', bands.left)}"
            )
        case _:
            said = (
                f"the MLM loss is rising: {at}, after {now.best:.2f} at step {int(now.best_step):,}"
            )
    remedy = _REMEDIES.get(now.status)
    return f"{said}. {remedy}" if remedy else said


def about_plan(tokens: float, lr_sum: float, bands: Bands) -> str | None:
    """A sentence where a run's learning rates are too low for its length; else None.

    A run is late only by both clocks, and at such rates the second never strikes. A short run is
    short of tokens too, and whoever starts it knows.

    Args:
      tokens: that the run sees in all.
      lr_sum: of the learning rates of all its steps.
      bands: of the kept curves.
    """
    kept = bands.reached
    if tokens <= SLACK * kept.latest[0] or lr_sum >= kept.latest[1]:
        return None
    return (
        f"the learning rates of the whole run add up to {format_rate(lr_sum)}; "
        f"{_those(kept, 'came to the unigram level')} needed {_spread(kept.lr_sum)} for it. Look "
        "at TrainConfig.learning_rate and warmup_steps, unless the optimiser is not Adam"
    )


def about_pairs(watch: LossWatch) -> str | None:
    """A sentence where the loss of pairs is not below the level of its labels; else None."""
    now, level, kept = watch.standing, watch.levels.pairs, watch.bands.pairs_left
    if level is None or not now.pair_loss > level - PAIR_MARGIN:
        return None
    if now.pair_loss > _FAR_ABOVE * math.log(2):
        return (
            f"the loss of pairs, {now.pair_loss:.2f}, is above that of a coin "
            f"({math.log(2):.2f}). {_REMEDIES['rising']}"
        )
    said = (
        f"the loss of pairs, {now.pair_loss:.2f}, is not yet below that of knowing how common each "
        f"label is ({level:.2f})"
    )
    if kept is None:
        return said
    those = _those(kept, "came so far")
    return f"{said}: pairs come late, in {those} after {_spread(kept.tokens)} tokens"


def about_losses(watch: LossWatch) -> list[str]:
    """All sentences, for a report."""
    found = (about_mlm(watch), about_pairs(watch))
    return [f"{text[0].upper()}{text[1:]}." for text in found if text]


def _when(watch: LossWatch, did: str, kept: Range) -> str:
    now, those = watch.standing, _those(kept, did)
    return (
        f"{those[0].upper()}{those[1:]} did so after {_spread(kept.tokens)} tokens, when learning "
        f"rates added up to {_spread(kept.lr_sum)}; here it is {format_rate(now.tokens)} and "
        f"{format_rate(now.lr_sum)}"
    )


def _late(watch: LossWatch, did: str, kept: Range) -> str:
    now = watch.standing
    tokens, lr_sum = kept.latest
    which = (
        f"runs are known that had not after {format_rate(tokens)} and {format_rate(lr_sum)}, and "
        f"{_those(kept, did)} had by {format_rate(kept.tokens[1])} and "
        f"{format_rate(kept.lr_sum[1])}"
        if kept.slowest > (kept.tokens[1], kept.lr_sum[1])
        else f"{_those(kept, did)} did so by {format_rate(tokens)} and {format_rate(lr_sum)}"
    )
    return (
        f"It has had {format_rate(now.tokens)} tokens, and learning rates that add up to "
        f"{format_rate(now.lr_sum)}, over {SLACK:g} times as much as the slowest run known: {which}"
    )


def _those(kept: Range, did: str) -> str:
    return (
        f"the {kept.curves} kept curves that {did}"
        if kept.curves > 1
        else (f"the one kept curve that {did}")
    )


def _spread(values: tuple[float, float]) -> str:
    return " to ".join(dict.fromkeys(format_rate(value) for value in values))
