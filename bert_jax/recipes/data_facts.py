"""What `provenance.json` says of a run's data (`Stores.facts`), read again."""

from collections.abc import Mapping
from typing import Any

from bert_jax.formatting import format_alike


def is_data_facts(facts: Any) -> bool:
    """Whether a value of a file can be such facts: a fingerprint and, of a mixture, its stores."""
    if not isinstance(facts, dict) or not isinstance(facts.get("fingerprint"), str):
        return False
    stores = facts.get("stores", [])
    return isinstance(stores, list) and all(
        isinstance(store, dict)
        and isinstance(store.get("name"), str)
        and isinstance(store.get("fingerprint"), str)
        and isinstance(store.get("share"), int | float)
        for store in stores
    )


def describe_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """In a few words that these are other data, by the beginnings of their fingerprints."""
    old, new = _briefly(before), _briefly(now)
    if "stores" not in before:
        old = f"those with fingerprint {old}"
    if "stores" in before and "stores" not in now:
        new = f"those with fingerprint {new}"
    return f"the data were {old} and are {new}"


def _briefly(facts: Mapping[str, Any]) -> str:
    if "stores" not in facts:
        return str(facts["fingerprint"][:12])
    parts = (
        f"{100 * store['share']:.4g} % {store['name']} ({store['fingerprint'][:12]})"
        for store in facts["stores"]
    )
    return f"a mixture of {', '.join(parts)}"


def data_lines(facts: Mapping[str, Any]) -> list[str]:
    """Where the data are, for a person: a line for each store."""
    if "stores" not in facts:
        return [f"{facts.get('path')} ({facts['fingerprint'][:12]})"]
    shares = format_alike([100 * store["share"] for store in facts["stores"]])
    return [
        f"{share} % {store['name']}: {store.get('path')} ({store['fingerprint'][:12]})"
        for store, share in zip(facts["stores"], shares, strict=True)
    ]
