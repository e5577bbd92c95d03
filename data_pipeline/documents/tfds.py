"""Data sets of TensorFlow Datasets as documents, read without TensorFlow.

`tfds:NAME[/CONFIG][:VERSION][?split=SPLIT]` names one that was prepared as ArrayRecord or Parquet.
It is opened from its folder: the code that prepared it is not imported, and nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_pipeline.errors import DataError

PREFIX = "tfds:"
_SYNTAX = re.compile(
    r"tfds:(?P<name>\w+)(/(?P<config>[\w.+-]+))?(:(?P<version>\d+\.\d+\.\d+))?(\?split=(?P<split>\w+))?"
)
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_RECORDS_READ_AT_ONCE = 256
# As ArrayRecord: tensorflow-datasets 4.9 writes Parquet files that lack records.
_AGAIN = "prepare it again, with --file_format=array_record"


@dataclass
class TfdsReader:
    """One split of a prepared data set (`records.RecordReader`).

    Attributes:
        name: the input as it was given.
        folder: where the data set is.
        split: the split's name.
        key: the feature of the text.
    """

    name: str
    folder: Path
    split: str
    key: str

    def __post_init__(self) -> None:
        """DataError where it cannot be read without TensorFlow, or has no such split or text."""
        self._builder = _open(self.name, self.folder)
        info = self._builder.info
        if self.split not in info.splits:
            raise DataError(
                f"{self.name}: has no split {self.split!r}, but "
                f"{', '.join(map(repr, info.splits))}; name one by ?split=SPLIT"
            )
        kinds = {key: type(feature).__name__ for key, feature in info.features.items()}
        if kinds.get(self.key) != "Text":
            texts = sorted(key for key, kind in kinds.items() if kind == "Text")
            raise DataError(
                f"{self.name}: has no text {self.key!r}, but "
                f"{', '.join(map(repr, texts)) or 'none'}; name one by --text_key"
            )

    def size(self) -> int:
        """The bytes of the split, as the data set says."""
        return int(self._builder.info.splits[self.split].num_bytes)

    def texts(self, advance: Callable[[int], None]) -> Iterator[pa.Array]:
        """The texts in the order of the split's files, one file open at a time.

        DataError where a file holds other records than the data set says.
        """
        lengths = self._builder.info.splits[self.split].shard_lengths
        records, done, size = sum(lengths), 0, self.size()
        for shard in lengths:
            part = f"{self.split}[{done}:{done + shard}]"
            try:
                yield from self._shard(part, shard)
            except (IndexError, OSError, RuntimeError, ValueError) as error:
                if isinstance(error, DataError):
                    raise
                first = str(error).partition("\n")[0]
                raise DataError(
                    f"{self.name}: {part} in {self.folder} is damaged: {first}; {_AGAIN}"
                ) from error
            advance(size * (done + shard) // records - size * done // records)
            done += shard

    def describe(self) -> dict[str, Any]:
        """The data set's full name, version, licence and split."""
        info = self._builder.info
        splits = info.splits[self.split]
        return {
            "kind": "tfds",
            "input": self.name,
            "name": info.full_name,
            "revision": str(info.version),
            "licence": info.redistribution_info.license or None,
            "split": self.split,
            "text_key": self.key,
            "files": len(splits.shard_lengths),
        }

    def _shard(self, part: str, length: int) -> Iterator[pa.Array]:
        import tensorflow_datasets as tfds
        from tensorflow_datasets.proto import tf_example_pb2

        # Both formats hold tf.train.Example; decoding all features takes three times as long.
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        source = self._builder.as_data_source(part, deserialize_method=raw)
        if len(source) != length:
            raise DataError(
                f"{self.name}: {part} in {self.folder} holds {len(source)} records, and the data "
                f"set says {length}; {_AGAIN}"
            )
        for start in range(0, length, _RECORDS_READ_AT_ONCE):
            some = range(start, min(length, start + _RECORDS_READ_AT_ONCE))
            texts: list[bytes | None] = []
            for record in source.__getitems__(list(some)):
                feature = tf_example_pb2.Example.FromString(record).features.feature
                if self.key not in feature:
                    # An ArrayRecord file that was cut between two of its blocks opens without an
                    # error and gives empty records.
                    raise DataError(
                        f"{self.name}: {part} in {self.folder} is damaged: a record without "
                        f"{self.key!r}; {_AGAIN}"
                    )
                texts.extend(feature[self.key].bytes_list.value[:1] or [None])
            yield pa.array(texts, pa.large_binary())


def tfds_reader(name: str, key: str) -> TfdsReader:
    """The reader of `tfds:NAME[/CONFIG][:VERSION][?split=SPLIT]`.

    Without a version it is the newest that is there, without a split "train". Data sets are looked
    for where `tfds build` puts them: in $TFDS_DATA_DIR, else in ~/tensorflow_datasets.

    DataError where the name is none, or where the data set is not there: with the command that
    prepares it.
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
    return TfdsReader(name, configured / version, given["split"] or "train", key)


def _open(name: str, folder: Path) -> Any:
    """The builder of a prepared data set, which reads files and needs no TensorFlow."""
    import tensorflow_datasets as tfds

    for file in ("dataset_info.json", "features.json"):
        try:
            json.loads((folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{name}: {folder / file} is damaged: {error}; {_AGAIN}") from error
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
        told = json.loads((top / "metadata.json").read_text(encoding="utf-8"))
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
