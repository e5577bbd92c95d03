"""`bert-jax config`: every value of an experiment, and every name that can be set."""

import argparse
import shutil

from bert_jax.commands.output import print_json


def run(arguments: argparse.Namespace) -> None:
    """Print the experiment; one object for each value where `--json` is given."""
    from bert_jax.recipes.experiment import load_experiment
    from bert_jax.recipes.show_config import config_rows, show_config

    experiment = load_experiment(arguments.experiment, arguments.overrides, data_required=False)
    if arguments.json:
        for row in config_rows(experiment):
            print_json(row)
        return
    print(show_config(experiment, max(80, shutil.get_terminal_size((80, 24)).columns)), end="")
