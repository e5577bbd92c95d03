"""What the manifest of a token store says, for a person and for a program."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bert_jax.formatting import format_amount, format_count, format_rate, format_tokenizer
from bert_jax.recipes.text_table import text_table, wrapped
from data_pipeline.cleaning.rules import NO_CLEANING
from data_pipeline.doctor.findings import document_findings
from data_pipeline.store.token_store import TokenStore

# What is counted of a split, and the head of its column. Older stores do not count characters.
_COUNTS = {
    "documents": "documents",
    "sentences": "sentences",
    "tokens": "tokens",
    "words": "words",
    "characters": "chars",
    "bytes": "bytes",
}


def store_facts(path: Path) -> dict[str, Any]:
    """The manifest of a store, less its files' checksums, with what a person wants to know.

    That is `kind`, `path`, `stored_bytes` and `warnings` (what the counts alone warn of). Reads no
    tokens; `inspect_numbers.examined_facts` does.

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
        "warnings": [str(finding) for finding in document_findings(_documents(facts))],
    }


def _documents(facts: dict[str, Any]) -> dict[str, int]:
    return {name: split["documents"] for name, split in facts["splits"].items()}


def show_store(facts: dict[str, Any], width: int = 80) -> str:
    """`store_facts` as text of at most `width` columns, names of inputs aside."""
    lines = [
        *show_counts(facts, width),
        *show_sources(facts),
        *show_warnings(facts["warnings"], width),
    ]
    return "\n".join(lines) + "\n"


def show_counts(facts: dict[str, Any], width: int = 80) -> list[str]:
    """Where the store is, what made it, and how much it holds."""
    tokenizer, splits = facts["tokenizer"], facts["splits"]
    counts = {name: head for name, head in _COUNTS.items() if name in splits["train"]}
    lines = [
        f"token store {facts['path']}",
        f"  fingerprint  {facts['fingerprint'][:16]}",
        f"  tokeniser    {pieces_of(facts)} ({tokenizer['fingerprint'][:16]})",
        f"  on disk      {_bytes(facts['stored_bytes'])}, ids as {facts['dtype']}",
        "",
        *text_table(
            ["split", *counts.values()],
            [
                [name, *(format_count(split[count]) for count in counts)]
                for name, split in splits.items()
            ],
        ),
    ]
    broken = [
        f"{format_amount(facts[name], unit)} {what}"
        for name, unit, what in (
            ("replaced_characters", "character", "replaced, no UTF-8"),
            ("removed_control_characters", "control character", "removed, such as NUL"),
            ("dropped_sentences", "sentence", "dropped, without a token"),
            ("dropped_documents", "document", "dropped, left empty"),
        )
        if facts.get(name)
    ]
    return lines + [f"  {line}" for line in broken] + _cleaned(facts, width)


def pieces_of(facts: dict[str, Any]) -> str:
    """The tokeniser of a store: `30,522 word pieces, uncased`."""
    tokenizer = facts["tokenizer"]
    # A store that does not say its kind is older than the second kind.
    kind = tokenizer.get("kind", "wordpiece")
    return format_tokenizer(tokenizer["vocab_size"], kind, tokenizer["cased"])


def _rules(rules: Mapping[str, Any]) -> str:
    """The rules of cleaning that a store was made with, as they are typed; empty without any.

    A field that only goes with another (`min_script_share`) is left out where it has its default.
    """
    default = asdict(NO_CLEANING)
    found = []
    for name, value in rules.items():
        if value == default.get(name) or value == []:
            continue
        if value is True:
            found.append(f"--{name}")
        else:
            shown = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            found.append(f"--{name} {shown}")
    return ", ".join(found)


def _cleaned(facts: dict[str, Any], width: int) -> list[str]:
    """What cleaning has dropped, and why; nothing where there was no rule."""
    cleaning = facts.get("cleaning", {})
    dropped = cleaning.get("dropped", {})
    if not dropped:
        rules = _rules(cleaning.get("rules", {}))
        return wrapped(f"dropped: none (rules: {rules})", width, "  ") if rules else []
    rows = [
        [
            reason.replace("_", " "),
            f"{found['documents']:,}",
            format_count(found["words"]),
            _cell(found["examples"][0]) if found["examples"] else "",
        ]
        for reason, found in dropped.items()
    ]
    return ["", *text_table(["dropped", "documents", "words", "the first"], rows)]


def show_sources(facts: dict[str, Any]) -> list[str]:
    """What the store was made from."""
    lines: list[str] = []
    title = None
    for source in facts["sources"]:
        # A folder with files of several kinds is a source for each.
        before, (title, *rest) = title, _source(source)
        lines += rest if title == before else ["", title, *rest]
    return lines


def show_warnings(warnings: Sequence[str], width: int) -> list[str]:
    """Each warning in as many lines as it takes."""
    return [line for warning in warnings for line in wrapped(f"warning: {warning}", width)]


# What else a source's bytes are counted of.
_WRITTEN_AS = {"jsonl": "JSON", "mediawiki": "wiki markup"}


def _source(source: dict[str, Any]) -> list[str]:
    packages = source.get("packages")
    if not packages:
        files = source.get("files", 1)
        a_line = source.get("lines")
        how = f", one {a_line} a line" if a_line else ""
        # A line of the file is a record there, and a record a document.
        how += " of each text" if how and source["kind"] != "text" else ""
        origin = [str(source[key]) for key in ("name", "revision", "licence") if source.get(key)]
        return [
            f"source {source.get('input', source['kind'])}",
            f"  {source['kind']}, {format_amount(files, 'file')}, "
            f"{_bytes(source.get('bytes', 0))} of {_WRITTEN_AS.get(source['kind'], 'text')}{how}",
            *([f"  {', '.join(origin)}"] if origin else []),
            *(
                f"  {format_amount(source[name], unit)} {what}"
                for name, unit, what in (
                    ("empty_files", "file", "without anything in it"),
                    ("cut_documents", "cut", "in documents of more than 8 MiB"),
                    ("empty_documents", "document", "without text"),
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
    return [
        f"source {source['kind']}: {format_amount(len(packages), 'package')}",
        *text_table(columns, rows),
    ]


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text if len(text) <= 32 else f"{text[:31]}…"


def _bytes(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    number = format_rate(count) if count >= 10_000 else f"{count / 1000:.1f}k"
    return f"{number[:-1]} {number[-1]}B"
