"""What is in a token store, for a person and for a program."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bert_jax.formatting import format_amount, format_count, format_rate
from data_pipeline.token_store import TokenStore

_COUNTS = ("documents", "sentences", "tokens", "words", "bytes")


def store_facts(path: Path) -> dict[str, Any]:
    """The manifest of a store, less its files' checksums, with what a person wants to know.

    That is `kind`, `path`, `stored_bytes` and `warnings` (`store_warnings`).

    Raises:
      DataError: there is no whole store at `path`.
    """
    store = TokenStore.open(path)
    facts = {name: value for name, value in store.manifest.items() if name != "files"}
    stored = sum(entry["bytes"] for entry in store.manifest["files"].values())
    return {
        "kind": "token store",
        "path": str(path),
        "stored_bytes": stored,
        **facts,
        "warnings": list(store_warnings(facts)),
    }


def store_warnings(facts: dict[str, Any]) -> Iterable[str]:
    """What a user of the store will run into, with the remedy."""
    for name, split in facts["splits"].items():
        if split["documents"] < 2:
            yield (
                f"{name} holds {format_amount(split['documents'], 'document')}, and next-sentence "
                "pairs need two; prepare again with more documents or another --eval_share"
            )


def show_store(facts: dict[str, Any]) -> str:
    """`store_facts` as text of at most 80 columns, names of inputs aside."""
    tokenizer, splits = facts["tokenizer"], facts["splits"]
    case = "cased" if tokenizer["cased"] else "uncased"
    lines = [
        f"token store {facts['path']}",
        f"  fingerprint  {facts['fingerprint'][:16]}",
        f"  tokeniser    {tokenizer['vocab_size']:,} word pieces, {case} "
        f"({tokenizer['fingerprint'][:16]})",
        f"  on disk      {_bytes(facts['stored_bytes'])}, ids as {facts['dtype']}",
        "",
        *_table(
            ["split", *_COUNTS, "tokens/word"],
            [
                [
                    name,
                    *(format_count(split[count]) for count in _COUNTS),
                    f"{split['tokens'] / split['words']:.2f}" if split["words"] else "",
                ]
                for name, split in splits.items()
            ],
        ),
    ]
    broken = [
        f"{facts[name]:,} {what}"
        for name, what in (
            ("replaced_characters", "characters replaced that were no UTF-8"),
            ("dropped_sentences", "sentences dropped that had no token"),
            ("dropped_documents", "documents dropped that were left empty"),
        )
        if facts.get(name)
    ]
    lines += [f"  {line}" for line in broken]
    for source in facts["sources"]:
        lines += ["", *_source(source)]
    for warning in facts["warnings"]:
        lines += textwrap.wrap(f"warning: {warning}", width=80, subsequent_indent="  ")
    return "\n".join(lines) + "\n"


def _source(source: dict[str, Any]) -> list[str]:
    packages = source.get("packages")
    if not packages:
        files = source.get("files", 1)
        noun = "file" if files == 1 else "files"
        a_line = source.get("lines")
        how = f", one {a_line} a line" if a_line else ""
        origin = [str(source[key]) for key in ("name", "revision", "licence") if source.get(key)]
        return [
            f"source {source.get('input', source['kind'])}",
            f"  {source['kind']}, {files:,} {noun}, {_bytes(source.get('bytes', 0))} of text{how}",
            *([f"  {', '.join(origin)}"] if origin else []),
            *(
                f"  {source[name]:,} {what}"
                for name, what in (
                    ("empty_files", "files were empty"),
                    ("cut_documents", "documents were cut: longer than fits in memory"),
                )
                if source.get(name)
            ),
        ]
    columns = [
        name
        for name in ("name", "version", "licence", "split", "words")
        if any(name in package for package in packages)
    ]
    rows = [[_cell(package.get(name, "")) for name in columns] for package in packages]
    return [f"source {source['kind']}: {len(packages)} packages", *_table(columns, rows)]


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 32 else f"{text[:31]}…"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns two apart; all but those of words are aligned to the right."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    left = {i for i, name in enumerate(head) if name in ("split", "name", "version", "licence")}
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _bytes(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    number = format_rate(count) if count >= 10_000 else f"{count / 1000:.1f}k"
    return f"{number[:-1]} {number[-1]}B"
