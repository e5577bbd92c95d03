"""`bert-jax show-batch`: what a step of a run is made of."""

import argparse
import shutil

from bert_jax.commands.output import print_json
from bert_jax.errors import UserError


def run(arguments: argparse.Namespace) -> None:
    """Print the batch; with `--json`, one object for each sequence."""
    from bert_jax.recipes.experiment import load_experiment
    from bert_jax.recipes.show_batch import batch_rows, show_rows
    from bert_jax.terminal import Terminal

    if arguments.step is None:
        raise UserError("show-batch needs --step N, the step to show, as in metrics.jsonl, from 1")
    experiment = load_experiment(arguments.experiment, arguments.overrides)
    rows = batch_rows(experiment, arguments.step, arguments.rows, Terminal().progress)
    if arguments.json:
        for row in rows:
            print_json(row)
        return
    width = max(40, min(120, shutil.get_terminal_size((80, 24)).columns))
    for line in show_rows(rows, width):
        print(line)
