"""Held-out results of a mixture, store by store, for a person.

They are under `stores` in `evaluation.json`: for each name `share`, `epochs`, and the tasks as for
all stores together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bert_jax.formatting import format_alike, format_amount
from bert_jax.pair_tasks import pair_task_of

STORES = "stores"
# More stores than these fill a terminal; the rest are in evaluation.json.
MOST_LINES = 12


def store_shares(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """Name -> share of the rows of training of each store; none for a run over one store."""
    return {name: of_store["share"] for name, of_store in (evaluation.get(STORES) or {}).items()}


def store_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row of a table for each store; none for a run over one store.

    Losses are in nats. `to beat` is the unigram entropy of the store's masked tokens.
    """
    rows = []
    stores = evaluation.get(STORES) or {}
    shares = format_alike([100 * of_store["share"] for of_store in stores.values()])
    epochs = format_alike([of_store["epochs"] for of_store in stores.values()])
    for (name, of_store), share, count in zip(stores.items(), shares, epochs, strict=True):
        mlm, task = of_store["mlm"], pair_task_of(of_store)
        row = {
            "store": name,
            "share": f"{share} %",
            "epochs": count,
            "MLM loss": f"{mlm['loss']:.3f}",
            "to beat": f"{mlm['unigram_entropy']:.3f}",
            "acc.": f"{100 * mlm['accuracy']:.1f} %",
        }
        if "bits_per_character" in mlm:
            row["bits/char."] = f"{mlm['bits_per_character']:.3f}"
        if task is not None:
            pairs = of_store[task.key]
            row[f"{task.title} acc."] = f"{100 * pairs['accuracy']:.1f} %"
            row[f"{task.title} majority"] = f"{100 * pairs['majority_share']:.1f} %"
        rows.append(row)
    return rows


def store_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """The same without the pairs' majority as lines of a terminal, the heads first."""
    rows = store_rows(evaluation)
    if not rows:
        return []
    shown = rows[:MOST_LINES]
    names = [name for name in rows[0] if not name.endswith("majority")]
    widths = [max(len(name), *(len(row[name]) for row in shown)) for name in names]
    table = [names, *([row[name] for name in names] for row in shown)]
    lines = [
        "  ".join(["", cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])]).rstrip()
        for cells in table
    ]
    if len(rows) > len(shown):
        more = format_amount(len(rows) - len(shown), "more store")
        lines.append(f"  and {more}, in evaluation.json")
    return lines


def split_evaluations(
    evaluations: Sequence[Mapping[str, Any]], stores: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Evaluation lines of `metrics.jsonl` over all stores, and the same with a row for each store.

    Args:
        evaluations: the lines.
        stores: the names of a mixture's stores; none leave the lines as they are.
    """
    # A name of a store has no underscore in it (`eval_NAME_mlm_loss`).
    owner = {name: name.split("_")[1] for line in evaluations for name in line if "_" in name}
    names = set(stores)
    joint = [{k: v for k, v in line.items() if owner.get(k) not in names} for line in evaluations]
    of_stores = [
        {
            "step": line["step"],
            "store": store,
            **{
                name.removeprefix(f"eval_{store}_"): value
                for name, value in line.items()
                if owner.get(name) == store
            },
        }
        for line in evaluations
        for store in stores
    ]
    return joint, of_stores
