"""What `bert-jax convert` can be given."""

from bert_jax.commands.parser import CommandParser, add_case, choice, path, whole_number

FORMATS = ("hf", "run", "stablehlo")
DTYPES = ("float32", "bfloat16", "float16")
ACTIVATIONS = ("gelu", "gelu_new", "relu")
# As bert_jax.head_config.TASKS, which is not loaded for --help.
HEADS = (
    *("pretraining", "sequence_classification", "token_classification", "question_answering"),
    *("multiple_choice", "encoder"),
)


def convert_parser(command: str) -> CommandParser:
    """The parser of `convert`."""
    parser = CommandParser(
        command,
        "SOURCE DEST [flags]",
        "Write a model in another layout, and check that it is the same model. SOURCE is a run or "
        "one of its checkpoints, a folder in Hugging Face's layout (BERT, RoBERTa, DistilBERT), "
        "hf:OWNER/NAME of the Hub, or a TensorFlow checkpoint of google-research/bert.",
        "bert-jax convert runs/base hf/base --license apache-2.0",
    )
    parser.add_argument("source", metavar="SOURCE", type=path, help="the model")
    parser.add_argument("dest", metavar="DEST", type=path, help="a new folder")
    parser.add_argument(
        "--to",
        metavar="|".join(FORMATS),
        type=choice(FORMATS, "layout"),
        help="hf: Hugging Face's layout, with a model card; run: ours, to go on with; stablehlo: a "
        "program that needs none of this (hf for a run, run for all else)",
    )
    parser.add_argument(
        "--head",
        metavar="TASK",
        type=choice(HEADS, "head"),
        help=f"the head to take: {', '.join(HEADS)} (the one whose weights are there)",
    )
    parser.add_argument(
        "--drop",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave out the weights of these names, such as 'cls.*'; may be repeated",
    )
    parser.add_argument(
        "--new",
        metavar="PATTERN",
        action="append",
        default=[],
        help="weights of these names are missing and shall start at random; may be repeated",
    )
    parser.add_argument(
        "--step", metavar="N", type=whole_number, help="which checkpoint of a run (the newest)"
    )
    add_case(parser)
    parser.add_argument(
        "--hidden_act",
        metavar="|".join(ACTIVATIONS),
        type=choice(ACTIVATIONS, "activation"),
        help="where the config says another than the model was trained with",
    )
    parser.add_argument(
        "--dtype",
        metavar="|".join(DTYPES),
        type=choice(DTYPES, "type"),
        default="float32",
        help="of the weights written (float32)",
    )
    parser.add_argument(
        "--weights_only", action="store_true", help="no tokeniser and no model card"
    )
    parser.add_argument(
        "--language",
        metavar="CODE",
        action="append",
        default=[],
        help="for the model card (what the data say); may be repeated",
    )
    parser.add_argument(
        "--license", metavar="NAME", help="for the model card: the Hub's name, such as apache-2.0"
    )
    return parser


def default_format(kind: str) -> str:
    """Where a model of that kind (`bert_jax.convert.model.Kind`) goes if nothing is said."""
    return "hf" if kind == "run" else "run"
