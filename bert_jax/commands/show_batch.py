"""`bert-jax show-batch`: what a step of a run is made of."""

import argparse
import shutil

from bert_jax.commands.output import print_json


def run(arguments: argparse.Namespace) -> None:
    """Print the batch; with `--json`, one object for each sequence."""
    from bert_jax.recipes.experiment import load_experiment
    from bert_jax.recipes.show_batch import batch_rows, show_rows
    from bert_jax.terminal import Terminal

    experiment = load_experiment(arguments.experiment, arguments.overrides)
    rows = batch_rows(experiment, arguments.step, arguments.rows, Terminal().progress)
    if arguments.json:
        for row in rows:
            print_json(row)
        return
    width = max(40, min(120, shutil.get_terminal_size((80, 24)).columns))
    for line in show_rows(rows, width):
        print(line)
