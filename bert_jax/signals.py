"""Ctrl-C and SIGTERM as exceptions that are not lost on their way."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """SIGTERM came."""


# What a signal raises, and how long after it was lost it is raised again.
_RAISED: dict[int, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}
_AGAIN_SECONDS = 0.02


@contextmanager
def signals_unwind() -> Iterator[None]:
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
    release_signals()
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


def hold_signals() -> None:
    """Keep signals for the process that replaces this one, until it can handle them."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _RAISED)


def release_signals() -> None:
    """Let through what was kept, and what comes."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _RAISED)
