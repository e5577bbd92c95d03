"""The token store: a corpus as token ids on disk, memory-mapped.

    STORE/manifest.json      format, counts, checksums, sources, fingerprints
    STORE/tokenizer/         the tokeniser that made the ids
    STORE/{train,eval}/      tokens.npy             uint16 or uint32 [tokens]
                             sentence_offsets.npy   int64 [sentences + 1] into the tokens
                             document_offsets.npy   int64 [documents + 1] into the sentences
                             document_places.npy    int64 [documents] in their files (`origins`)

Each token is stored once; which sentences meet in an example, and what is masked, is drawn later.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from data_pipeline.documents import SplitName
from data_pipeline.errors import DataError
from data_pipeline.strict_json import parse_json
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import load_tokenizer
from data_pipeline.wording import amount

FORMAT = "bert-jax token store"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
# Of the folder beside a store in which it is prepared.
PARTIAL = ".partial"
SPLITS: tuple[SplitName, ...] = ("train", "eval")
ARRAYS = ("tokens", "sentence_offsets", "document_offsets")
# Where each document begins in what it came from: of no use for training, and not in older stores.
PLACES = "document_places"
# Offsets looked at together, so that a mapped file is never copied as a whole.
_PIECE = 1 << 20
_DTYPES = ("uint16", "uint32")
# What a manifest must say for a store to be opened and shown, and of what type it is.
_NEEDED: dict[tuple[str, ...], type] = {
    ("fingerprint",): str,
    ("dtype",): str,
    ("sources",): list,
    ("tokenizer", "fingerprint"): str,
    ("tokenizer", "vocab_size"): int,
    ("tokenizer", "cased"): bool,
    **{("splits", split, "fingerprint"): str for split in SPLITS},
    **{
        ("splits", split, count): int
        for split in SPLITS
        for count in ("documents", "sentences", "tokens", "words", "bytes")
    },
    **{
        ("files", f"{split}/{array}.npy", fact): kind
        for split in SPLITS
        for array in ARRAYS
        for fact, kind in (("bytes", int), ("sha256", str))
    },
}


@dataclass(frozen=True, eq=False)
class Split:
    """The documents of one split, as three flat arrays.

    Sentence s is `tokens[sentence_offsets[s]:sentence_offsets[s + 1]]`; document d holds the
    sentences `document_offsets[d]` up to `document_offsets[d + 1]`. No sentence and no document
    is empty.
    """

    tokens: npt.NDArray[np.unsignedinteger]
    sentence_offsets: npt.NDArray[np.int64]
    document_offsets: npt.NDArray[np.int64]
    fingerprint: str = ""

    def __post_init__(self) -> None:
        for name, offsets, length in (
            ("sentence_offsets", self.sentence_offsets, len(self.tokens)),
            ("document_offsets", self.document_offsets, len(self.sentence_offsets) - 1),
        ):
            if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != length:
                raise DataError(
                    f"{name} must start at 0 and end at {length}; got {len(offsets)} values"
                    + (f" from {offsets[0]} to {offsets[-1]}" if len(offsets) else "")
                )

    def check_order(self) -> None:
        """DataError where an offset is below the one before it, as on a disk that lost some.

        Reads all offsets, a piece at a time, and no tokens.
        """
        for what in ("sentence_offsets", "document_offsets"):
            offsets = getattr(self, what)
            for lo in range(0, len(offsets), _PIECE):
                piece = offsets[lo : lo + _PIECE + 1]
                if (piece[1:] < piece[:-1]).any():
                    raise changed_on_disk(what)

    @property
    def num_tokens(self) -> int:
        """The tokens of all sentences."""
        return len(self.tokens)

    @property
    def num_sentences(self) -> int:
        """The sentences of all documents."""
        return len(self.sentence_offsets) - 1

    @property
    def num_documents(self) -> int:
        """The documents."""
        return len(self.document_offsets) - 1

    def summary(self) -> dict[str, int]:
        """The three numbers by name."""
        return {
            "documents": self.num_documents,
            "sentences": self.num_sentences,
            "tokens": self.num_tokens,
        }


def changed_on_disk(what: str) -> DataError:
    """The error of a store that opens and holds something that was never written."""
    return DataError(
        f"the {what} of the token store do not ascend: it was changed since it was written; "
        "`bert-jax inspect STORE --verify` names the file"
    )


class TokenStore:
    """A finished store on disk. Attributes: `path`, `manifest`, `train`, `eval`."""

    def __init__(
        self, path: Path, manifest: dict[str, Any], splits: Mapping[SplitName, Split]
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.train = splits["train"]
        self.eval = splits["eval"]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> TokenStore:
        """Opens a store; its arrays stay on disk until they are read.

        Cheap: compares format version, sizes and counts with the manifest, and reads no tokens.
        DataError where something is missing or does not agree; `verify` reads everything.
        """
        path = Path(path)
        manifest = read_manifest(path)
        for name, entry in manifest["files"].items():
            file = path / name
            if not file.is_file():
                raise damaged(path, f"{name} is missing")
            if file.stat().st_size != entry["bytes"]:
                raise damaged(
                    path,
                    f"{name} has {amount(file.stat().st_size, 'byte')}, and {entry['bytes']:,} "
                    "were written",
                )
        splits = {}
        for name in SPLITS:
            wanted = manifest["splits"][name]
            tokens, sentences, documents = (
                map_array(path, f"{name}/{array}.npy", dtype)
                for array, dtype in zip(ARRAYS, (manifest["dtype"], "int64", "int64"), strict=True)
            )
            try:
                split = Split(tokens, sentences, documents, wanted["fingerprint"])
            except DataError as error:
                raise damaged(path, f"{name}/: {error}") from error
            for what, count in split.summary().items():
                if wanted[what] != count:
                    raise damaged(
                        path, f"{name} holds {count} {what}, and the manifest says {wanted[what]}"
                    )
            splits[name] = split
        return cls(path, manifest, splits)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the tokens, their offsets and the tokeniser; not of paths or times."""
        return str(self.manifest["fingerprint"])

    def tokenizer(self) -> TextTokenizer:
        """The tokeniser that made the ids."""
        tokenizer = load_tokenizer(self.path / "tokenizer")
        if tokenizer.fingerprint != self.manifest["tokenizer"]["fingerprint"]:
            raise DataError(f"{self.path}: tokenizer/ is not the tokeniser that made its ids")
        return tokenizer

    def verify(self) -> None:
        """Reads every file and compares checksums. DataError names the first that differs."""
        for name, entry in self.manifest["files"].items():
            if sha256_of(self.path / name) != entry["sha256"]:
                raise damaged(self.path, f"{name} has changed since it was written")

    def __repr__(self) -> str:
        return f"TokenStore({str(self.path)!r}, {self.train.num_tokens} + {self.eval.num_tokens})"


