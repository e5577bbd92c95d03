"""`report.html`: what a run leaves for a person, in one self-contained file.

It shows whatever the run folder holds, and says what is not there (a run may have been stopped
before its evaluation). Nothing in it is loaded from elsewhere, and every text is escaped.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bert_jax.errors import UserError
from bert_jax.figure_output import to_png, to_svg
from bert_jax.formatting import format_amount, format_count, format_rate
from bert_jax.kept_curves import thinned
from bert_jax.loss_bands import shipped_bands
from bert_jax.loss_curve import Levels, curve_of
from bert_jax.loss_sentences import about_band, about_losses
from bert_jax.loss_watch import watch_of
from bert_jax.metrics import METRICS_FILE, is_evaluation, read_metrics
from bert_jax.page import render_page, write_page
from bert_jax.pair_tasks import PAIR_TASKS, PairTask, pair_task_of
from bert_jax.plots import Band, Baseline, Plot, draw
from bert_jax.report_facts import flatten, headline_facts, names_of, split_rows, store_facts
from bert_jax.report_stages import borders_of, schedule_text, setting
from bert_jax.store_plot import STORES_TITLE, draw_stores
from bert_jax.store_results import split_evaluations, store_rows, store_shares
from bert_jax.verdicts import label_name, percent, verdicts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_FILE = "report.html"
PLOTS_FOLDER = "plots"
TEMPLATE = "report_template.html.j2"


def write_report(run_dir: str | Path) -> Path:
    """Write `report.html` and `plots/*.png` of a run.

    Args:
        run_dir: a run's folder; every file in it is optional.

    Returns:
        The path of `report.html`.

    Raises:
        UserError: where the folder or one of its files cannot be read as what it should be.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise UserError(f"no run folder at {run_dir}: give the --run_dir of a run")
    run = read_run(run_dir)
    plots = []
    folder = run_dir / PLOTS_FOLDER
    folder.mkdir(exist_ok=True)
    for name, title, figure in figures_of(run):
        to_png(figure, folder / f"{name}.png")
        plots.append(to_svg(figure, name, f"{title} over the steps of the run"))
    return write_page(run_dir / REPORT_FILE, render(run, plots))


@dataclass(frozen=True)
class Run:
    """The files of a run folder, as far as they are there."""

    name: str
    metrics: list[dict[str, Any]]
    config: dict[str, Any]
    provenance: dict[str, Any]
    evaluation: dict[str, Any] | None
    predictions: list[dict[str, Any]] | None
    operative: str | None

    @property
    def num_steps(self) -> int | None:
        """The steps that the run was asked for, where its config says so."""
        steps = setting(self.operative, "TrainConfig.num_steps")
        return steps if isinstance(steps, int) else None


def read_run(run_dir: Path) -> Run:
    """Read a run folder."""
    metrics = run_dir / METRICS_FILE
    operative = run_dir / "operative.gin"
    return Run(
        name=run_dir.resolve().name,
        metrics=read_metrics(metrics) if metrics.exists() else [],
        config=_read_json(run_dir / "config.json") or {},
        provenance=_read_json(run_dir / "provenance.json") or {},
        evaluation=_read_json(run_dir / "evaluation.json"),
        predictions=_read_json(run_dir / "predictions.json"),
        operative=operative.read_text(encoding="utf-8") if operative.exists() else None,
    )


def _read_json(path: Path) -> Any:
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}): remove it and run again") from error


def figures_of(run: Run) -> Iterator[tuple[str, str, Figure]]:
    """Name, title and drawing of each curve that the run has numbers of."""
    borders = borders_of(run.operative)
    for plot in plots_of(run):
        if (figure := draw(plot, run.metrics, borders)) is not None:
            yield plot.name, plot.title, figure
        if plot.name == "mlm_loss":
            shares = store_shares(run.evaluation or {})
            if (figure := draw_stores(run.metrics, shares, borders)) is not None:
                yield f"{plot.name}_by_store", STORES_TITLE, figure


