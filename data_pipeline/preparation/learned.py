"""What a tokeniser's folder was learned from: `learned.json` in it.

It lets the same command know its own work, without reading the text again, from that of another
one; and a person see where a vocabulary comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from data_pipeline.atomic_file import write_atomically
from data_pipeline.documents import Source
from data_pipeline.preparation.differing import differences
from data_pipeline.preparation.job import Job
from data_pipeline.strict_json import parse_json
from data_pipeline.tokenization.files import LEARNED
from data_pipeline.tokenization.text_tokenizer import TextTokenizer

# Libraries that decide what is learned.
_DECIDING = ("sentencex", "tokenizers", "sentencepiece")
# Settings whose flags have other names.
_FLAGS = {"unicode_form": "normalize"}


@dataclass(frozen=True)
class LearnedFrom:
    """What `learned.json` says.

    Attributes:
        job: fingerprint of settings and text.
        tokenizer: fingerprint of what was learned.
        inputs: the names of the sources.
        settings: all that was asked for, by name.
        facts: what was counted.
        written: when, in nanoseconds.
    """

    job: str
    tokenizer: str
    inputs: tuple[str, ...]
    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    written: int

    def is_of(self, job: Job, tokenizer: TextTokenizer) -> bool:
        """Whether this tokeniser is what the job would learn: no file has changed since."""
        return (
            self.job == job.fingerprint
            and self.tokenizer == tokenizer.fingerprint
            and job.last_change < self.written
        )

    def settings_unlike(self, settings: Mapping[str, Any]) -> list[str]:
        """`sample 5000 there and 6000 now` for each of these settings that was another."""
        there = {name: value for name, value in self.settings.items() if name in settings}
        now = {name: value for name, value in settings.items() if name in there}
        return differences(_as_typed(there), _as_typed(now))

    def unlike(self, job: Job, tokenizer: TextTokenizer, sources: Sequence[Source]) -> list[str]:
        """Why `is_of` says no, for a person."""
        found = self.settings_unlike(job.settings)
        if self.inputs != _names(sources):
            found.append("other input now")
        if self.tokenizer != tokenizer.fingerprint:
            found.append("its files have changed since")
        return found or ["the text has changed since, or is read another way"]


def learning_job(sources: Sequence[Source], settings: Mapping[str, Any]) -> Job:
    """All that decides a vocabulary."""
    versions = {f"{name} version": metadata.version(name) for name in _DECIDING}
    described = [
        {**source.describe(), "streams": [stream.identity() for stream in source.streams]}
        for source in sources
    ]
    return Job({**settings, **versions}, described)


def write_learned(
    folder: Path,
    job: Job,
    tokenizer: TextTokenizer,
    sources: Sequence[Source],
    facts: Mapping[str, Any],
) -> None:
    """To be called before the tokeniser is written: one that is whole has its `learned.json`."""
    record = {
        "job": job.fingerprint,
        "tokenizer": tokenizer.fingerprint,
        "inputs": list(_names(sources)),
        "settings": dict(job.settings),
        "facts": dict(facts),
    }
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / LEARNED, lambda file: file.write(text.encode()))


def read_learned(folder: Path) -> LearnedFrom | None:
    """What stands in the folder; None where nothing does, or nothing that can be read."""
    path = folder / LEARNED
    try:
        found = parse_json(path.read_text("utf-8"))
        return LearnedFrom(
            found["job"],
            found["tokenizer"],
            tuple(map(str, found["inputs"])),
            dict(found["settings"]),
            dict(found["facts"]),
            path.stat().st_mtime_ns,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _names(sources: Sequence[Source]) -> tuple[str, ...]:
    # A folder with files of several kinds is a source for each.
    return tuple(dict.fromkeys(source.name for source in sources))


def _as_typed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by the names and in the words of the command line."""
    words = {None: "not given", True: "yes", False: "no"}
    return {
        _FLAGS.get(name, name): words[value]
        if value is None or value is True or value is False
        else value
        for name, value in settings.items()
    }
