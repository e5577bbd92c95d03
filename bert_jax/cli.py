"""The console command `bert-jax`: finds the command, runs it, and turns errors into exit statuses.

Nothing heavy is imported here or for `--help`: a command's body is loaded when it runs. Exit
status: 0; 1 a run that failed; 2 a user's mistake (one line, `error: ...`); 130 Ctrl-C; 141 where
the reader of the output went away; 143 SIGTERM. Any other exception is a bug of ours and keeps its
traceback.
"""

import importlib
import os
import sys
from collections.abc import Sequence

from bert_jax.commands.arguments import SUMMARIES, make_parser
from bert_jax.errors import TrainingFailed, UserError
from bert_jax.escaping import escaped
from bert_jax.huge_pages import restart_with_huge_pages
from bert_jax.signals import Terminated, hold_signals, release_signals, signals_unwind
from bert_jax.suggest import did_you_mean
from data_pipeline.errors import DataError

# The commands that may spend their time in a model on a CPU.
_COMPUTING = ("pretrain", "predict", "embed", "benchmark")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `bert-jax ARGV...` and return its exit status.

    Without `argv` the process is the command's own, and may be replaced (`huge_pages`).
    """
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal does not have must not end a run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with signals_unwind():
            status = _run(list(sys.argv[1:] if argv is None else argv), alone=argv is None)
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Terminated:
        print("terminated", file=sys.stderr)
        return 143
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        # So that Python's own flush at exit finds nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (UserError, DataError) as error:
        _print_error(str(error))
        return 2
    except TrainingFailed as error:
        _print_error(str(error))
        return 1
    except OSError as error:
        known = error.filename is not None and error.strerror is not None
        _print_error(f"{error.filename}: {error.strerror}" if known else str(error))
        return 2


def _print_error(message: str) -> None:
    """One line that no terminal obeys, whatever the names and values in it hold."""
    print(f"error: {escaped(message.rstrip())}", file=sys.stderr)


def _run(argv: list[str], alone: bool) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    command, *rest = argv
    if command == "--version":
        from importlib.metadata import version

        print(f"bert-jax {version('bert-jax')}")
        return 0
    if command not in SUMMARIES:
        what = "flag" if command.startswith("-") else "command"
        known = ("--help", "--version") if what == "flag" else tuple(SUMMARIES)
        hint = did_you_mean(command, known) or f"; there are {', '.join(known)}"
        raise UserError(f"bert-jax has no {what} {command!r}{hint}")
    try:
        arguments = make_parser(command).parse(rest)
    except SystemExit:  # argparse printed the help that was asked for
        return 0
    if alone and command in _COMPUTING:
        hold_signals()
        restart_with_huge_pages()
        release_signals()
    body = importlib.import_module(f"bert_jax.commands.{command.replace('-', '_')}")
    return body.run(arguments) or 0


def _help() -> str:
    width = max(map(len, SUMMARIES)) + 2
    return "\n".join(
        [
            "usage: bert-jax COMMAND [arguments]",
            "",
            "Pretrain BERT-style encoders in JAX: from raw text to a trained model.",
            "",
            "commands:",
            *(f"  {name:{width}}{summary}" for name, summary in SUMMARIES.items()),
            "",
            "bert-jax COMMAND --help tells more about one, bert-jax --version the version.",
            "Start here: bert-jax pretrain documentation_tiny",
        ]
    )


def _reader_is_gone() -> bool:
    """Whether standard output's other end was closed, and not some pipe of our own."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return True
    return False
