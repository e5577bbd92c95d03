"""Writing a token store: a stream of encoded units becomes a folder, all of it or nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from data_pipeline.errors import DataError
from data_pipeline.paths import check_can_be_made, check_name
from data_pipeline.store.token_store import (
    ARRAYS,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    PLACES,
    SPLITS,
    TokenStore,
    sha256_of,
)
from data_pipeline.tokenization.text_tokenizer import TextTokenizer


@dataclass(frozen=True)
class EncodedPart:
    """What one unit adds to one split. No sentence and no document is empty."""

    tokens: npt.NDArray[np.unsignedinteger]
    sentence_lengths: npt.NDArray[np.int64]  # in tokens
    document_lengths: npt.NDArray[np.int64]  # in sentences
    counts: Mapping[str, int] = field(default_factory=dict)  # words, characters, bytes
    places: npt.NDArray[np.int64] | None = None  # of the documents in their stream, from 1


class ArrayFile:
    """An .npy file of one dimension that grows by appending."""

    def __init__(self, path: Path, dtype: npt.DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._length = 0
        self._file: BufferedWriter = path.open("wb")
        self._write_header()

    def append(self, values: npt.NDArray[Any]) -> None:
        """Writes more values at the end."""
        self._file.write(np.ascontiguousarray(values, self._dtype).data)
        self._length += len(values)

    def close(self) -> None:
        """Puts the final length into the header, and the file on the disk."""
        self._file.seek(0)
        # numpy leaves room in the header for the length to grow (GROWTH_AXIS_MAX_DIGITS).
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Closes the file as it is; what is still in memory may be lost."""
        with suppress(OSError):  # on a full disk, closing fails as writing did
            self._file.close()

    def _write_header(self) -> None:
        npy.write_array_header_1_0(
            self._file,
            {
                "descr": npy.dtype_to_descr(self._dtype),
                "fortran_order": False,
                "shape": (self._length,),
            },
        )


class SplitWriter:
    """The arrays of a split, appended to part by part."""

    def __init__(self, folder: Path, dtype: npt.DTypeLike) -> None:
        folder.mkdir()
        types = (dtype, np.int64, np.int64, np.int64)
        self._files = self._tokens, self._sentences, self._documents, self._places = (
            *(
                ArrayFile(folder / f"{name}.npy", kind)
                for name, kind in zip((*ARRAYS, PLACES), types, strict=True)
            ),
        )
        names = ("documents", "sentences", "tokens", "words", "characters", "bytes")
        self.counts = dict.fromkeys(names, 0)
        for offsets in (self._sentences, self._documents):
            offsets.append(np.zeros(1, np.int64))

    def append(self, part: EncodedPart) -> None:
        """Adds the documents of a part after those that are there."""
        counts = self.counts
        self._tokens.append(part.tokens)
        self._sentences.append(counts["tokens"] + np.cumsum(part.sentence_lengths))
        self._documents.append(counts["sentences"] + np.cumsum(part.document_lengths))
        unknown = np.zeros(len(part.document_lengths), np.int64)
        self._places.append(unknown if part.places is None else part.places)
        counts["tokens"] += len(part.tokens)
        counts["sentences"] += len(part.sentence_lengths)
        counts["documents"] += len(part.document_lengths)
        for name, n in part.counts.items():
            counts[name] += n

    def close(self) -> None:
        """Closes the files."""
        for file in self._files:
            file.close()

    def discard(self) -> None:
        """Closes the files as they are; nothing happens to closed ones."""
        for file in self._files:
            file.discard()


class StoreWriter:
    """`splits["train"].append(part)` as often as there are parts, then `finish(facts)`."""

    def __init__(self, folder: Path, output: Path, tokenizer: TextTokenizer) -> None:
        self._folder, self._output, self._tokenizer = folder, output, tokenizer
        self.splits = {name: SplitWriter(folder / name, tokenizer.dtype) for name in SPLITS}

    def write(self, name: str, text: str) -> None:
        """Adds a file of text to the store."""
        (self._folder / name).write_text(text, "utf-8")

    def finish(self, facts: Mapping[str, Any]) -> TokenStore:
        """Writes tokeniser and manifest, and gives the folder its name.

        DataError where a split is empty, or the output has come into being meanwhile.
        """
        for writer in self.splits.values():
            writer.close()
        self._tokenizer.save(self._folder / "tokenizer")
        files = {
            file.relative_to(self._folder).as_posix(): {
                "bytes": file.stat().st_size,
                "sha256": sha256_of(file),
            }
            for file in sorted(self._folder.rglob("*"))
            if file.is_file()
        }
        splits = {
            name: {
                **self.splits[name].counts,
                "fingerprint": _digest(
                    {array: files[f"{name}/{array}.npy"]["sha256"] for array in ARRAYS}
                ),
            }
            for name in SPLITS
        }
        tokenizer = {
            "kind": self._tokenizer.kind,
            "fingerprint": self._tokenizer.fingerprint,
            "vocab_size": self._tokenizer.vocab_size,
            "cased": self._tokenizer.cased,
        }
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "fingerprint": _digest(
                {
                    "tokenizer": tokenizer["fingerprint"],
                    **{name: splits[name]["fingerprint"] for name in SPLITS},
                }
            ),
            "dtype": self._tokenizer.dtype.name,
            "tokenizer": tokenizer,
            "splits": splits,
            **facts,
            "files": files,
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False)
        (self._folder / MANIFEST).write_text(text + "\n", "utf-8")
        self._folder.chmod(0o777 & ~_umask())
        try:
            self._folder.rename(self._output)
        except OSError as error:
            raise DataError(
                f"{self._output}: cannot be given its name: {error.strerror}; "
                "was it made by another program meanwhile?"
            ) from error
        return TokenStore.open(self._output)


@contextmanager
def new_store(output: Path, tokenizer: TextTokenizer) -> Iterator[StoreWriter]:
    """A writer into a temporary folder beside `output`, removed unless `finish` was reached."""
    check_output(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".tmp", dir=output.parent))
    try:
        writer = StoreWriter(folder, output, tokenizer)
        try:
            yield writer
        finally:
            for split in writer.splits.values():
                split.discard()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_output(output: Path, *, may_be_store: bool = False) -> None:
    """DataError where a store cannot be written there, or something is there already.

    With `may_be_store`, a store may be there.
    """
    check_name(output)
    if (output / MANIFEST).exists():
        if may_be_store:
            return
        raise DataError(f"{output}: a token store is there already; remove it or name a new one")
    if output.exists() and not output.is_dir():
        raise DataError(f"{output}: is a file, and a token store is a folder; name a new one")
    # "." and "/" have no name that could be given at the end.
    if not output.name or (output.exists() and any(output.iterdir())):
        raise DataError(
            f"{output}: exists and is not an empty folder; a token store needs a new name"
        )
    check_can_be_made(output)


def _digest(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _umask() -> int:
    """For the usual permissions: the temporary folder is private."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
