"""Weights in the safetensors format: one file, or several and the index that names them.

The library `safetensors` reads and checks a file: types, shapes, and that the tensors cover its
bytes without holes or overlaps. What it lets pass is checked here: names that are there twice (the
last would win), shapes that no array has, a header larger than that of any model, and the index,
which is a convention of Hugging Face's and none of the library's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from bert_jax.convert.tensors import (
    NOT_NUMBERS,
    Malformed,
    TensorFile,
    TensorInfo,
    byte_count,
    printable,
    read_limited,
)
from bert_jax.errors import UserError
from bert_jax.regular_files import check_regular

SINGLE_NAME = "model.safetensors"
INDEX_NAME = "model.safetensors.index.json"

DTYPES = {
    "BOOL": np.dtype(np.bool),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "U16": np.dtype(np.uint16),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I32": np.dtype(np.int32),
    "U32": np.dtype(np.uint32),
    "F32": np.dtype(np.float32),
    "C64": np.dtype(np.complex64),
    "F64": np.dtype(np.float64),
    "I64": np.dtype(np.int64),
    "U64": np.dtype(np.uint64),
}
"""The types of the format that are read, by their names there."""

# A hundred times those of the largest models.
_MAX_JSON_BYTES = 2**24
# Of a file, on all systems that we know.
_MAX_NAME_BYTES = 255


class SafetensorsFile:
    """One file of tensors, opened to read.

    Attributes:
      path: the file.
      metadata: what its writer noted; `{"format": "pt"}` of PyTorch's layout.

    Args:
      path: the file, whatever its name.

    Raises:
      UserError: there is no such file, or it is damaged or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_regular(path)
        if not path.is_file():
            raise UserError(f"there is no file {path}")
        try:
            _check_header(path)
            self._file = safe_open(path, framework="np")
            self.metadata: dict[str, str] = self._file.metadata() or {}
            self._tensors = {name: self._info(name) for name in sorted(self._file.keys())}
        except (Malformed, SafetensorError) as error:
            raise UserError(
                f"{path} is no file of tensors in the safetensors format, or a damaged one: "
                f"{_reason(error)}. Copy or download it again"
            ) from error

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file alone."""
        return (self.path,)

    def tensors(self) -> Mapping[str, TensorInfo]:
        """All tensors by name; those of types that numpy lacks (8 bits, say) have `NOT_NUMBERS`."""
        return dict(self._tensors)

    def read(self, name: str) -> np.ndarray:
        """One tensor.

        Raises:
          UserError: there is none of that name, or numpy has no such type.
        """
        info = self._tensors.get(name)
        if info is None:
            raise UserError(f"{self.path} has no tensor {printable(name)}")
        if info.dtype == NOT_NUMBERS:
            raise UserError(
                f"{printable(name)} of {self.path} has the type "
                f"{self._file.get_slice(name).get_dtype()}; of {', '.join(DTYPES)} it can be read"
            )
        try:
            return self._file.get_tensor(name)
        except SafetensorError as error:
            raise UserError(f"{self.path} has changed while it was read; try again") from error

    def _info(self, name: str) -> TensorInfo:
        view = self._file.get_slice(name)
        info = TensorInfo(name, tuple(view.get_shape()), DTYPES.get(view.get_dtype(), NOT_NUMBERS))
        byte_count(info.shape, info.dtype)
        return info


class ShardedSafetensors:
    """Several files of tensors, and the index that says which tensor is in which.

    Attributes:
      index_path: the index.

    Args:
      index_path: a `model.safetensors.index.json`; its files lie beside it.

    Raises:
      UserError: index and files disagree, or one of them is missing or damaged.
    """

    def __init__(self, index_path: Path) -> None:
        self.index_path = index_path
        weight_map = _read_weight_map(index_path)
        shards = {
            file_name: SafetensorsFile(index_path.with_name(file_name))
            for file_name in _shard_names(index_path, weight_map)
        }
        self._shards: dict[str, SafetensorsFile] = {}
        tensors: dict[str, TensorInfo] = {}
        for file_name, shard in shards.items():
            tensors |= shard.tensors()
            for name in shard.tensors():
                if name in self._shards:
                    raise UserError(
                        f"{printable(name)} is both in {self._shards[name].path} and in "
                        f"{shard.path}: they are not of one model"
                    )
                if weight_map.get(name) != file_name:
                    said = printable(weight_map.get(name, "no file"))
                    raise UserError(
                        f"{index_path} says that {printable(name)} is in {said}, and it is in "
                        f"{file_name}: they are not of one model"
                    )
                self._shards[name] = shard
        missing = sorted(weight_map.keys() - self._shards.keys())
        if missing:
            raise UserError(
                f"{index_path} says that {printable(missing[0])} is in {weight_map[missing[0]]}, "
                "and it is not there: they are not of one model"
            )
        self._tensors = dict(sorted(tensors.items()))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The index, and the files that it names."""
        return (self.index_path, *sorted({shard.path for shard in self._shards.values()}))

    def tensors(self) -> Mapping[str, TensorInfo]:
        """All tensors of all files, by name."""
        return dict(self._tensors)

    def read(self, name: str) -> np.ndarray:
        """One tensor; errors as of `SafetensorsFile.read`."""
        if name not in self._shards:
            raise UserError(f"{self.index_path} has no tensor {printable(name)}")
        return self._shards[name].read(name)