def plots_of(run: Run) -> list[Plot]:
    """The figures of a run, with the baselines that its files give."""
    mlm: list[Baseline] = []
    mlm_accuracy: list[Baseline] = []
    vocabulary = run.config.get("vocab_size")
    if vocabulary:
        start = math.log(vocabulary)
        mlm.append(Baseline(start, f"every token alike: ln {vocabulary:,} = {start:.2f}"))
    where = ""
    levels = Levels.from_facts(run.provenance.get("loss_levels"))
    if levels is not None:
        mlm.append(
            Baseline(levels.unigram, f"unigram entropy of the training text: {levels.unigram:.2f}")
        )
        mlm.append(Baseline(levels.no_context, f"no context: {levels.no_context:.2f}"))
    if run.evaluation:
        # Baselines are of the examples of the last evaluation, which a schedule makes longer.
        if borders_of(run.operative) and "max_length" in run.evaluation:
            where = f" at length {run.evaluation['max_length']}"
        held_out = run.evaluation.get("mlm") or {}
        if "unigram_entropy" in held_out and levels is None:
            entropy = held_out["unigram_entropy"]
            mlm.append(Baseline(entropy, f"held-out unigram entropy{where}: {entropy:.2f}"))
        if "commonest_accuracy" in held_out:
            share = held_out["commonest_accuracy"]
            token = held_out.get("commonest_token", "the commonest")
            mlm_accuracy.append(Baseline(share, f"always “{token}”{where}: {percent(share)}"))
    return [
        Plot("mlm_loss", "MLM loss, nats", baselines=tuple(mlm), band=_band(run, levels)),
        Plot("mlm_accuracy", "MLM accuracy", percent=True, baselines=tuple(mlm_accuracy)),
        # Of those that the run has no numbers of, nothing is drawn.
        *(
            plot
            for task in PAIR_TASKS.values()
            for plot in _pair_plots(task, run.evaluation, where)
        ),
        Plot("loss", "Total loss, nats"),
        Plot("grad_norm", "Gradient norm, before clipping"),
        Plot("learning_rate", "Learning rate", smooth=False),
        Plot("tokens_per_second", "Throughput, tokens per second", smooth=False),
    ]


def _band(run: Run, levels: Levels | None) -> Band | None:
    """Where the kept curves put the masked LM's loss of this run."""
    curve = curve_of(run.metrics)
    if levels is None or not levels.rates_compare or not len(curve.step):
        return None
    curve = thinned(curve)
    low, high = shipped_bands().edges(curve, levels)
    return Band(curve.step.tolist(), low.tolist(), high.tolist(), "expected")


def _pair_plots(
    task: PairTask, evaluation: Mapping[str, Any] | None, where: str
) -> tuple[Plot, Plot]:
    found = (evaluation or {}).get(task.key) or {}
    baselines = []
    if "majority_share" in found:
        share, label = found["majority_share"], label_name(task, found.get("majority_label"))
        baselines.append(Baseline(share, f"always “{label}”{where}: {percent(share)}"))
    coin = Baseline(math.log(2), f"a coin: {math.log(2):.3f}")
    name = f"{task.title} accuracy"
    return (
        Plot(f"{task.key}_loss", f"{task.title} loss, nats", baselines=(coin,)),
        Plot(f"{task.key}_accuracy", name, percent=True, baselines=tuple(baselines)),
    )


