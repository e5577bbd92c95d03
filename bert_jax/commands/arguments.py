"""What each command can be given: the one place where flags are named.

Loads nothing but argparse, so that `bert-jax COMMAND --help` answers at once.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bert_jax.commands.cleaning_flags import add_cleaning_flags
from bert_jax.commands.parser import (
    GIN,
    CommandParser,
    choice,
    number,
    path,
    positive,
    whole_number,
)
from bert_jax.recipes.overrides import Override
from bert_jax.recipes.shipped import experiment_names

SUMMARIES = {
    "vocab": "learn a vocabulary from text",
    "prepare": "turn text into a token store, once, for every run on it",
    "inspect": "say what is in a token store, a run, a checkpoint or a model",
    "config": "print every value of an experiment, and all that can be set",
    "show-batch": "print what a step of a run is made of, as text",
    "pretrain": "pretrain an encoder; goes on by itself where it stopped",
    "predict": "fill the masks in sentences with a pretrained model",
    "benchmark": "measure the speed of a part on this machine",
}

BENCHMARKS = ("train-step", "batches", "plan", "data", "loop")
RUNNERS = ("local", "beam")
LINES = ("auto", "sentence", "paragraph", "document")
KINDS = ("wordpiece", "sentencepiece")
MODEL_TYPES = ("unigram", "bpe")
UNICODE_FORMS = ("nfc", "nfkc", "none")
PLATFORMS = ("cpu", "gpu", "tpu")


def make_parser(command: str) -> CommandParser:
    """The parser of one command, a key of `SUMMARIES`."""
    parser: CommandParser = _PARSERS[command](command)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line on standard output"
    )
    return parser


def _vocab(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "INPUT... --output DIR [flags]",
        "Learn a vocabulary and write a tokeniser folder: vocab.txt or sentencepiece.model, "
        "tokenizer.json, tokenizer_config.json.",
        "bert-jax vocab corpus/*.txt.gz --output tokenizer --size 30522",
    )
    _add_input(parser)
    parser.add_argument(
        "--output", metavar="DIR", type=path, required=True, help="the folder to write"
    )
    parser.add_argument(
        "--size",
        metavar="N",
        type=whole_number,
        default=30522,
        help="pieces of the vocabulary (30522)",
    )
    parser.add_argument(
        "--kind",
        metavar="|".join(KINDS),
        type=choice(KINDS, "kind of tokeniser"),
        default="wordpiece",
        help="the original's, or one for scripts without spaces too (wordpiece)",
    )
    parser.add_argument(
        "--cased",
        action="store_true",
        help="keep capitals and, unless told otherwise, accents; else both are dropped",
    )
    accents = parser.add_mutually_exclusive_group()
    accents.add_argument(
        "--strip_accents",
        action="store_true",
        default=None,
        help="drop accents and other combining marks (as it is without --cased)",
    )
    accents.add_argument(
        "--keep_accents",
        dest="strip_accents",
        action="store_false",
        help="or keep them (as it is with --cased)",
    )
    parser.add_argument(
        "--normalize",
        metavar="|".join(UNICODE_FORMS),
        type=choice(UNICODE_FORMS, "Unicode form"),
        default="none",
        help="Unicode form that text is brought to before everything, in every use (none)",
    )
    parser.add_argument(
        "--model_type",
        metavar="|".join(MODEL_TYPES),
        type=choice(MODEL_TYPES, "model of SentencePiece"),
        help="of SentencePiece (unigram)",
    )
    parser.add_argument(
        "--sample",
        metavar="N",
        type=positive,
        help="the most sentences that SentencePiece learns from (1000000)",
    )
    parser.add_argument(
        "--byte_fallback",
        action="store_true",
        help="of SentencePiece: unknown characters become bytes, never [UNK]",
    )
    _add_text_key(parser)
    _add_workers(parser)
    return parser


def _prepare(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "INPUT... --tokenizer DIR --output STORE [flags]",
        "Read text, split it into sentences, tokenise it on all local cores, and write a token "
        "store that every later run reads.",
        "bert-jax prepare corpus/*.txt.gz --tokenizer tokenizer --output store",
    )
    _add_input(parser)
    parser.add_argument(
        "--tokenizer",
        metavar="DIR",
        type=path,
        required=True,
        help="a tokeniser folder (bert-jax vocab)",
    )
    parser.add_argument(
        "--output", metavar="STORE", type=path, required=True, help="the folder to write"
    )
    case = parser.add_mutually_exclusive_group()
    case.add_argument(
        "--cased",
        action="store_true",
        default=None,
        help="how to read a bare vocab.txt: capitals kept",
    )
    case.add_argument("--uncased", dest="cased", action="store_false", help="or lower-cased")
    _add_text_key(parser)
    parser.add_argument(
        "--normalize",
        metavar="|".join(UNICODE_FORMS),
        type=choice(UNICODE_FORMS, "Unicode form"),
        help="Unicode form that text is brought to before everything (the tokeniser's own)",
    )
    parser.add_argument(
        "--lines",
        metavar="|".join(LINES),
        type=choice(LINES, "kind of lines"),
        default="auto",
        help="what a line of a text holds (auto: looked up in it)",
    )
    parser.add_argument(
        "--eval_share",
        metavar="R",
        type=number,
        default=0.01,
        help="share of the documents held out for evaluation (0.01)",
    )
    parser.add_argument(
        "--language", metavar="CODE", default="en", help="for splitting sentences (en)"
    )
    _add_workers(parser)
    parser.add_argument(
        "--runner",
        metavar="|".join(RUNNERS),
        type=choice(RUNNERS, "runner"),
        default="local",
        help="local: this machine's cores; beam: Apache Beam, whose options follow (local)",
    )
    parser.hand_over_after = ("--runner", "beam")
    add_cleaning_flags(parser)
    return parser


def _inspect(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "PATH [flags]",
        "Say what a token store, a run, a checkpoint or a model is made of. Of a store also what "
        "is wrong with its text, in the terminal and as a page.",
        "bert-jax inspect store",
    )
    parser.add_argument("path", metavar="PATH", help="a store, a run, a checkpoint or a model")
    parser.add_argument(
        "--verify", action="store_true", help="read a store's every byte and compare checksums"
    )
    parser.add_argument(
        "--html", metavar="FILE", type=path, help="the page of a store (STORE/inspect.html)"
    )
    parser.add_argument(
        "--steps", metavar="N", type=positive, help="of the run that a store is meant for (1000)"
    )
    parser.add_argument("--batch_size", metavar="N", type=positive, help="rows of its steps (32)")
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
        "--step", metavar="N", type=whole_number, required=True, help="as in metrics.jsonl, from 1"
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
        "--init_from", metavar="RUN", type=path, help="a run whose weights are the first ones"
    )
    _add_platform(parser)
    return parser


def _predict(command: str) -> CommandParser:
    parser = CommandParser(
        command,
        "MODEL [TEXT...] [flags]",
        "Fill each [MASK] of each text with what the model holds most likely.",
        'bert-jax predict runs/base "The capital of France is [MASK]."',
    )
    parser.add_argument("model", metavar="MODEL", help="a run's folder")
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="a text with [MASK] in it")
    parser.add_argument(
        "--file", metavar="F", type=path, help="a file with one text a line; -: standard input"
    )
    parser.add_argument(
        "--top_k", metavar="N", type=positive, default=5, help="words for each mask (5)"
    )
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
        "--sentences",
        metavar="N",
        type=positive,
        help="of plan's made-up store (10_000_000)",
    )
    _add_platform(parser)
    return parser


_PARSERS: dict[str, Callable[[str], CommandParser]] = {
    "vocab": _vocab,
    "prepare": _prepare,
    "inspect": _inspect,
    "config": _config,
    "show-batch": _show_batch,
    "pretrain": _pretrain,
    "predict": _predict,
    "benchmark": _benchmark,
}


def _add_input(parser: CommandParser) -> None:
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="files, folders or globs of text, JSON lines, Parquet or MediaWiki dumps, plain or "
        "compressed; tfds:NAME for a prepared TensorFlow data set; hf:datasets/NAME for one of the "
        "Hugging Face Hub",
    )


def _add_text_key(parser: CommandParser) -> None:
    parser.add_argument(
        "--text_key",
        metavar="KEY",
        default="text",
        help="key or column of the text, in JSON lines, Parquet and data sets (text)",
    )


def _experiments() -> str:
    return f"experiments: {', '.join(experiment_names())}\n"


def _add_workers(parser: CommandParser) -> None:
    parser.add_argument(
        "--workers", metavar="N", type=positive, help="processes (as many as cores)"
    )


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
        parser, "--data", "DataConfig.store", path, "STORE", "the token store to learn from"
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
            # Whatever data the experiment names gives way to this store.
            overrides.append(Override(flag, "DataConfig.corpus", None))
            store = str(Path(values).expanduser().absolute())
            overrides.append(Override(flag, str(self.const), store))
        else:
            overrides.append(Override(flag, str(self.const), values))
        namespace.overrides = overrides
