"""Keep the curve of a run: `python -m bert_jax.recipes.keep_curve RUN EXPERIMENT NAME`.

Writes `experiments/curves/NAME.jsonl`, which `bert_jax.loss_bands` reads. A run need not have all
settings of the experiment: those that differ are kept beside the curve.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bert_jax.config_file import read_config_file
from bert_jax.errors import UserError
from bert_jax.kept_curves import curves_folder, write_curve
from bert_jax.loss_curve import Curve, Levels, curve_of, noise
from bert_jax.metrics import METRICS_FILE, read_metrics
from bert_jax.recipes import run_folder
from bert_jax.recipes.experiment import Experiment, load_experiment
from bert_jax.recipes.provenance import LEVELS, read_provenance
from bert_jax.recipes.shipped import experiment_names
from bert_jax.suggest import did_you_mean

# Settings that change no loss, or that every run has its own of.
_OF_NO_CURVE = ("DataConfig.", "MeshConfig.", "BertConfig.vocab_size", "TrainConfig.seed")
_CADENCES = re.compile(r"TrainConfig\.(log|eval|checkpoint|keep)_\w+")
# So far above the start, as a share of the way down to the level of no context, a run has diverged.
_DIVERGED = 0.1


def keep_curve(run_dir: Path, experiment: str, path: Path) -> None:
    """Write the curve of a run, finished or not.

    Args:
      run_dir: the run.
      experiment: name of the shipped experiment that it is a run of.
      path: the file to write; its name ends in `.jsonl`.

    Raises:
      UserError: there is no such run or experiment, a file of the run is missing or damaged or says
        nothing of tokens and levels, the curve does not show how the loss came down, or the run
        diverged.
    """
    _check_run(run_dir)
    names = experiment_names()
    if experiment not in names:
        hint = did_you_mean(experiment, names) or "."
        raise UserError(
            f"there is no shipped experiment {experiment!r}{hint} Give one of {', '.join(names)}"
        )
    run = load_experiment(str(run_dir / run_folder.OPERATIVE), data_required=False)
    shipped = load_experiment(experiment, data_required=False)
    model, _ = read_config_file(run_dir / run_folder.CONFIG)
    provenance = read_provenance(run_dir)
    curve = curve_of(read_metrics(run_dir))
    levels = Levels.from_facts(provenance.get(LEVELS))
    if levels is None or not len(curve.step):
        raise UserError(
            f"{run_dir} has no curve to keep: its metrics count no tokens, or its provenance says "
            "nothing of the loss's levels; train it again with this version"
        )
    _check_sound(run_dir, curve, levels)
    facts = {
        "experiment": experiment,
        "differs": differing_settings(run, shipped),
        "layers": model.num_hidden_layers,
        "hidden_size": model.hidden_size,
        "vocab_size": model.vocab_size,
        "batch_size": run.train.batch_size,
        "max_length": run.objective.max_length,
        "preset": run.optimizer.preset,
        "learning_rate": run.train.learning_rate,
        "warmup_steps": run.train.warmup_steps,
        "num_steps": run.train.num_steps,
        "seed": run.train.seed,
        "levels": levels.to_facts(),
        "noise": noise(curve.loss),
        "data": (provenance.get("data") or {}).get("fingerprint"),
        "git_commit": provenance.get("git_commit"),
        "versions": provenance.get("versions", {}),
    }
    write_curve(path, facts, curve)


def differing_settings(run: Experiment, shipped: Experiment) -> dict[str, Any]:
    """Settings `Class.field` of a run that bear on its curve and are not the experiment's."""
    ours, theirs = _settings(run), _settings(shipped)
    return {name: ours[name] for name in ours if ours[name] != theirs.get(name)}


def _settings(experiment: Experiment) -> dict[str, Any]:
    found = {
        f"{kind}.{name}": list(value) if isinstance(value, tuple) else value
        for kind, config in experiment.configs().items()
        for name, value in vars(config).items()
    }
    return {
        name: value
        for name, value in found.items()
        if not name.startswith(_OF_NO_CURVE) and not _CADENCES.fullmatch(name)
    }


def _check_run(run_dir: Path) -> None:
    for name in (run_folder.OPERATIVE, METRICS_FILE):
        if not (run_dir / name).is_file():
            raise UserError(f"{run_dir} is no run: there is no {name} in it; give a run's folder")


def _check_sound(run_dir: Path, curve: Curve, levels: Levels) -> None:
    if not levels.rates_compare:
        raise UserError(
            f"{run_dir} is no run to compare others with: LAMB's learning rates are no sizes of "
            "steps; keep the curve of a run with the preset 'paper' or 'adamw'"
        )
    bad = ~np.isfinite(curve.loss)
    if bad.any():
        raise UserError(
            f"{run_dir} is no run to compare others with: at step {int(curve.step[bad][0]):,} its "
            "MLM loss is not a number"
        )
    first = float(curve.loss[0])
    if first <= levels.near_unigram:
        raise UserError(
            f"{run_dir} does not show how its MLM loss came down: at its first logged step, "
            f"{int(curve.step[0]):,}, it is {first:.2f}, and the unigram level begins at "
            f"{levels.near_unigram:.2f}; train it again from fresh weights with a smaller "
            "TrainConfig.log_every"
        )
    last = float(np.median(curve.loss[-max(len(curve.loss) // 5, 1) :]))
    if levels.progress(last) > 1 + _DIVERGED:
        raise UserError(
            f"{run_dir} is no run to compare others with: its MLM loss ends at {last:.2f}, above "
            f"the {levels.start:.2f} of holding every token alike"
        )


def _path_of(name: str) -> Path:
    stem = name.removesuffix(".jsonl")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", stem):
        raise UserError(
            f"NAME is {name!r}; it must be a file's name of letters, digits, '_', '-' and '.', "
            f"because the curve is kept in {curves_folder()}"
        )
    return curves_folder() / f"{stem}.jsonl"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="keep the curve of a run in experiments/curves")
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "experiment", metavar="EXPERIMENT", help="the shipped experiment that it is a run of"
    )
    parser.add_argument("name", metavar="NAME", help="of the file, as documentation_tiny_0")
    given = parser.parse_args(arguments)
    try:
        path = _path_of(given.name)
        keep_curve(given.run, given.experiment, path)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(path)


if __name__ == "__main__":
    main()