def render(run: Run, plots: Sequence[str]) -> str:
    """The page's HTML."""
    pair_task = pair_task_of(run.evaluation or {})
    training = [line for line in run.metrics if not is_evaluation(line)]
    evaluations = [line for line in run.metrics if is_evaluation(line)]
    stores = store_rows(run.evaluation or {})
    joint, of_stores = split_evaluations(evaluations, [row["store"] for row in stores])
    provenance = dict(run.provenance)
    if isinstance(provenance.get("command"), list):
        provenance["command"] = shlex.join(map(str, provenance["command"]))
    data = dict(provenance.pop("data", None) or {})
    data_splits = split_rows(data)
    data_facts = headline_facts(data)
    data_pairs, data_tables = flatten(store_facts(data))
    about_pairs, about_tables = flatten(provenance)
    watch = watch_of(run.metrics, run.provenance.get("loss_levels")) if training else None
    return render_page(
        TEMPLATE,
        run=run,
        title=run.name,
        summary=_summary(run, training),
        finished=_is_finished(run, training),
        facts=_facts(run, training),
        verdicts=verdicts(run.evaluation) if run.evaluation else [],
        pairs=run.evaluation[pair_task.key] if run.evaluation and pair_task else None,
        plots=plots,
        about_losses=about_losses(watch) if watch else [],
        about_band=about_band(
            shipped_bands(),
            run.config.get("num_hidden_layers", 0),
            run.config.get("hidden_size", 0),
        )
        if watch is not None and watch.levels.rates_compare
        else "",
        evaluations=joint,
        evaluation_names=names_of(joint),
        store_evaluations=of_stores,
        store_evaluation_names=names_of(of_stores),
        stores=stores,
        store_names=names_of(stores),
        data_facts=data_facts,
        data_splits=data_splits,
        data_split_names=names_of(data_splits),
        data_pairs=data_pairs,
        data_tables=[(name, names_of(rows), rows) for name, rows in data_tables],
        about_pairs=about_pairs,
        about_tables=[(name, names_of(rows), rows) for name, rows in about_tables],
    )


def _summary(run: Run, training: Sequence[Mapping[str, Any]]) -> str:
    """Under the title: what was trained, and on batches of which shapes if of several."""
    config = run.config
    parts = []
    if "num_hidden_layers" in config and "hidden_size" in config:
        parts.append(
            f"A BERT encoder of {format_amount(config['num_hidden_layers'], 'layer')}, "
            f"{config['hidden_size']} wide"
        )
    if "vocab_size" in config:
        parts.append(f"a vocabulary of {config['vocab_size']:,}")
    if training:
        of = f" of {run.num_steps:,}" if run.num_steps and not _is_finished(run, training) else ""
        task = pair_task_of(training[-1])
        and_pairs = "" if task is None else f" and {task.title}"
        step = training[-1]["step"]
        steps = f"{step:,}{of} {'step' if step == 1 and not of else 'steps'}"
        parts.append(f"{steps} of masked language modelling{and_pairs}")
    summary = ", ".join(parts) + "." if parts else ""
    shapes = schedule_text(run.operative, training[-1]["step"]) if training else ""
    return f"{summary} {shapes}".strip()


def _is_finished(run: Run, training: Sequence[Mapping[str, Any]]) -> bool:
    last = training[-1]["step"] if training else 0
    return run.num_steps is None or last >= run.num_steps


def _facts(run: Run, training: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The few numbers at the top: (value, what it is)."""
    facts = []
    if run.evaluation and run.evaluation.get("mlm"):
        mlm = run.evaluation["mlm"]
        below = mlm["unigram_entropy"] - mlm["loss"]
        amount = f"{abs(below):.2f}"
        side = "level with" if amount == "0.00" else "below" if below > 0 else "above"
        facts.append((f"{amount} nat", f"MLM loss {side} the held-out unigram entropy"))
    task = pair_task_of(run.evaluation or {})
    if run.evaluation and task and run.evaluation[task.key]:
        pairs = run.evaluation[task.key]
        above = 100 * (pairs["accuracy"] - pairs["majority_share"])
        amount = f"{abs(above):.1f}"
        side = "level with" if amount == "0.0" else "above" if above > 0 else "below"
        fact = f"{task.title} accuracy {side} the majority label"
        facts.append((f"{amount} points", fact))
    if training:
        facts.append((format_count(int(training[-1]["step"])), "steps"))
    speeds = sorted(s for line in training if (s := line.get("tokens_per_second")))
    if speeds:
        facts.append((format_rate(speeds[len(speeds) // 2]), "tokens per second (median)"))
    real = sorted(
        line["tokens_per_second"] * (1 - line["padding"])
        for line in training
        if line.get("tokens_per_second") and line.get("padding")
    )
    if real:
        facts.append((format_rate(real[len(real) // 2]), "of them without padding"))
    return facts
