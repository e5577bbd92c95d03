"""Which files an input names, and what kind each is."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from data_pipeline.documents.compression import MARK, blocks, without_suffix
from data_pipeline.errors import DataError
from data_pipeline.paths import check_name
from data_pipeline.wording import amount

Kind = Literal["text", "jsonl", "parquet", "mediawiki"]

_KIND_OF_SUFFIX: dict[str, Kind] = {
    ".txt": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".xml": "mediawiki",
}
_PARQUET_MAGIC = b"PAR1"
_SNIFFED_BYTES = 1 << 10


@dataclass(frozen=True)
class InputFiles:
    """The files of one kind that one input names.

    Attributes:
        name: the input as it was given.
        kind: what the files are.
        files: their paths, in the order of the input.
    """

    name: str
    kind: Kind
    files: tuple[Path, ...]


def input_files(inputs: Iterable[str | os.PathLike[str]]) -> list[InputFiles]:
    """The files of each input: a file, a glob (`**` goes into folders), or a folder.

    Of a folder the files with a suffix of a known kind are taken, in the order of their paths. An
    input with files of several kinds gives one entry for each kind.

    DataError where an input matches nothing, cannot be read, is empty, or comes twice.
    """
    found = []
    seen: dict[str, str] = {}
    for given in inputs:
        name = os.fspath(given)
        files = _matching_files(name)
        for path in files:
            check_name(path)
            real = os.path.realpath(path)
            if real in seen:
                raise DataError(f"{path} is given twice, by {seen[real]!r} and by {name!r}")
            seen[real] = name
            _check_readable(path)
            if not path.is_file():
                raise DataError(f"{path}: is no file but a pipe or a device; write it to a file")
        if not any(path.stat().st_size for path in files):
            raise DataError(f"{name}: there is no text in it ({amount(len(files), 'file')} read)")
        kinds: dict[Kind, list[Path]] = {}
        for path in files:
            kinds.setdefault(kind_of(path), []).append(path)
        found += [InputFiles(name, kind, tuple(some)) for kind, some in kinds.items()]
    return found


def kind_of(path: Path) -> Kind:
    """The kind of a file: by its suffix, or by its first bytes where that says nothing."""
    named = _named_kind(path)
    if named:
        return named
    return kind_of_content(b"".join(islice(blocks(path, lambda n: None, _SNIFFED_BYTES), 1)))


def kind_of_content(start: bytes) -> Kind:
    """The kind that the first bytes of a file, decompressed, look like."""
    start = start.removeprefix(MARK).lstrip()
    if start.startswith(_PARQUET_MAGIC):
        return "parquet"
    if start.startswith(b"<mediawiki"):
        return "mediawiki"
    return "jsonl" if start.startswith((b'{"', b"{ ")) else "text"


def _named_kind(path: Path) -> Kind | None:
    suffix = Path(without_suffix(path.name)).suffix
    # Of a dump in several files each has the numbers of its pages there: .xml-p1p41242.bz2
    return _KIND_OF_SUFFIX.get(suffix.partition("-")[0])


@dataclass(frozen=True)
class FileStream:
    """What all streams of a file are (`documents.Stream`, but for `units`)."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def size(self) -> int:
        """The bytes of the file as it is on disk."""
        return self.path.stat().st_size

    def identity(self) -> dict[str, Any]:
        """The file's path, size and time of its last change."""
        facts = self.path.stat()
        return {"path": self.name, "bytes": facts.st_size, "changed": facts.st_mtime_ns}


def _matching_files(name: str) -> tuple[Path, ...]:
    path = Path(name)
    if path.is_dir():
        found = sorted(
            (p for p in path.rglob("*") if _is_searched_for(p) and p.is_file()),
            key=lambda p: p.relative_to(path).parts,
        )
        if not found:
            raise DataError(
                f"{name}: the folder holds no .txt, .jsonl, .parquet or .xml file, plain or "
                "compressed; give a glob for files with other names, such as 'FOLDER/**/*.md'"
            )
        return tuple(found)
    if path.exists():
        return (path,)
    if glob.has_magic(name):
        matches = sorted(
            path for match in glob.glob(name, recursive=True) if (path := Path(match)).is_file()
        )
        if matches:
            return tuple(matches)
        raise DataError(f"{name}: the pattern matches no file")
    raise DataError(f"{name}: no such file or folder")


def _is_searched_for(path: Path) -> bool:
    """Whether a folder's file is taken. A .json file is as often a description of the data."""
    return _named_kind(path) is not None and ".json" not in path.suffixes


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
