"""Compressed files as streams: gzip, bzip2, xz and zstd, known by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from data_pipeline.errors import DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What a text may begin with: the byte order mark of UTF-8.
MARK = b"\xef\xbb\xbf"
_LONGEST_MAGIC = 6
_MAGIC = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
}
_SUFFIXES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
# What zstd's own --long=31 may ask for. The default is 27, and large public corpora were written
# with more; memory is taken only where a file was.
_ZSTD_WINDOW_LOG = 31


def without_suffix(name: str) -> str:
    """A file's name without the suffix of a compressor."""
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def blocks(
    path: Path,
    advance: Callable[[int], None],
    size: int,
    opened: BufferedReader | None = None,
) -> Iterator[bytes]:
    """The decompressed bytes of a file or a pipe, at most `size` at a time.

    A name may lie, so the content says how a file is compressed; but one whose name says it is
    compressed must be. `advance` is given the bytes read of a file as it is on disk. What is
    `opened` already is read instead of the file, and `path` is what errors call it.

    DataError where the file cannot be read or ends before its compressed data do.
    """
    done = 0
    kind = ""
    try:
        with path.open("rb") if opened is None else nullcontext(opened) as raw:
            # Not read and sought back: a pipe cannot go back.
            kind = compression_of(path, raw.peek(_LONGEST_MAGIC)[:_LONGEST_MAGIC])
            has_places = opened is None and raw.seekable()
            with _open(kind, raw) as stream:
                while block := stream.read(size):
                    yield block
                    if has_places:
                        advance(raw.tell() - done)
                        done = raw.tell()
            if has_places:
                advance(path.stat().st_size - done)
    except OSError as error:
        # The decompressors' own complaints are OSErrors without a number.
        if kind and error.errno is None:
            raise DataError(_damaged(path, kind, error)) from error
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError) as error:
        raise DataError(_damaged(path, kind, error)) from error


def compression_of(path: Path, start: bytes) -> str:
    """How a file with these first bytes is compressed: a name, or "" where it is not."""
    for kind, magic in _MAGIC.items():
        if start.startswith(magic):
            return kind
    if start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5:  # zstd's frames to be skipped
        return "zstd"
    named = _SUFFIXES.get(path.suffix)
    if named and start:
        raise DataError(f"{path}: is named {path.suffix} but does not hold {named} data")
    return ""


def _open(kind: str, raw: IO[bytes]) -> Any:
    """A context manager that gives the decompressed stream."""
    if kind == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if kind == "bzip2":
        return bz2.BZ2File(raw)
    if kind == "xz":
        return lzma.LZMAFile(raw)
    if kind == "zstd":
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        return zstd.ZstdFile(raw, options=options)
    return raw


def _damaged(path: Path, kind: str, error: Exception) -> str:
    return f"{path}: damaged {kind} file: {error}; fetch or write it again"
