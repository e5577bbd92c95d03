"""The flags of the commands that use a model: predict and embed.

Loads nothing but argparse, so that `bert-jax COMMAND --help` answers at once.
"""

import argparse

from bert_jax.commands.parser import (
    CommandParser,
    Once,
    add_case,
    choice,
    number,
    path,
    positive,
    whole_number,
)

MODEL = (
    "a run or one of its checkpoints, a folder of Hugging Face's, hf:OWNER/NAME, or a checkpoint "
    "of Google's"
)
TASKS = (
    *("fill-mask", "next-sentence", "sentence-order"),
    *("classify", "tag", "answer", "choose"),
)
POOLINGS = ("mean", "cls", "max", "pooler")
MIXES = ("mean", "sum", "concat")


def predict_parser(command: str) -> CommandParser:
    """The flags of `bert-jax predict`."""
    parser = CommandParser(
        command,
        "MODEL [TEXT...] [flags]",
        "What the head of a model says of texts: fill each [MASK] of each text with what it holds "
        "most likely; or how likely a second text follows a first (--task next-sentence), or what "
        "a fine-tuned head was trained for.",
        'bert-jax predict runs/base "The capital of France is [MASK]."',
    )
    parser.or_flag = {"TEXT": "--file"}
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="*",
        help="a text, with [MASK] in it to fill masks; for pairs first one, then the other",
    )
    parser.add_argument(
        "--file",
        action=Once,
        metavar="F",
        type=path,
        help="a file with one text a line, or several with tabs between, compressed or not; "
        "-: standard input",
    )
    parser.add_argument(
        "--task",
        metavar="NAME",
        type=choice(TASKS, "task"),
        help=f"{', '.join(TASKS)} (what the head is for)",
    )
    parser.add_argument("--top_k", metavar="N", type=positive, help="words for each mask (5)")
    _add_reading(parser, "a mask is never cut off; not for tag and answer")
    return parser


def embed_parser(command: str) -> CommandParser:
    """The flags of `bert-jax embed`."""
    parser = CommandParser(
        command,
        "MODEL [TEXT...] [flags]",
        "Make a vector of each text: print it, or write all into a file; or print how alike the "
        "texts of each pair are.",
        'bert-jax embed runs/base "A cat sat." "A dog ran." --similarity',
    )
    parser.or_flag = {"TEXT": "--file"}
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="a text")
    parser.add_argument(
        "--file",
        action=Once,
        metavar="F",
        type=path,
        help="a file with one text a line, compressed or not; -: standard input",
    )
    parser.add_argument(
        "--output",
        metavar="F",
        type=path,
        help="write the vectors there: .npy, an array of a row for each text, or .parquet, with "
        "the texts",
    )
    parser.add_argument(
        "--similarity",
        action="store_true",
        help="print how alike each pair is, two TEXTs or lines with a tab: its cosine, or what the "
        "model asks for (dot; euclidean or manhattan, the distance as a negative number)",
    )
    parser.add_argument(
        "--pooling",
        metavar="NAME",
        type=choice(POOLINGS, "pooling"),
        help=f"{', '.join(POOLINGS)} (as the model was trained, or mean)",
    )
    parser.add_argument(
        "--layers",
        metavar="N,N...",
        type=_layers,
        help="which states: 0 the embeddings, 1 the first layer, -1 the last; as --layers=-4,-3 "
        "(-1)",
    )
    parser.add_argument(
        "--mix",
        metavar="NAME",
        type=_mix,
        help=f"of several layers: {', '.join(MIXES)}, or a weight for each: 0.5,0.3,0.2 (mean)",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--normalize",
        action="store_true",
        default=None,
        help="divide each vector by its length (as the model was trained)",
    )
    length.add_argument(
        "--no_normalize", dest="normalize", action="store_false", help="leave its length"
    )
    parser.add_argument(
        "--truncate_dim",
        metavar="N",
        type=positive,
        help="cut each vector to its first N numbers (as the model says, or all)",
    )
    prompts = parser.add_mutually_exclusive_group()
    prompts.add_argument(
        "--prompt_name",
        metavar="NAME",
        help="put the model's prompt of this name before each text (the model's default, if any)",
    )
    prompts.add_argument(
        "--prompt", metavar="TEXT", help="put this before each text; '' leaves the default out"
    )
    _add_reading(parser, "an encoder of sentences always cuts")
    return parser


def _add_reading(parser: CommandParser, of_cutting: str) -> None:
    """How a text is read."""
    parser.add_argument(
        "--truncate",
        action="store_true",
        default=None,
        help="cut texts that are too long for the model, which are an error otherwise "
        f"({of_cutting})",
    )
    add_case(parser)


def _layers(text: str) -> tuple[int, ...]:
    return tuple(whole_number(each) for each in text.split(","))


def _mix(text: str) -> str | tuple[float, ...]:
    if any(character.isdecimal() for character in text):
        return tuple(number(each) for each in text.split(","))
    try:
        return choice(MIXES, "mix")(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or a weight for each layer") from None
