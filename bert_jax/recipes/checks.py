"""Refuses bindings that mean nothing: wrong names, and values that nothing would ever read.

gin itself notices neither a binding that no class reads nor a macro that nobody defined.
"""

import re
from collections.abc import Sequence

from bert_jax.errors import UserError
from bert_jax.recipes.bindings import CONFIGS, DENIED, KINDS, settable_fields
from bert_jax.recipes.statements import Binding
from bert_jax.suggest import did_you_mean, nearest


def check_bindings(bindings: Sequence[Binding], kind: str) -> None:
    """Check every binding of an experiment, also one that a later binding overrides.

    Raises:
      UserError: an unknown class or field, a binding or macro that nothing uses, a macro that
        nobody defines or that needs itself; with its place and the nearest right name.
    """
    for binding in bindings:
        if binding.owner:
            _check_binding(binding, kind)
    _check_macros(bindings)


def with_places(message: str, bindings: Sequence[Binding]) -> str:
    """A config class's message with the places of the bindings that it names.

    The newest binding stands in front, as the one most likely at fault.
    """
    newest = {b.key: b for b in bindings}
    named = [
        b
        for b in reversed(newest.values())
        if b.owner and b.owner in message and re.search(rf"\b{re.escape(b.name)}\b", message)
    ]
    if not named:
        return message
    others = [f"{b.key} is set {_place(b)}" for b in named[1:]]
    others += [
        f"%{macro} is set {_place(newest[macro])}"
        for b in named
        for macro in b.macros()
        if macro in newest
    ]
    return f"{named[0].origin}: {message}" + (f" ({'; '.join(others)})" if others else "")


def _place(binding: Binding) -> str:
    return f"{'in' if binding.origin.path else 'by'} {binding.origin}"


def _check_binding(binding: Binding, kind: str) -> None:
    owner, name, where = binding.owner, binding.name, binding.origin
    every_field = [f"{c}.{f.name}" for c in CONFIGS for f in settable_fields(c)]
    if owner not in CONFIGS:
        # `bert_jax.config.TrainConfig.seed`, `trainconfig.seed` and `TrianConfig.seed`.
        near = nearest(owner, CONFIGS) or nearest(owner.rpartition(".")[2], CONFIGS)
        hint = f"; did you mean {near}.{name}?" if near else _elsewhere(name, every_field)
        raise UserError(f"{where}: there is no class {owner} to set {name} of{hint}")
    if name in DENIED.get(owner, {}):
        raise UserError(f"{where}: {binding.key} cannot be set: {DENIED[owner][name]}")
    fields = [f.name for f in settable_fields(owner)]
    if name not in fields:
        near = nearest(name, fields)
        hint = f"; did you mean {owner}.{near}?" if near else _elsewhere(name, every_field)
        hint = hint or f"; it has {', '.join(fields)}"
        raise UserError(f"{where}: {owner} has no field {name}{hint}")
    if binding.scope:
        raise UserError(
            f"{where}: nothing uses {binding.scope}/{binding.key}: no config is built in the scope "
            f"{binding.scope!r}; write {binding.key}"
        )
    if owner not in KINDS[kind].values():
        raise UserError(
            f"{where}: nothing uses {binding.key}: a {kind} experiment builds "
            f"{', '.join(KINDS[kind].values())}, and no {owner}"
        )


def _elsewhere(name: str, every_field: Sequence[str]) -> str:
    """A hint where another class has a field of this name."""
    keys = [key for key in every_field if key.endswith(f".{name}")]
    return f"; did you mean {' or '.join(keys)}?" if keys else ""


def _check_macros(bindings: Sequence[Binding]) -> None:
    defined = {b.name: b for b in bindings if not b.owner}
    used = {macro: b for b in reversed(bindings) for macro in b.macros()}
    for macro, user in used.items():
        if macro not in defined:
            hint = did_you_mean(f"%{macro}", [f"%{name}" for name in defined])
            raise UserError(
                f"{user.origin}: %{macro} has no value{hint or f'; write {macro} = VALUE'}"
            )
    for macro, binding in defined.items():
        if macro not in used:
            raise UserError(f"{binding.origin}: nothing uses {macro}{_macro_hint(macro, used)}")
        reached, ahead = set[str](), binding.macros()
        while ahead:
            step = ahead.pop()
            if step == macro:
                raise UserError(f"{binding.origin}: the value of %{macro} needs %{macro} itself")
            if step not in reached:
                reached.add(step)
                ahead += defined[step].macros()


def _macro_hint(macro: str, used: Sequence[str] | dict[str, Binding]) -> str:
    """Meant may be a macro that is used, or a field whose class was left out."""
    every_field = [f"{c}.{f.name}" for c in CONFIGS for f in settable_fields(c)]
    fields = {key.partition(".")[2] for key in every_field}
    near = nearest(macro, fields)
    return did_you_mean(macro, used) or _elsewhere(near or "", every_field)
