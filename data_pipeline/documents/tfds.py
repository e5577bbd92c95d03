"""Data sets of TensorFlow Datasets as documents, read without TensorFlow.

`tfds:NAME[/CONFIG][:VERSION][?split=SPLIT]` names one that was prepared as ArrayRecord or Parquet.
It is opened from its folder: the code that prepared it is not imported, and nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_pipeline.documents import Lines, PlainSource, Unit
from data_pipeline.documents.lines import LinesOption
from data_pipeline.documents.records import record_source, record_units
from data_pipeline.errors import DataError
from data_pipeline.strict_json import parse_json
from data_pipeline.wording import amount

PREFIX = "tfds:"
_SYNTAX = re.compile(
    r"tfds:(?P<name>\w+)(/(?P<config>[\w.+-]+))?(:(?P<version>\d+\.\d+\.\d+))?(\?split=(?P<split>\w+))?"
)
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_RECORDS_READ_AT_ONCE = 256


@dataclass(frozen=True)
class TfdsStream:
    """One file (shard) of a split of a prepared data set.

    Attributes:
        given: the input as it was given.
        folder: where the data set is.
        split: the split's name.
        start: the number of its first record in the split.
        records: how many it has, by what the data set says of itself.
        bytes: its share of the split's bytes.
        key: the feature of the text.
        lines: what a line of a text holds.
    """

    given: str
    folder: Path
    split: str
    start: int
    records: int
    bytes: int
    key: str
    lines: Lines = "paragraph"

    @property
    def name(self) -> str:
        """The data set's folder, and which records of the split these are."""
        return f"{self.folder}, {self._part}"

    @property
    def _part(self) -> str:
        return f"{self.split}[{self.start}:{self.start + self.records}]"

    def size(self) -> int:
        """The bytes of the records, as the data set says."""
        return self.bytes

    def identity(self) -> dict[str, Any]:
        """The folder, which has the version, and the records."""
        return {"path": self.name, "bytes": self.bytes, "key": self.key}

    def units(self, advance: Callable[[int], None], counts: Counter[str]) -> Iterator[Unit]:
        """Units of about a mebibyte. DataError where there are other records than are said."""
        try:
            yield from record_units(self._texts(), self.lines, counts)
        except (IndexError, OSError, RuntimeError) as error:
            raise self._damaged(str(error).partition("\n")[0]) from error
        except ValueError as error:
            if isinstance(error, DataError):
                raise
            raise self._damaged(str(error).partition("\n")[0]) from error
        advance(self.bytes)

    def _texts(self) -> Iterator[pa.Array]:
        import tensorflow_datasets as tfds
        from tensorflow_datasets.proto import tf_example_pb2

        # Both formats hold tf.train.Example; decoding all features takes three times as long.
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        builder = _open(self.given, self.folder)
        source = builder.as_data_source(self._part, deserialize_method=raw)
        if len(source) != self.records:
            raise self._damaged(f"{amount(len(source), 'record')} of {self.records:,}")
        for start in range(0, self.records, _RECORDS_READ_AT_ONCE):
            some = range(start, min(self.records, start + _RECORDS_READ_AT_ONCE))
            texts: list[bytes | None] = []
            for record in source.__getitems__(list(some)):
                feature = tf_example_pb2.Example.FromString(record).features.feature
                if self.key not in feature:
                    # An ArrayRecord file that was cut between two of its blocks opens without an
                    # error and gives empty records.
                    raise self._damaged(f"a record without {self.key!r}")
                texts.extend(feature[self.key].bytes_list.value[:1] or [None])
            yield pa.array(texts, pa.large_binary())

    def _damaged(self, why: str) -> DataError:
        # tensorflow-datasets 4.9 writes Parquet files that lack records.
        return DataError(
            f"{self.given}: {self._part} in {self.folder} is damaged: {why}; prepare it again, "
            "with --file_format=array_record"
        )