def map_array(path: Path, name: str, dtype: str) -> npt.NDArray[Any]:
    """An array of a store, which stays on disk.

    mmap refuses to map nothing, so an empty one is read.
    """
    file = path / name
    array: npt.NDArray[Any]
    try:
        if file.stat().st_size > 128:
            array = npy.open_memmap(file, mode="r")
        else:
            with file.open("rb") as stream:
                array = npy.read_array(stream, allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a damaged header makes numpy raise almost anything
        raise damaged(path, f"{name} is no array that can be read") from error
    if array.dtype != np.dtype(dtype) or array.ndim != 1:
        found = f"{array.dtype} {list(array.shape)}"
        raise damaged(path, f"{name} must hold {dtype} of one dimension; it holds {found}")
    # A plain array over the map: indexing an np.memmap costs several times more.
    return np.asarray(array)


def damaged(path: Path, what: str) -> DataError:
    """The error of a store of which a file is not what was written."""
    return DataError(f"{path}: damaged token store: {what}; remove it and prepare it again")


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a store; DataError where there is none that this version can read."""
    if path.is_file():
        raise DataError(
            f"{path}: is a file; a token store is a folder, which `bert-jax prepare` makes of text"
        )
    work = path if path.name.endswith(PARTIAL) else path.with_name(f"{path.name}{PARTIAL}")
    if work.is_dir() and not (path / MANIFEST).is_file() and (work == path or not path.is_dir()):
        raise DataError(
            f"{work}: a token store that is not finished; run the same `bert-jax prepare` again, "
            "which goes on with it"
        )
    if not path.is_dir():
        raise DataError(f"{path}: no such token store; make one with `bert-jax prepare`")
    file = path / MANIFEST
    if not file.is_file():
        raise DataError(f"{path}: is not a token store: it has no {MANIFEST}")
    try:
        manifest = parse_json(file.read_text("utf-8"))
    except ValueError as error:
        raise DataError(f"{file}: is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError(f"{path}: is not a token store: {MANIFEST} is of another kind")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{path}: is a token store of format version {manifest.get('format_version')}, and "
            f"this program reads version {FORMAT_VERSION}; prepare it again"
        )
    _check_manifest(path, manifest)
    return manifest


def _check_manifest(path: Path, manifest: dict[str, Any]) -> None:
    def check(keys: Sequence[str], kind: type) -> None:
        value: Any = manifest
        for depth, key in enumerate(keys, 1):
            if not isinstance(value, dict) or key not in value:
                raise damaged(path, f"{MANIFEST} does not say {' > '.join(keys[:depth])}")
            value = value[key]
        if type(value) is not kind:
            found = type(value).__name__
            raise damaged(
                path, f"{MANIFEST}: {' > '.join(keys)} must be {kind.__name__}, not {found}"
            )

    for keys, kind in _NEEDED.items():
        check(keys, kind)
    if manifest["dtype"] not in _DTYPES:
        raise damaged(path, f"{MANIFEST}: dtype must be {' or '.join(_DTYPES)}")
    for name in manifest["files"]:
        check(("files", name, "bytes"), int)
        check(("files", name, "sha256"), str)
    if "cleaning" in manifest:  # older stores say nothing of it
        check(("cleaning",), dict)
        for name in manifest["cleaning"].keys() & {"rules", "dropped"}:
            check(("cleaning", name), dict)
        for reason in manifest["cleaning"].get("dropped", {}):
            for name, kind in {"documents": int, "words": int, "examples": list}.items():
                check(("cleaning", "dropped", reason, name), kind)


def sha256_of(file: Path) -> str:
    """The checksum of a file, as 64 hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
