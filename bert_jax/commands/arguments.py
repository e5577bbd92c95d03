"""What each command can be given. Those that make or look at data: data_arguments.py.

Loads nothing but argparse, so that `bert-jax COMMAND --help` answers at once.
"""

import argparse
from collections.abc import Callable
from typing import Any

from bert_jax.commands.convert_arguments import convert_parser
from bert_jax.commands.data_arguments import inspect_parser, prepare_parser, vocab_parser
from bert_jax.commands.inference_arguments import embed_parser, predict_parser
from bert_jax.commands.parser import (
    GIN,
    CommandParser,
    choice,
    number,
    path,
    positive,
    whole_number,
)
from bert_jax.recipes.overrides import Override, with_data
from bert_jax.recipes.shipped import experiment_names

SUMMARIES = {
    "vocab": "learn a vocabulary from text",
    "prepare": "turn text into a token store, once, for every run on it",
    "inspect": "say what is in a token store, a run, a checkpoint or a model",
    "config": "print every value of an experiment, and all that can be set",
    "show-batch": "print what a step of a run is made of, as text",
    "pretrain": "pretrain an encoder; goes on by itself where it stopped",
    "predict": "what a model's head says of texts: words for masks, and more",
    "embed": "make vectors of texts with a model",
    "convert": "write a model in another layout: Hugging Face's, or ours",
    "benchmark": "measure the speed of a part on this machine",
}

BENCHMARKS = ("train-step", "batches", "plan", "data", "loop", "embed")
PLATFORMS = ("cpu", "gpu", "tpu")


def make_parser(command: str) -> CommandParser:
    """The parser of one command, a key of `SUMMARIES`."""
    parser: CommandParser = _PARSERS[command](command)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line on standard output"
    )
    return parser


def _config(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "EXPERIMENT [flags]",
        "Print every value of an experiment, where it comes from, and every name that can be set.",
        "bert-jax config base --batch_size 64",
        _experiments(),
    )
    _add_experiment(parser)
    return parser


def _show_batch(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "EXPERIMENT --data STORE --step N [flags]",
        "Print the batch of any step: text with its masks, what is to be predicted, the pairs' "
        "labels, and the documents that all came from.",
        "bert-jax show-batch base --data store --step 1000",
        _experiments(),
    )
    _add_experiment(parser)
    parser.add_argument(
        "--step", metavar="N", type=whole_number, help="which one, as in metrics.jsonl, from 1"
    )
    parser.add_argument(
        "--rows", metavar="N", type=positive, default=None, help="the first N rows (all)"
    )
    return parser


def _pretrain(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "EXPERIMENT [flags]",
        "Pretrain an encoder with masked tokens and, if not told otherwise, next sentences. "
        "Started again with the same run folder, it goes on from its newest checkpoint.",
        "bert-jax pretrain base --data store --run_dir runs/base",
        _experiments(),
    )
    _add_experiment(parser)
    parser.add_argument(
        "--run_dir",
        metavar="RUN",
        type=path,
        help="the run's folder (runs/, then EXPERIMENT's name)",
    )
    parser.add_argument(
        "--init_from",
        metavar="MODEL",
        type=path,
        help="a model whose weights are the first ones: a run, a folder of Hugging Face's, "
        "hf:OWNER/NAME, or a checkpoint of Google's",
    )
    parser.add_argument(
        "--init_new",
        metavar="PATTERN",
        action="append",
        default=[],
        help="weights of these names, such as 'cls.*', are not in MODEL and shall start at random; "
        "may be repeated",
    )
    _add_platform(parser)
    return parser


def _predict(command: str) -> CommandParser:
    parser = predict_parser(command)
    _add_platform(parser)
    return parser


def _embed(command: str) -> CommandParser:
    parser = embed_parser(command)
    _add_platform(parser)
    return parser


