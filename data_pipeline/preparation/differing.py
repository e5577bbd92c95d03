"""What differs between what is there and what is asked for, in the words of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, get_args

from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.errors import DataError
from data_pipeline.tokenization.rules import UnicodeForm
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# Settings that are flags of `bert-jax prepare` by the same name.
_FLAGS = frozenset(
    {"tokenizer", "language", "eval_share", "lines", "text_key"}
    | {field.name for field in fields(CleaningRules)}
)
_MOST_SHOWN = 3

# What makes known fingerprints of the tokeniser: that of each Unicode form.
Forms = Callable[[], Mapping[str, str]]


def differences(there: Mapping[str, Any], now: Mapping[str, Any], forms: Forms = dict) -> list[str]:
    """`--FLAG x there and y now` for each entry that differs; those of tables by their own names.

    Args:
        there: settings, of types that JSON has.
        now: the same.
        forms: is called where the tokenisers differ: fingerprint -> Unicode form, of tokenisers
            with the vocabulary and the other rules of the one now.
    """
    old, new = flat(there), flat(now)
    found = []
    for name in sorted({*old, *new}):
        was, is_now = old.get(name), new.get(name)
        if was == is_now:
            continue
        if name == "tokenizer":
            known = forms()
            if was in known and is_now in known:
                name, was, is_now = "--normalize", known[str(was)], known[str(is_now)]
        shown = f"--{name}" if name in _FLAGS else name
        found.append(f"{shown} {_short(was)} there and {_short(is_now)} now")
    return found


def forms_of(tokenizer: TextTokenizer) -> dict[str, str]:
    """The fingerprints that the tokeniser has in each Unicode form that it can have."""
    found: dict[str, str] = {}
    for form in get_args(UnicodeForm):
        try:
            other = tokenizer.with_rules(replace(tokenizer.rules, unicode_form=form))
        except DataError:
            continue
        found[other.fingerprint] = form
    return found


def other_inputs(
    there: Sequence[tuple[str, list[Any]]], now: Sequence[tuple[str, list[Any]]]
) -> str:
    """How inputs differ, each a name and its files: by their names, else by their files."""
    old, new = ([name for name, _ in inputs] for inputs in (there, now))
    if old != new:
        return f"inputs {listed(old)} there and {listed(new)} now"
    old, new = ([str(path) for _, paths in inputs for path in paths] for inputs in (there, now))
    gone, come = (
        [path for path in some if path not in others]
        for some, others in ((old, set(new)), (new, set(old)))
    )
    if not gone and not come:
        return "files in another order"
    return " and ".join(
        f"{listed(paths)} {where} alone"
        for paths, where in ((gone, "there"), (come, "now"))
        if paths
    )


def listed(names: Iterable[str]) -> str:
    """Different names in their order, the first few of them."""
    some = list(dict.fromkeys(names))
    more = f" and {len(some) - _MOST_SHOWN} more" if len(some) > _MOST_SHOWN else ""
    return ", ".join(some[:_MOST_SHOWN]) + more


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that are tables of their own, by their entries' names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found.update(value if isinstance(value, dict) else {name: value})
    return found


def _short(value: Any) -> str:
    """A value as it is typed; a fingerprint by its beginning."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        return ",".join(map(str, value))
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text
