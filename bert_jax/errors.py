"""The errors a person can cause, told apart from the ones we cause."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake in what was given: an argument, a config value, a file.

    Its message is one clear sentence or two: what was given, what was needed, what to do. The
    command line prints it as one line, ``error: MESSAGE``, without a traceback, and exits with
    status 2; any other exception keeps its traceback, because it is a bug of ours.
    """


class TrainingFailed(RuntimeError):
    """A run that cannot go on, though nothing it was given is wrong in itself.

    The loss is not finite, say. The command line prints the message as one line and exits with
    status 1.
    """