def _benchmark(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "NAME [flags]",
        f"Measure a part on this machine: {', '.join(BENCHMARKS)}.",
        "bert-jax benchmark train-step",
    )
    parser.add_argument(
        "name", metavar="NAME", type=choice(BENCHMARKS, "benchmark"), help=", ".join(BENCHMARKS)
    )
    parser.add_argument(
        "--data",
        metavar="STORE",
        type=path,
        help="a token store; batches, plan and loop make one up without it",
    )
    parser.add_argument(
        "--text",
        metavar="INPUT",
        nargs="+",
        help="text to prepare, for data: files, folders or globs",
    )
    parser.add_argument(
        "--google_bert",
        metavar="PATH",
        type=path,
        help="for data: a checkout of google-research/bert, to compare with its own script",
    )
    parser.add_argument(
        "--google_bert_python",
        metavar="PYTHON",
        help="the interpreter for it, one that has TensorFlow (python3)",
    )
    parser.add_argument(
        "--megabytes",
        metavar="N",
        type=positive,
        help="of the text, to compare with --google_bert on (2)",
    )
    parser.add_argument(
        "--sentences",
        metavar="N",
        type=positive,
        help="plan: size of the made-up store (10_000_000); embed: how many (20_000)",
    )
    _add_platform(parser)
    return parser


_PARSERS: dict[str, Callable[[str], CommandParser]] = {
    "vocab": vocab_parser,
    "prepare": prepare_parser,
    "inspect": inspect_parser,
    "config": _config,
    "show-batch": _show_batch,
    "pretrain": _pretrain,
    "predict": _predict,
    "embed": _embed,
    "convert": convert_parser,
    "benchmark": _benchmark,
}


def _experiments() -> str:
    return f"experiments: {', '.join(experiment_names())}\n"


def _add_platform(parser: CommandParser) -> None:
    parser.add_argument(
        "--platform",
        metavar="|".join(PLATFORMS),
        type=choice(PLATFORMS, "platform"),
        help="what to compute on (the best there is)",
    )


def _add_experiment(parser: CommandParser) -> None:
    parser.add_argument(
        "experiment", metavar="EXPERIMENT", help="a shipped experiment's name, or a .gin file"
    )
    _add_override(
        parser,
        "--data",
        "DataConfig.store",
        path,
        "STORE",
        "the token store to learn from; given again: one more, and their rows are mixed",
    )
    _add_override(parser, "--steps", "TrainConfig.num_steps", whole_number, "N", "updates in all")
    _add_override(
        parser, "--batch_size", "TrainConfig.batch_size", whole_number, "N", "rows of one update"
    )
    _add_override(
        parser, "--learning_rate", "TrainConfig.learning_rate", number, "R", "its peak value"
    )
    _add_override(
        parser, "--seed", "TrainConfig.seed", whole_number, "N", "of weights, data and dropout"
    )
    _add_gin(parser)


def _add_override(
    parser: CommandParser,
    flag: str,
    name: str,
    convert: Callable[[str], Any],
    metavar: str,
    doc: str,
) -> None:
    parser.add_argument(
        flag,
        action=_AppendOverride,
        dest="overrides",
        default=[],
        metavar=metavar,
        const=name,
        type=convert,
        help=doc,
    )


def _add_gin(parser: CommandParser) -> None:
    parser.add_argument(
        GIN,
        action=_AppendOverride,
        dest="overrides",
        default=[],
        metavar="NAME=VALUE",
        help="any value; bert-jax config EXPERIMENT lists the names",
    )


class _AppendOverride(argparse.Action):
    """Collects all flags that set a value, in the order in which they were typed: the last wins."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        flag = str(option_string)
        overrides = list(namespace.overrides)
        if isinstance(parser, CommandParser) and flag == GIN:
            overrides.append(parser.gin_override(values))
        elif flag == "--data":
            # Once more: one store more.
            namespace.data = [*getattr(namespace, "data", []), values]
            overrides = with_data(overrides, namespace.data, flag)
        else:
            overrides.append(Override(flag, str(self.const), values))
        namespace.overrides = overrides
