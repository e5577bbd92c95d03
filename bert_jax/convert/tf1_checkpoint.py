"""Checkpoints of TensorFlow: `PREFIX.index` and `PREFIX.data-00000-of-00001`, or more of them.

TensorFlow itself is not needed. Every block of the index and every tensor is compared with its
checksum.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bert_jax.convert import crc32c
from bert_jax.convert.tensors import NOT_NUMBERS, Malformed, TensorInfo, printable, read_limited
from bert_jax.convert.tf1_index import BundleEntry, parse_index
from bert_jax.convert.tf1_slices import parts_of
from bert_jax.errors import UserError
from bert_jax.regular_files import check_regular

# A thousand times that of BERT-large.
_MAX_INDEX_BYTES = 2**26
_CHUNK_BYTES = 2**20
_PARTS_OF_A_CHECKPOINT = re.compile(r"(.+)\.(index|meta|data-\d{5,}-of-\d{5,})")


class Tf1Checkpoint:
    """A TensorFlow checkpoint, opened to read.

    Attributes:
      prefix: what the names of its files begin with, the folder included.

    Args:
      path: the prefix, one of the files, or a folder with one checkpoint (of several, the file
        `checkpoint` says which).

    Raises:
      UserError: there is none, a data file is missing or too short, or the index is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.prefix = find_prefix(path)
        index_path = _beside(self.prefix, ".index")
        try:
            content = read_limited(index_path, _MAX_INDEX_BYTES, "the index of any checkpoint")
            self._index = parse_index(content)
            self._parts = {
                name: parts_of(entry, self._index.parts)
                for name, entry in self._index.entries.items()
                if entry.slices
            }
        except Malformed as error:
            raise UserError(
                f"{index_path} is not the index of a TensorFlow checkpoint that can be read: "
                f"{error}"
            ) from error
        self._check_sizes()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The index, and all files of data."""
        entries = (*self._index.entries.values(), *self._index.parts.values())
        shards = sorted({entry.shard for entry in entries if entry.size})
        return (_beside(self.prefix, ".index"), *map(self._data_path, shards))

    def tensors(self) -> Mapping[str, TensorInfo]:
        """All variables by name; strings and other types without numbers have `NOT_NUMBERS`."""
        return {name: entry.info for name, entry in self._index.entries.items()}

    def read(self, name: str) -> np.ndarray:
        """One variable, put together where it was saved in parts.

        Raises:
          UserError: there is none of that name, it is not of numbers, or its bytes are damaged.
        """
        entry = self._index.entries.get(name)
        if entry is None:
            raise UserError(f"{self.prefix} has no variable {printable(name)}")
        if entry.info.dtype == NOT_NUMBERS:
            raise UserError(
                f"{printable(name)} of {self.prefix} is not of numbers (strings, say): leave it out"
            )
        if not entry.slices:
            return self._read_entry(entry, name)
        array = np.empty(entry.info.shape, entry.info.dtype)
        for place, part in self._parts[name]:
            array[place] = self._read_entry(part, name)
        return array

    def _read_entry(self, entry: BundleEntry, name: str) -> np.ndarray:
        array = np.empty(entry.info.shape, entry.info.dtype)
        content = array.reshape(-1).view(np.uint8)
        checksum = at = 0
        path = self._data_path(entry.shard)
        with path.open("rb", buffering=0) as file:
            file.seek(entry.offset)
            while at < entry.size:
                piece = file.read(min(_CHUNK_BYTES, entry.size - at))
                if not piece:
                    raise UserError(f"{path} has become shorter while it was read; try again")
                content[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
                checksum = crc32c.extend(checksum, piece)
                at += len(piece)
        if crc32c.masked(checksum) != entry.crc32c:
            raise UserError(
                f"{path} is damaged: {printable(name)} does not have its checksum. Copy or "
                "download the checkpoint again"
            )
        return array

    def _data_path(self, shard: int) -> Path:
        return _beside(self.prefix, f".data-{shard:05d}-of-{self._index.num_shards:05d}")

    def _check_sizes(self) -> None:
        """That all bytes are there, each for one tensor, before room is made for any."""
        by_shard: dict[int, list[BundleEntry]] = defaultdict(list)
        for entry in (*self._index.entries.values(), *self._index.parts.values()):
            if entry.size:
                by_shard[entry.shard].append(entry)
        for shard, entries in sorted(by_shard.items()):
            path = self._data_path(shard)
            check_regular(path)
            if not path.is_file():
                raise UserError(
                    f"{path} is missing: the checkpoint {self.prefix} has tensors in "
                    f"{len(by_shard)} data file(s); copy or download all of them"
                )
            entries.sort(key=lambda entry: entry.offset)
            end = 0
            for entry in entries:
                if entry.offset < end:
                    raise UserError(
                        f"{_beside(self.prefix, '.index')} is damaged: "
                        f"{printable(entry.info.name)} begins inside another tensor"
                    )
                end = entry.offset + entry.size
            if end > path.stat().st_size:
                raise UserError(
                    f"{path} has {path.stat().st_size:,} bytes, and {end:,} belong to it: it is "
                    "cut off. Copy or download it again"
                )


def is_file_of_checkpoint(path: Path) -> bool:
    """Whether a file is called as those of a checkpoint are, `PREFIX.index` for example."""
    return _PARTS_OF_A_CHECKPOINT.fullmatch(path.name) is not None


def find_prefix(path: Path) -> Path:
    """What the names of a checkpoint's files begin with.

    Args:
      path: as of `Tf1Checkpoint`.

    Raises:
      UserError: there is no checkpoint, or there are several.
    """
    if path.is_dir():
        return _only_prefix(path)
    found = _PARTS_OF_A_CHECKPOINT.fullmatch(path.name)
    prefix = path.with_name(found[1]) if found else path
    check_regular(_beside(prefix, ".index"))
    if not _beside(prefix, ".index").is_file():
        raise UserError(
            f"{path} is no TensorFlow checkpoint: there is no file {_beside(prefix, '.index')}"
        )
    return prefix


def _only_prefix(folder: Path) -> Path:
    for path in folder.glob("*.index"):
        check_regular(path)
    prefixes = sorted(path.with_suffix("") for path in folder.glob("*.index") if path.is_file())
    if len(prefixes) == 1:
        return prefixes[0]
    if not prefixes:
        raise UserError(f"{folder} has no TensorFlow checkpoint: no file *.index is in it")
    newest = _named_newest(folder)
    if newest in prefixes:
        return newest
    names = ", ".join(printable(prefix.name) for prefix in prefixes[:10])
    raise UserError(
        f"{folder} has {len(prefixes)} checkpoints: {names}{', ...' * (len(prefixes) > 10)}. Give "
        f"the one you mean, {folder / prefixes[-1].name} for example"
    )


def _named_newest(folder: Path) -> Path | None:
    """What the file `checkpoint` names, in this folder whatever folder it was written in."""
    path = folder / "checkpoint"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(4096).decode(errors="replace")
    found = re.search(r'^model_checkpoint_path:\s*"([^"\n]+)"', head, re.MULTILINE)
    return folder / found[1].rpartition("/")[2] if found else None


def _beside(prefix: Path, ending: str) -> Path:
    return prefix.with_name(prefix.name + ending)
