"""The flags of the commands that make and look at data: vocab, prepare and inspect.

Loads nothing but argparse, so that `bert-jax COMMAND --help` answers at once.
"""

from bert_jax.commands.cleaning_flags import add_cleaning_flags
from bert_jax.commands.parser import (
    CommandParser,
    add_case,
    choice,
    number,
    path,
    positive,
    whole_number,
)

RUNNERS = ("local", "beam")
LINES = ("auto", "sentence", "paragraph", "document")
KINDS = ("wordpiece", "sentencepiece")
MODEL_TYPES = ("unigram", "bpe")
UNICODE_FORMS = ("nfc", "nfkc", "none")


def vocab_parser(command: str) -> CommandParser:
    """The flags of `bert-jax vocab`."""
    parser = CommandParser(
        command,
        "INPUT... --output DIR [flags]",
        "Learn a vocabulary and write a tokeniser folder: vocab.txt or sentencepiece.model, "
        "tokenizer.json, tokenizer_config.json, learned.json. With --extend: add to a tokeniser "
        "the words that it splits worst.",
        "bert-jax vocab corpus/*.txt.gz --output tokenizer --size 30522",
    )
    _add_input(parser)
    parser.add_argument(
        "--output", metavar="DIR", type=path, required=True, help="the tokeniser's folder to write"
    )
    parser.add_argument(
        "--extend",
        metavar="TOKENISER",
        type=path,
        help="add words to this WordPiece tokeniser, a folder or a vocab.txt (with --cased if it "
        "is), behind its own, whose ids stay; first those that save most tokens",
    )
    parser.add_argument(
        "--add", metavar="N", type=positive, help="--extend: at most N words more (1000)"
    )
    parser.add_argument(
        "--size",
        metavar="N",
        type=whole_number,
        help="the most pieces, special tokens among them (30522)",
    )
    parser.add_argument(
        "--kind",
        metavar="|".join(KINDS),
        type=choice(KINDS, "kind of tokeniser"),
        help="BERT's own, or one that suits scripts without spaces too (wordpiece)",
    )
    parser.add_argument(
        "--cased",
        action="store_true",
        help="keep capitals and accents; both are dropped without it",
    )
    accents = parser.add_mutually_exclusive_group()
    accents.add_argument(
        "--strip_accents",
        action="store_true",
        default=None,
        help="drop accents and other combining marks, even with --cased",
    )
    accents.add_argument(
        "--keep_accents",
        dest="strip_accents",
        action="store_false",
        help="keep them, even without --cased",
    )
    _add_normalize(parser, "bring all text to this Unicode form first, now and in every use (none)")
    parser.add_argument(
        "--model_type",
        metavar="|".join(MODEL_TYPES),
        type=choice(MODEL_TYPES, "model of SentencePiece"),
        help="SentencePiece: which model (unigram)",
    )
    parser.add_argument(
        "--sample",
        metavar="N",
        type=positive,
        help="learn from at most N different sentences (WordPiece: all; SentencePiece: 1000000)",
    )
    parser.add_argument(
        "--byte_fallback",
        action="store_true",
        help="SentencePiece: make unknown characters bytes instead of [UNK]",
    )
    _add_text_key(parser)
    _add_lines(parser)
    _add_workers(parser)
    return parser


def prepare_parser(command: str) -> CommandParser:
    """The flags of `bert-jax prepare`."""
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
        "--output", metavar="STORE", type=path, required=True, help="the store to write"
    )
    add_case(parser)
    _add_text_key(parser)
    _add_normalize(parser, "bring all text to this Unicode form first (the tokeniser's own)")
    _add_lines(parser)
    parser.add_argument(
        "--eval_share",
        metavar="R",
        type=number,
        default=0.01,
        help="share of the documents to hold out for evaluation (0.01)",
    )
    parser.add_argument(
        "--language",
        metavar="CODE",
        default="en",
        help="language, for splitting sentences: de, pt-BR, ... (en)",
    )
    _add_workers(parser)
    parser.add_argument(
        "--runner",
        metavar="|".join(RUNNERS),
        type=choice(RUNNERS, "runner"),
        default="local",
        help="this machine's cores, or Apache Beam, whose own options come after it (local)",
    )
    parser.hand_over_after = ("--runner", "beam")
    add_cleaning_flags(parser)
    return parser


def inspect_parser(command: str) -> CommandParser:
    """The flags of `bert-jax inspect`."""
    parser = CommandParser(
        command,
        "PATH [flags]",
        "Say what a token store, a run, a checkpoint or any MODEL is made of (a folder in Hugging "
        "Face's layout, hf:OWNER/NAME, a checkpoint of google-research/bert). Of a store also what "
        "is wrong with its text, in the terminal and as a page; of a model what keeps it from "
        "being opened.",
        "bert-jax inspect store",
    )
    parser.add_argument("path", metavar="PATH", help="a store, a run, a checkpoint or a model")
    parser.add_argument(
        "--weights",
        action="store_true",
        help="a run, a checkpoint or a model: read every tensor, and show its numbers",
    )
    parser.add_argument(
        "--verify", action="store_true", help="a store: compare every file with its checksum"
    )
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=path,
        help="a store: its page (STORE/inspect.html)",
    )
    parser.add_argument(
        "--steps", metavar="N", type=positive, help="a store: steps of the run it is for (1000)"
    )
    parser.add_argument(
        "--batch_size", metavar="N", type=positive, help="a store: rows of a step (32)"
    )
    return parser


def _add_input(parser: CommandParser) -> None:
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="files, folders or globs of text, JSON lines, Parquet or MediaWiki dumps, plain or "
        "compressed; tfds:NAME for a prepared TensorFlow data set; hf:datasets/NAME for one of the "
        "Hugging Face Hub",
    )


def _add_lines(parser: CommandParser) -> None:
    parser.add_argument(
        "--lines",
        metavar="|".join(LINES),
        type=choice(LINES, "kind of lines"),
        default="auto",
        help="what a line of text holds; auto looks at the beginning of the text (auto)",
    )


def _add_text_key(parser: CommandParser) -> None:
    parser.add_argument(
        "--text_key",
        metavar="KEY",
        default="text",
        help="key or column of the text, in JSON lines, Parquet and data sets (text)",
    )


def _add_normalize(parser: CommandParser, doc: str) -> None:
    parser.add_argument(
        "--normalize",
        metavar="|".join(UNICODE_FORMS),
        type=choice(UNICODE_FORMS, "Unicode form"),
        help=doc,
    )


def _add_workers(parser: CommandParser) -> None:
    parser.add_argument("--workers", metavar="N", type=positive, help="processes (one a core)")
