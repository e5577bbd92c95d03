"""An experiment as a person reads it: values, where they come from, what else can be set."""

import textwrap
import typing
from collections.abc import Iterator
from typing import Any

from bert_jax.recipes.bindings import CONFIGS, DENIED, KINDS, settable_fields
from bert_jax.recipes.experiment import Experiment
from bert_jax.recipes.field_docs import CLASS_DOCS, FIELD_DOCS
from bert_jax.recipes.length_schedule import describe_stages
from bert_jax.recipes.shipped import configs_folder
from bert_jax.recipes.statements import Origin, readable_path

_INDENT = "  "


def config_rows(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """One object for each value: `name value type origin default doc`, for `--json`.

    `origin` is `{"kind": "default" | "file" | "command line"}`, with `path` and `line`, or `flag`.
    """
    for class_name, config in experiment.configs().items():
        hints = typing.get_type_hints(CONFIGS[class_name])
        for field in settable_fields(class_name):
            key = f"{class_name}.{field.name}"
            origin = experiment.origins[key]
            place: dict[str, Any] = {"kind": origin.kind}
            if origin.path:
                place |= {"path": str(readable_path(origin.path)), "line": origin.line}
            if origin.flag:
                place |= {"flag": origin.flag}
            yield {
                "name": key,
                "value": getattr(config, field.name),
                "type": type_name(hints[field.name]),
                "origin": place,
                "default": field.default,
                "doc": FIELD_DOCS[key],
            }


def show_config(experiment: Experiment, width: int = 80) -> str:
    """Every value of an experiment, where it comes from, and every name that can be set.

    Lines stay within `width` columns (at least 80), save a value or path longer by itself.
    """
    lines = [f"{experiment.name}, a {experiment.kind} experiment"]
    lines.append(f"{_INDENT}{readable_path(experiment.path)}")
    if experiment.length_schedule.after_step:
        lines += textwrap.wrap(
            describe_stages(experiment.stages),
            width,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
        )
    for class_name in experiment.configs():
        lines += ["", f"{class_name}: {CLASS_DOCS[class_name]}"]
        lines += _table(_fields(experiment, class_name), width)
        for name, reason in DENIED.get(class_name, {}).items():
            lines += [f"{_INDENT}{name}", f"{_INDENT * 2}cannot be set: {reason}"]
    lines += ["", "Set any of them: --gin.CLASS.NAME=VALUE, or CLASS.NAME = VALUE in a .gin file."]
    lines += ["Where no place is given, the value is the default."]
    if not experiment.data.is_given:
        lines += ["It names no data yet: give --data STORE, made by `bert-jax prepare`."]
    others = [name for name in CONFIGS if name not in KINDS[experiment.kind].values()]
    if others:
        lines += [f"Not built by this experiment: {', '.join(others)}."]
    return "\n".join(lines) + "\n"


def type_name(hint: Any) -> str:
    """`int`, `str or None`; of a field with a few choices, `str`; `tuple of str`."""
    if typing.get_origin(hint) is tuple:
        return f"tuple of {typing.get_args(hint)[0].__name__}"
    if typing.get_origin(hint) is typing.Literal:
        return "str"
    if typing.get_origin(hint) is tuple:
        return f"tuple of {typing.get_args(hint)[0].__name__}"
    names = [
        "None" if arg is type(None) else arg.__name__ for arg in typing.get_args(hint) or (hint,)
    ]
    return " or ".join(names)


class _Row(typing.NamedTuple):
    name: str
    value: str
    kind: str
    doc: str
    origin: str


def _fields(experiment: Experiment, class_name: str) -> list[_Row]:
    config = experiment.configs()[class_name]
    hints = typing.get_type_hints(CONFIGS[class_name])
    return [
        _Row(
            field.name,
            repr(getattr(config, field.name)),
            type_name(hints[field.name]),
            FIELD_DOCS[f"{class_name}.{field.name}"],
            _short_origin(experiment.origins[f"{class_name}.{field.name}"], experiment.kind),
        )
        for field in settable_fields(class_name)
    ]


def _short_origin(origin: Origin, kind: str) -> str:
    """`tiny.gin:3`, `model/tiny.gin:3` for shipped files, `--gin` for a binding by that flag.

    Nothing for a default, so that the eye finds what was set.
    """
    if origin.kind == "default":
        return ""
    for folder in (configs_folder() / kind, configs_folder()):
        if origin.path and origin.path.is_relative_to(folder):
            return f"{origin.path.relative_to(folder).as_posix()}:{origin.line}"
    return "--gin" if origin.flag and origin.flag.startswith("--gin") else str(origin)


def _table(rows: list[_Row], width: int) -> Iterator[str]:
    """One line for each row where all fit, else what it means on a second line."""
    name, value, kind, doc, _ = (max(len(row[i]) for row in rows) for i in range(5))
    one_line = [
        f"{_INDENT}{row.name:{name}}  {row.value:{value}}  {row.kind:{kind}}  "
        f"{row.doc:{doc}}  {row.origin}".rstrip()
        for row in rows
    ]
    if max(map(len, one_line)) <= width:
        yield from one_line
        return
    value = max((len(row.value) for row in rows if len(row.value) <= 24), default=0)
    for row in rows:
        head = f"{_INDENT}{row.name:{name}}  {row.value:{value}}"
        if row.origin and len(head) + 2 + len(row.origin) <= width:
            yield f"{head}  {row.origin}"
        else:
            yield head.rstrip()
            if row.origin:
                yield f"{_INDENT * 2}from {row.origin}"
        yield f"{_INDENT * 2}{row.kind}: {row.doc}"
