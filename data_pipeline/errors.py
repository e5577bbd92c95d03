"""The one error a user's mistake raises in this package."""


class DataError(ValueError):
    """What was given to the data pipeline cannot be used.

    The message is one sentence or two: what was given, what was needed, and what to do.
    """
