"""`bert-jax pretrain`: train, or go on with a run."""

import argparse

from bert_jax.commands.output import print_json


def run(arguments: argparse.Namespace) -> None:
    """Train to the end; with `--json`, print how it ended."""
    from bert_jax.recipes.experiment import load_experiment
    from bert_jax.terminal import Terminal

    # Everything that can be wrong with the experiment is found before JAX is even imported.
    experiment = load_experiment(arguments.experiment, arguments.overrides)

    from bert_jax.recipes.pretrain import pretrain

    result = pretrain(
        experiment,
        arguments.run_dir,
        init_from=arguments.init_from,
        init_new=arguments.init_new,
        platform=arguments.platform,
        terminal=Terminal(),
    )
    if arguments.json:
        print_json(
            {
                "run_dir": str(result.run_dir),
                "step": result.step,
                "stopped_by": result.stopped_by,
                "evaluation": result.evaluation,
            }
        )
