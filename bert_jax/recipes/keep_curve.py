"""Keep the curve of a run: `python -m bert_jax.recipes.keep_curve RUN EXPERIMENT NAME`.

Writes `experiments/curves/NAME.jsonl`, which `bert_jax.loss_bands` reads. What runs are compared
with is made anew by training the shipped experiments and keeping their curves.
"""

import argparse
import sys
from pathlib import Path

from bert_jax.config import BertConfig
from bert_jax.errors import UserError
from bert_jax.kept_curves import curves_folder, write_curve
from bert_jax.loss_curve import Levels, curve_of, noise
from bert_jax.metrics import read_metrics
from bert_jax.recipes import run_folder
from bert_jax.recipes.experiment import load_experiment
from bert_jax.recipes.provenance import LEVELS, read_provenance


def keep_curve(run_dir: Path, experiment: str, path: Path) -> None:
    """Write the curve of a run, finished or not.

    Args:
      run_dir: the run.
      experiment: name of the shipped experiment that it is a run of.
      path: the file to write; its name ends in `.jsonl`.

    Raises:
      UserError: a file of the run is missing or damaged, or says nothing of tokens and levels.
    """
    run = load_experiment(str(run_dir / run_folder.OPERATIVE), data_required=False)
    model = BertConfig.from_json_file(run_dir / run_folder.CONFIG)
    provenance = read_provenance(run_dir)
    curve = curve_of(read_metrics(run_dir))
    levels = Levels.from_facts(provenance.get(LEVELS))
    if levels is None or not len(curve.step):
        raise UserError(
            f"{run_dir} has no curve to keep: its metrics count no tokens, or its provenance says "
            "nothing of the loss's levels; train it again with this version"
        )
    facts = {
        "experiment": experiment,
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
        "data": provenance["data"]["fingerprint"],
        "git_commit": provenance.get("git_commit"),
        "versions": provenance.get("versions", {}),
    }
    write_curve(path, facts, curve)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="keep the curve of a run in experiments/curves")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("experiment", help="the shipped experiment that it is a run of")
    parser.add_argument("name", help="of the file, without .jsonl")
    given = parser.parse_args(arguments)
    path = curves_folder() / f"{given.name}.jsonl"
    try:
        keep_curve(given.run, given.experiment, path)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(path)


if __name__ == "__main__":
    main()
