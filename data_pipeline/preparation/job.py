"""What a preparation is of: the settings and the input that decide a store's bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from data_pipeline.documents import Source
from data_pipeline.errors import DataError
from data_pipeline.strict_json import parse_json

# Counts up whenever the same unit gives other ids, or its file has another layout.
WORK_FORMAT = 2
# Settings that only another version of this code changes.
_OF_CODE = ("work_format", "unit_bytes")


class StreamKey(NamedTuple):
    """Which stream of which source."""

    source: int
    stream: int

    def __str__(self) -> str:
        return f"{self.source:04d}-{self.stream:06d}"


@dataclass(frozen=True)
class Job:
    """All that decides a store's bytes, and so whether finished units are of use.

    Attributes:
        settings: of types that JSON has.
        sources: for each its description and its streams' identities.
    """

    settings: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, settings: Mapping[str, Any], sources: Sequence[Source]) -> Job:
        """The job of preparing `sources`."""
        described = [
            {**source.describe(), "streams": [stream.identity() for stream in source.streams]}
            for source in sources
        ]
        return cls({"work_format": WORK_FORMAT, **settings}, described)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of settings and sources, but for when files were changed last."""
        facts = [self.settings, *(_without_times(source) for source in self.sources)]
        text = json.dumps(facts, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def last_change(self) -> int:
        """When the file of the input that was changed last was changed, in nanoseconds."""
        streams = (stream for source in self.sources for stream in source["streams"])
        return max((stream.get("changed", 0) for stream in streams), default=0)

    def to_json(self) -> str:
        """Text that is equal where the jobs are."""
        facts = {"settings": self.settings, "sources": self.sources}
        return json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False, default=str)

    def changes(self, begun: str) -> list[StreamKey]:
        """The streams that are not as they were in `begun`, a `to_json`.

        DataError where anything else differs: nothing of that work is of use.
        """
        there, here = parse_json(begun), json.loads(self.to_json())
        found = differences(there["settings"], here["settings"])
        old, new = (list(map(_names, facts["sources"])) for facts in (there, here))
        if [paths for _, paths in old] != [paths for _, paths in new]:
            found.append("other input")
        else:
            for (was, _), (is_now, _) in zip(old, new, strict=True):
                found += [f"of {is_now['input']}: {what}" for what in differences(was, is_now)]
        if found and len(found) == len(_of_versions(there["settings"], here["settings"])):
            raise DataError(
                f"was begun by another version of bert-jax or of a library ({'; '.join(found)}); "
                "remove the folder to begin anew, or go on with the version that began it"
            )
        if found:
            raise DataError(
                f"was begun with other settings ({'; '.join(found)}); give the same again to go "
                "on, or remove the folder to begin anew"
            )
        return [
            StreamKey(s, f)
            for s, (old, new) in enumerate(zip(there["sources"], here["sources"], strict=True))
            for f, (was, is_now) in enumerate(zip(old["streams"], new["streams"], strict=True))
            if was != is_now
        ]


def differences(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """`NAME x there and y now` for each entry that differs; those of tables by their own names."""
    old, new = _flat(there), _flat(now)
    return [
        f"{name} {_short(old.get(name))} there and {_short(new.get(name))} now"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _of_versions(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names of what differs and is nobody's choice, or is unknown to one of the two."""
    old, new = _flat(there), _flat(now)
    unknown = old.keys() ^ new.keys()
    return [
        name
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
        and (name in unknown or name in _OF_CODE or name.endswith(" version"))
    ]


def _without_times(source: Mapping[str, Any]) -> dict[str, Any]:
    streams = [
        {name: fact for name, fact in stream.items() if name != "changed"}
        for stream in source["streams"]
    ]
    return {**source, "streams": streams}


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that are tables of their own, by their entries' names."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat.update(value if isinstance(value, dict) else {name: value})
    return flat


def _short(value: Any) -> str:
    """A fingerprint by its beginning."""
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text


def _names(source: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """What a source is, whatever its files hold now, and the names of its streams."""
    streams = source["streams"]
    facts = {k: v for k, v in source.items() if k not in ("streams", "lines_detected")}
    return facts, [stream.get("path") for stream in streams]
