"""JSON of any shape (a manifest, a provenance) as the pairs and tables of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bert_jax.formatting import format_alike

Pair = tuple[str, str]
Table = tuple[str, list[dict[str, Any]]]

MOST_PAIRS = 16
SHOWN_OF_DIGEST = 12
_DIGEST = re.compile("[0-9a-f]{40,}")


def split_rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The counts of a token store's splits, a row each; none where the data are of another kind.

    Of a mixture those of each store, with its name and its share of the rows.
    """
    if isinstance(data.get("stores"), list):
        return [
            {"store": text(one.get("name")), "share": _share(one.get("share")), **row}
            for one in data["stores"]
            for row in split_rows({"splits": one.get("splits")})
        ]
    splits = data.get("splits")
    if not isinstance(splits, Mapping):
        return []
    return [
        {"split": name, **{k: v for k, v in counts.items() if isinstance(v, int)}}
        for name, counts in splits.items()
        if isinstance(counts, Mapping)
    ]


def headline_facts(data: Mapping[str, Any]) -> list[Pair]:
    """The few facts of a token store that a person asks for first."""
    stores = data.get("stores") if isinstance(data.get("stores"), list) else []
    # A mixture has one tokeniser.
    tokenizer = (stores[0] if stores else data).get("tokenizer")
    languages = list(dict.fromkeys(one.get("language") for one in stores or [data]))
    facts = {
        "language": None if None in languages else ", ".join(map(str, languages)),
        "vocabulary": tokenizer.get("vocab_size") if isinstance(tokenizer, Mapping) else None,
        "cased": tokenizer.get("cased") if isinstance(tokenizer, Mapping) else None,
        "fingerprint": data.get("fingerprint"),
    }
    return [(name, text(value)) for name, value in facts.items() if value is not None]


def store_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that the data say of themselves but what the packages of a recipe do.

    Those stand with their licences among the sources. Of a mixture the stores go by their names.
    """
    facts = {name: value for name, value in data.items() if name != "recipe"}
    if isinstance(facts.get("stores"), list):
        facts["stores"] = {one.get("name"): store_facts(one) for one in facts["stores"]}
    return facts


def _share(value: Any) -> str:
    return f"{format_alike([100 * value])[0]} %" if isinstance(value, int | float) else text(value)


def flatten(values: Mapping[str, Any], prefix: str = "") -> tuple[list[Pair], list[Table]]:
    """Nested JSON as (name, text) pairs, and tables for what is long.

    A list of objects is a table, unless the objects hold lists of objects themselves; so is an
    object with more than `MOST_PAIRS` plain values.
    """
    pairs: list[Pair] = []
    tables: list[Table] = []
    for key, value in values.items():
        name = f"{prefix}{str(key).replace('_', ' ')}"
        if _is_objects(value):
            if len(value) <= 2 and any(_is_objects(v) for item in value for v in item.values()):
                numbered = {str(i): item for i, item in enumerate(value, start=1)}
                value = numbered if len(value) > 1 else value[0]
            else:
                tables.append((name, value))
                continue
        if isinstance(value, Mapping):
            plain = not any(isinstance(item, (Mapping, list)) for item in value.values())
            if plain and len(value) > MOST_PAIRS:
                tables.append((name, [{"name": k, "value": v} for k, v in value.items()]))
            else:
                more_pairs, more_tables = flatten(value, f"{name}: ")
                pairs += more_pairs
                tables += more_tables
        else:
            pairs.append((name, text(value)))
    return pairs, tables


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def text(value: Any) -> str:
    """One value of a JSON file as a person reads it; of a checksum, the beginning."""
    if value is None or value == "":
        return "none"
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value[:SHOWN_OF_DIGEST] + "…"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(text(item) for item in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text(item)}" for name, item in value.items()) or "none"
    return str(value)


def names_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of all rows in the order they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row))
