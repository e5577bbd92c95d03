"""Where a run's losses stand, in sentences for a person."""

from __future__ import annotations

import math

from bert_jax.formatting import format_rate
from bert_jax.loss_bands import PAIR_MARGIN, SLACK, Bands, Range
from bert_jax.loss_watch import LossWatch

# Times the loss of a coin, above which a loss of pairs does harm and is not merely late.
_FAR_ABOVE = 2.0

_REMEDIES = {
    "above_start": (
        "Look at the learning rate (too high), the warm-up (too short) and "
        "BertConfig.initializer_range (too large)"
    ),
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
    """How the masked LM's loss does beside the reference runs, and what to look at if not well.

    A reference run is one of the kept curves, in words that a person knows who never kept one.
    """
    now, levels, bands = watch.standing, watch.levels, watch.bands
    at = f"{now.loss:.2f} at step {int(now.step):,}"
    no_context = (
        f"a model that reads no context has {levels.no_context:.2f} to {levels.unigram:.2f} on the "
        "training text"
    )
    match now.status:
        case "early":
            said = "too few losses are logged yet to say where the MLM loss stands"
        case "falling":
            # It may have been so since the first step: at a rate of nothing, loss and start agree.
            is_down = levels.progress(now.loss) < 1 - bands.margin
            where = "on its way to the unigram level" if is_down else "still near its start"
            said = f"the MLM loss is {where}: {at}; {no_context}. {_when(watch, bands.reached)}"
        case "unigram":
            said = f"the MLM loss is at the unigram level: {at}; {no_context}. {_to_leave(watch)}"
        case "learning":
            below = levels.no_context - now.loss
            said = f"the MLM loss left the unigram level by step {int(now.left_step or 0):,}" + (
                f": {at}, {below:.2f} nat below the {levels.no_context:.2f} of a model that reads "
                "no context"
                if below >= 0
                else f" and is back at {at}, {-below:.2f} nat above the {levels.no_context:.2f} of "
                "a model that reads no context"
            )
        case "above_start":
            said = (
                f"the MLM loss is above its start: {at}; a model that holds every token alike has "
                f"{levels.start:.2f}"
            )
        case "not_reached":
            kept = bands.reached
            said = (
                f"the MLM loss has not come down to the unigram level: {at}; {no_context}. "
                f"{_late(watch, kept)} that the slowest of {_those(kept, 'that came there')} needed"
            )
        case "stuck":
            kept = bands.left
            those = _those(kept, "that left it")
            said = (
                f"the MLM loss is stuck at the unigram level: {at}; {no_context}. "
                f"{_late(watch, kept)} "
            ) + (
                f"after which the slowest run known was still on its way; {those} had by "
                f"{format_rate(kept.tokens[1])} and {format_rate(kept.lr_sum[1])}"
                if kept.slowest == kept.latest
                else f"that the slowest of {those} needed"
            )
        case _:
            said = (
                f"the MLM loss is rising: {at}, up from {now.best:.2f} at step "
                f"{int(now.best_step):,}, its best"
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
        f"{_those(kept, 'that came down to the unigram level')} needed "
        f"{_spread(kept.lr_sum)}. Look at TrainConfig.learning_rate and warmup_steps, unless the "
        "optimiser is not Adam"
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
        f"the loss of pairs, {now.pair_loss:.2f}, is not yet well below {level:.2f}, that of "
        "knowing only how common each label is"
    )
    if kept is None:
        return said
    those = _those(kept, "that learned them")
    return f"{said}. Pairs come late: {those} did so after {_spread(kept.tokens)} tokens"


def about_band(bands: Bands, layers: int, hidden_size: int) -> str:
    """What the band behind the curve of a model is, for a report.

    Args:
      bands: of the kept curves.
      layers: of the model.
      hidden_size: its width.
    """
    count, (most_layers, widest) = len(bands.curves), bands.largest
    said = (
        f"Behind the MLM loss, in grey: where it is expected, by what {count} small reference runs "
        f"did, moved to this text, learning rate and batch, and up to {SLACK:g} times as fast and "
        "as slow. The grey has no lower end once a run can be below the level of no context: how "
        "far a loss then falls depends on the model. The levels are those of the training text."
    )
    if hidden_size <= widest and layers <= most_layers:
        return said
    return (
        f"{said} The reference runs have at most {most_layers} layers of {widest}, this model has "
        f"{layers} of {hidden_size}: that it takes as long is reasoned from the optimiser, not "
        "measured."
    )


def about_losses(watch: LossWatch) -> list[str]:
    """All sentences, for a report."""
    found = (about_mlm(watch), about_pairs(watch))
    return [f"{text[0].upper()}{text[1:]}." for text in found if text]


def _when(watch: LossWatch, kept: Range, did: str = "that came there") -> str:
    """When others did something, and when it is here."""
    now, those = watch.standing, _those(kept, did)
    return (
        f"{those[0].upper()}{those[1:]} did so after {_spread(kept.tokens)} tokens and a sum of "
        f"learning rates of {_spread(kept.lr_sum)}; this run is at "
        f"{format_rate(now.tokens)} and {format_rate(now.lr_sum)}"
    )


def _to_leave(watch: LossWatch) -> str:
    now, kept = watch.standing, watch.bands.left
    said = _when(watch, kept, "that left it")
    if kept.is_late(now.tokens, now.lr_sum):
        return f"{said}, and is still on its way down"
    if now.tokens > kept.tokens[1] and now.lr_sum > kept.lr_sum[1]:
        tokens, lr_sum = (format_rate(SLACK * clock) for clock in kept.latest)
        return f"{said}. It is called stuck from {tokens} and {lr_sum} on, unless it still falls"
    return said


def _late(watch: LossWatch, kept: Range) -> str:
    now, (tokens, lr_sum) = watch.standing, kept.latest
    return (
        f"It has had {format_rate(now.tokens)} tokens and a sum of learning rates of "
        f"{format_rate(now.lr_sum)}, over {SLACK:g} times the {format_rate(tokens)} and "
        f"{format_rate(lr_sum)}"
    )


def _those(kept: Range, did: str) -> str:
    if kept.curves == 1:
        return f"the one small reference run {did}"
    return f"the {kept.curves} small reference runs {did}"


def _spread(values: tuple[float, float]) -> str:
    return " to ".join(dict.fromkeys(format_rate(value) for value in values))
