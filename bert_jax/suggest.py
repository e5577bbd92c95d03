"""The nearest right name to a wrong one, for error messages."""

from collections.abc import Iterable


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that is most like `name`, capitals aside; None where none is."""
    import difflib

    by_lower = {choice.lower(): choice for choice in choices}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """`"; did you mean CHOICE?"`, or nothing where no choice is like `name`."""
    found = nearest(name, choices)
    return f"; did you mean {found}?" if found else ""
