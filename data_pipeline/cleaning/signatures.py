"""What is kept of a document to find its copies: a hash of its words, and MinHash values.

MinHash: A. Broder, "On the resemblance and containment of documents" (1997); of each value the low
16 bits are kept (b-bit minwise hashing, Li and Koenig, arXiv 0910.3349).
"""

from __future__ import annotations

import functools
import hashlib
import operator
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from data_pipeline.atomic_file import write_atomically
from data_pipeline.cleaning.rules import CleaningRules
from data_pipeline.errors import DataError
from data_pipeline.text.words import count_words, folded

# An array of records, one a document. See `signature_dtype`.
Signatures = npt.NDArray[np.void]

# Values of a MinHash. The estimate of a similarity J has the standard error sqrt(J (1 - J) / 128):
# 0.035 at 0.8.
NUM_HASHES = 128
BEGINNING_BYTES = 80
# Shingles hashed at a time: 128 values each of 4 bytes stay in a core's cache.
_PIECE = 1024
# Odd, and without a pattern in its bits: the golden ratio's.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def signature_dtype(rules: CleaningRules) -> np.dtype[np.void]:
    """The record of a document: 100 bytes, and 256 more where near-duplicates are looked for.

    `exact` [2] uint64: 128 bits of BLAKE2b of the folded words. `words` uint32. `beginning`: the
    first 80 bytes of the text in UTF-8, for a person to look at. `minhash` [128] uint16.
    """
    record: list[Any] = [
        ("exact", "<u8", (2,)),
        ("words", "<u4"),
        ("beginning", f"S{BEGINNING_BYTES}"),
    ]
    if rules.near_duplicates is not None:
        record.append(("minhash", "<u2", (NUM_HASHES,)))
    return np.dtype(record)


def signatures(documents: Sequence[Sequence[str]], rules: CleaningRules) -> Signatures:
    """The signature of each document, given as its lines: [D] records of `signature_dtype(rules)`.

    Each is a function of its document alone, so the signatures of units, one after the other, are
    those of the whole.
    """
    found: Signatures = np.zeros(len(documents), signature_dtype(rules))
    for record, document in zip(found, documents, strict=True):
        text = "\n".join(document)
        words = folded(text)
        digest = hashlib.blake2b(words, digest_size=16).digest()
        record["exact"] = np.frombuffer(digest, "<u8")
        record["words"] = count_words(text)
        record["beginning"] = " ".join(text[:BEGINNING_BYTES].split()).encode("utf-8", "replace")
        if rules.near_duplicates is not None:
            record["minhash"] = minhash_of(shingle_hashes(words, rules.shingle_words))
    return found


def shingle_hashes(words: bytes, size: int) -> npt.NDArray[np.uint32]:
    """A hash of each `size` words in a row, of all words where there are fewer: [shingles >= 1]."""
    parts = words.split(b" ")
    hashes = np.fromiter(map(zlib.crc32, parts), np.uint64, len(parts))
    return shingles_of(hashes, size)


def shingles_of(hashes: npt.NDArray[np.uint64], size: int) -> npt.NDArray[np.uint32]:
    """`shingle_hashes` of words, or tokens, that are given as numbers: [words >= 1]."""
    size = min(size, len(hashes))
    n = len(hashes) - size + 1
    shingles = np.zeros(n, np.uint64)
    for place in range(size):
        shingles += hashes[place : place + n]
        shingles *= _MULTIPLIER
        shingles ^= shingles >> np.uint64(32)
    return shingles.astype(np.uint32)


def join_signatures(
    files: Iterable[str | os.PathLike[str]], output: str | os.PathLike[str], rules: CleaningRules
) -> Signatures:
    """Writes the signatures of several `.npy` files, in their order, into one, and opens it.

    One file at a time is in memory; the result is memory-mapped. DataError where a file has been
    made by other rules.
    """
    files, output = [Path(file) for file in files], Path(output)
    dtype = signature_dtype(rules)
    total = 0
    for file in files:
        part = np.load(file, mmap_mode="r")
        if part.dtype != dtype or part.ndim != 1:
            raise DataError(f"{file}: holds signatures of other cleaning rules; make them again")
        total += len(part)

    def write(opened: Any) -> None:
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (total,)}
        npy.write_array_header_1_0(opened, header)
        for file in files:
            opened.write(np.load(file).tobytes())

    write_atomically(output, write)
    return np.load(output, mmap_mode="r" if total else None)


def minhash_of(shingles: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint16]:
    """The low 16 bits of the MinHash values of a set: [shingles >= 1] -> [NUM_HASHES]."""
    minhash = _hasher()
    minhash.clear()
    for start in range(0, len(shingles), _PIECE):
        # One "value" whose hash is an array: the permutations are applied to all of it at once.
        minhash.update_batch([shingles[start : start + _PIECE]])
    return minhash.digest().astype(np.uint16)


@functools.cache
def _hasher() -> Any:
    """The one MinHash of a process: drawing its permutations costs more than a short document."""
    from datasketch import MinHash

    # A named scheme: its values are the same in every version that has it.
    return MinHash(NUM_HASHES, seed=1, scheme="affine32", hashfunc=operator.pos)