def open_safetensors(path: Path) -> TensorFile:
    """Open a file of tensors, the index of several, or a folder with either.

    Raises:
      UserError: there is none, there are both, or something is wrong with them.
    """
    if path.is_dir():
        found = [path / name for name in (SINGLE_NAME, INDEX_NAME) if (path / name).exists()]
        if len(found) > 1:
            raise UserError(
                f"{path} has both {SINGLE_NAME} and {INDEX_NAME}, and may hold two models: keep "
                "the one that you mean, and move the other away"
            )
        if not found:
            raise UserError(f"{path} has neither {SINGLE_NAME} nor {INDEX_NAME}")
        path = found[0]
    return ShardedSafetensors(path) if path.suffix == ".json" else SafetensorsFile(path)


def _check_header(path: Path) -> None:
    """The length of the header, and that it has no name twice."""
    with path.open("rb") as file:
        prefix = file.read(8)
        size = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or size > path.stat().st_size - 8:
            raise Malformed("it is shorter than its header says")
        if size > _MAX_JSON_BYTES:
            raise Malformed(f"its header has {size:,} bytes, more than that of any model")
        _parse_json(file.read(size))


def _read_weight_map(index_path: Path) -> dict[str, str]:
    """Tensor -> name of its file."""
    check_regular(index_path)
    if not index_path.is_file():
        raise UserError(f"there is no file {index_path}")
    try:
        content = read_limited(index_path, _MAX_JSON_BYTES, "the index of any model")
        index = _parse_json(content)
        weight_map = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(weight_map, dict) or not weight_map:
            raise Malformed("it has no weight_map")
        if not all(isinstance(file_name, str) for file_name in weight_map.values()):
            raise Malformed("weight_map is not from names of tensors to names of files")
    except Malformed as error:
        raise UserError(f"{index_path} is no index of files of tensors: {error}") from error
    return weight_map


def _shard_names(index_path: Path, weight_map: Mapping[str, str]) -> list[str]:
    """The files that an index names, each once; they lie beside it and nowhere else.

    It is the name that is looked at: in the Hub's cache the files themselves are symbolic links to
    another folder.
    """
    names = sorted(set(weight_map.values()))
    for name in names:
        plain = name.isprintable() and not {"/", "\\"} & set(name) and name[:1] not in ("", ".")
        if not plain or len(name.encode()) > _MAX_NAME_BYTES:
            raise UserError(
                f"{index_path} names the file {printable(name)}; a name without a folder is needed"
            )
        if not name.endswith(".safetensors"):
            raise UserError(
                f"{index_path} names the file {printable(name)}; one that ends in .safetensors is "
                "needed"
            )
        check_regular(index_path.with_name(name))
        if not index_path.with_name(name).is_file():
            raise UserError(
                f"{index_path} names {printable(name)}, which is not beside it: copy or download "
                f"{'it' if len(names) == 1 else f'all {len(names)} files'}"
            )
    return names


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content.decode(), object_pairs_hook=_without_repeats)
    except RecursionError as error:
        raise Malformed("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise Malformed("it is not UTF-8") from error
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed(f"it is no JSON ({printable(str(error))})") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed(f"{printable(name)} is there twice")
        found[name] = value
    return found


def _reason(error: Exception) -> str:
    return printable(str(error).removeprefix("Error while deserializing header: "))