def tfds_source(name: str, key: str, lines: LinesOption, language: str) -> PlainSource:
    """The source that `tfds:NAME[/CONFIG][:VERSION][?split=SPLIT]` names.

    Without a version it is the newest that is there, without a split "train". Data sets are looked
    for where `tfds build` puts them: in $TFDS_DATA_DIR, else in ~/tensorflow_datasets.

    With `lines` "auto", the first texts decide. DataError where the name is none, or where the data
    set is not there or cannot be read without TensorFlow: with the command that mends it.
    """
    given = _SYNTAX.fullmatch(name)
    if given is None:
        raise DataError(
            f"{name}: is no name of a data set: tfds:NAME[/CONFIG][:VERSION][?split=SPLIT] is one, "
            "such as tfds:wikipedia/20230601.simple?split=train"
        )
    root = Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    top = root / given["name"]
    configured = top / (given["config"] or _default_config(top))
    version = given["version"] or _newest(configured)
    if version is None or not (configured / version / "dataset_info.json").is_file():
        raise _not_prepared(name, given, root, top)
    folder, split = configured / version, given["split"] or "train"
    info = _open(name, folder).info
    _check(name, info, split, key)
    facts = {
        "kind": "tfds",
        "name": info.full_name.removesuffix(f"/{info.version}"),
        "revision": str(info.version),
        "licence": info.redistribution_info.license or None,
        "split": split,
        "text_key": key,
    }

    def streams(found: Lines) -> tuple[TfdsStream, ...]:
        return tuple(_streams(name, folder, split, key, info.splits[split], found))

    return record_source(name, streams, facts, lines, language)


def _streams(
    name: str, folder: Path, split: str, key: str, facts: Any, lines: Lines
) -> Iterator[TfdsStream]:
    """A split's files, each with its share of the bytes."""
    lengths = facts.shard_lengths
    start, records = 0, sum(lengths)
    for length in lengths:
        end = start + length
        size = facts.num_bytes * end // records - facts.num_bytes * start // records
        yield TfdsStream(name, folder, split, start, length, size, key, lines)
        start = end


def _check(name: str, info: Any, split: str, key: str) -> None:
    """DataError where there is no such split or no such text."""
    if split not in info.splits:
        raise DataError(
            f"{name}: has no split {split!r}, but {', '.join(map(repr, info.splits))}; name one by "
            "?split=SPLIT"
        )
    kinds = {feature: type(info.features[feature]).__name__ for feature in info.features}
    if kinds.get(key) != "Text":
        texts = sorted(feature for feature, kind in kinds.items() if kind == "Text")
        raise DataError(
            f"{name}: has no text {key!r}, but {', '.join(map(repr, texts)) or 'none'}; name one "
            "by --text_key"
        )


@lru_cache(maxsize=8)
def _open(name: str, folder: Path) -> Any:
    """The builder of a prepared data set, which reads files and needs no TensorFlow."""
    import tensorflow_datasets as tfds

    for file in ("dataset_info.json", "features.json"):
        try:
            parse_json((folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{name}: {folder / file} is damaged: {error}; prepare it again"
            ) from error
    builder = tfds.builder_from_directory(os.fspath(folder))
    formats = {kind.value for kind in builder.info.available_file_formats()}
    if not formats & {"array_record", "parquet"}:
        convert = shlex.join(
            [
                "tfds",
                "convert_format",
                f"--dataset_version_dir={folder}",
                "--out_file_format=array_record",
            ]
        )
        raise DataError(
            f"{name}: is prepared as {' and '.join(sorted(formats))}, which only TensorFlow reads; "
            f"in an environment that has it, run: {convert}"
        )
    return builder


def _default_config(top: Path) -> str:
    """The configuration that a name without one means: the data set itself says which."""
    try:
        told = parse_json((top / "metadata.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    name = told.get("default_config_name") if isinstance(told, dict) else None
    return name if isinstance(name, str) else ""


def _newest(folder: Path) -> str | None:
    """The highest version that a folder holds."""
    if not folder.is_dir():
        return None
    versions = [path.name for path in folder.iterdir() if _VERSION.fullmatch(path.name)]
    return max(versions, key=lambda v: [int(n) for n in v.split(".")], default=None)


def _not_prepared(name: str, given: re.Match[str], root: Path, top: Path) -> DataError:
    """The error of a data set that is not there, with what is and the command that prepares it."""
    full = given["name"] + (f"/{given['config']}" if given["config"] else "")
    full += f":{given['version']}" if given["version"] else ""
    command = shlex.join(
        ["tfds", "build", full, "--file_format=array_record", f"--data_dir={root}"]
    )
    there = sorted(
        path.parent.relative_to(top).as_posix() for path in top.glob("**/dataset_info.json")
    )
    found = f" (of it, {root} has {', '.join(there)})" if there else ""
    return DataError(
        f"{name}: is not prepared in {root}{found}; in an environment with TensorFlow, run: "
        f"{command}"
    )
