"""The console command `bert-jax`: finds the command, runs it, and turns errors into exit statuses.

Nothing heavy is imported here or for `--help`: a command's body is loaded when it runs. Exit
status: 0; 1 a run that failed; 2 a user's mistake (one line, `error: ...`); 130 Ctrl-C; 141 where
the reader of the output went away; 143 SIGTERM. Any other exception is a bug of ours and keeps its
traceback.
"""

import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from bert_jax.commands.arguments import SUMMARIES, make_parser
from bert_jax.errors import TrainingFailed, UserError
from bert_jax.huge_pages import restart_with_huge_pages
from bert_jax.suggest import did_you_mean
from data_pipeline.errors import DataError

# The commands that may spend their time in a model on a CPU.
_COMPUTING = ("pretrain", "predict", "benchmark")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `bert-jax ARGV...` and return its exit status.

    Without `argv` the process is the command's own, and may be replaced (`huge_pages`).
    """
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal does not have must not end a run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _signals_unwind():
            status = _run(list(sys.argv[1:] if argv is None else argv), alone=argv is None)
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except _Terminated:
        print("terminated", file=sys.stderr)
        return 143
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        # So that Python's own flush at exit finds nothing to complain about.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (UserError, DataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except TrainingFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.filename is None or error.strerror is None:
            print(f"error: {error}", file=sys.stderr)
        else:
            print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2


class _Terminated(BaseException):
    """SIGTERM came."""


# What a signal raises, and how long after it was lost it is raised again.
_RAISED: dict[int, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: _Terminated,
}
_AGAIN_SECONDS = 0.02


@contextlib.contextmanager
def _signals_unwind() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM unwind the program: a store half written must not stay behind.

    Python discards an exception that a signal's handler raises within a callback that cannot pass
    it on; JAX has one for the garbage collector. Such an exception is raised again a moment later,
    and none is raised before an import that is under way has ended.
    What handles signals itself, as pretraining does, replaces this while it runs.
    """
    defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    is_main_thread = threading.current_thread() is threading.main_thread()
    ours = [number for number in defaults if signal.getsignal(number) == defaults[number]]
    if not is_main_thread or not ours:
        yield
        return
    raised: list[BaseException] = []
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if number in _RAISED:
            asked.append(number)
        if _is_importing(frame) and hasattr(signal, "setitimer"):
            # Compiled modules that are interrupted while they are loaded may crash.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
            return
        raised.append(_RAISED[asked[-1]]())
        raise raised[-1]

    def ignored(about: "sys.UnraisableHookArgs") -> None:
        if about.exc_value not in raised:
            hook(about)
        elif hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)

    hook, sys.unraisablehook = sys.unraisablehook, ignored
    before = {number: signal.signal(number, stop) for number in ours}
    if hasattr(signal, "SIGALRM"):
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, stop)
    _unblock()
    try:
        yield
    except BaseException as error:
        if raised and error is not raised[-1]:
            # What interrupted code says, a module that could not be imported say, is no news.
            raise raised[-1] from error
        raise
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _block() -> None:
    """Keep signals for the process that replaces this one, until it can handle them."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _RAISED)


def _unblock() -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _RAISED)


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
        _block()
        restart_with_huge_pages()
        _unblock()
    body = importlib.import_module(f"bert_jax.commands.{command}")
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
