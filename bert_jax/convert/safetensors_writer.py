"""Write tensors as Hugging Face's libraries do: `model.safetensors`, or shards and their index.

The bytes are those that the library `safetensors` would write, but put together here: its function
for numpy writes what lies in memory even where an array is a transposed view, makes files that only
their owner may read, and orders the metadata at random.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from bert_jax.convert.safetensors_file import DTYPES, INDEX_NAME
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from data_pipeline.atomic_file import write_atomically

_TYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_TYPE_ORDER = list(_TYPE_NAMES)
_METADATA = "__metadata__"
_PYTORCH = {"format": "pt"}


def write_safetensors(
    folder: Path,
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] = _PYTORCH,
    max_shard_bytes: int = 5 * 10**9,
) -> list[Path]:
    """Write tensors into a folder.

    The same tensors give the same bytes, in whatever order and memory layout they come. A file is
    whole or not there, and the index is there only when all of its shards are.

    Args:
      folder: where to; made if it is not there.
      tensors: by name.
      metadata: noted in each file; `transformers` opens a file only with a `format`.
      max_shard_bytes: more than these are divided into several files, none of them larger unless
        one tensor is.

    Returns:
      The files of tensors, in order.

    Raises:
      UserError: there are no tensors, the folder has other weights, or the format has no such
        type or name.
      OSError: the folder cannot be written.
    """
    arrays = {name: np.asarray(tensors[name]) for name in sorted(tensors)}
    if not arrays:
        raise UserError(f"there are no tensors to write into {folder}")
    for name, array in arrays.items():
        if _little_endian(array.dtype) not in _TYPE_NAMES or name == _METADATA:
            raise UserError(
                f"{printable(name)} of type {array.dtype} cannot be written as safetensors, which "
                f"have {', '.join(DTYPES)}"
            )
    shards = _divide(arrays, max_shard_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_other_weights(folder, shards)
    # From here on until all is written, files of before and new ones are not taken for one model.
    (folder / INDEX_NAME).unlink(missing_ok=True)
    for file_name, names in shards.items():
        shard = {name: arrays[name] for name in names}
        write_atomically(folder / file_name, partial(_write_file, shard, metadata))
    if len(shards) > 1:
        index = _index(arrays, shards)
        write_atomically(folder / INDEX_NAME, lambda file: file.write(index))
    return [folder / file_name for file_name in shards]


def _divide(arrays: Mapping[str, np.ndarray], max_shard_bytes: int) -> dict[str, list[str]]:
    """The names of files -> the names of their tensors."""
    # Imported late: a tenth of a second.
    from huggingface_hub import split_state_dict_into_shards_factory

    return split_state_dict_into_shards_factory(
        dict(arrays),
        get_storage_size=lambda array: array.nbytes,
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=max_shard_bytes,
    ).filename_to_tensors


def _refuse_other_weights(folder: Path, shards: Mapping[str, list[str]]) -> None:
    """Weights of another number of files would be opened instead of ours, or with them."""
    others = sorted(path.name for path in folder.glob("*.safetensors") if path.name not in shards)
    if others or (len(shards) == 1 and (folder / INDEX_NAME).exists()):
        raise UserError(
            f"{folder} has other weights ({printable((others or [INDEX_NAME])[0])}): give another "
            "folder, or move them away"
        )


def _index(arrays: Mapping[str, np.ndarray], shards: Mapping[str, list[str]]) -> bytes:
    weight_map = {name: file_name for file_name, names in shards.items() for name in names}
    totals = {
        "total_parameters": sum(array.size for array in arrays.values()),
        "total_size": sum(array.nbytes for array in arrays.values()),
    }
    index = {"metadata": totals, "weight_map": weight_map}
    return (json.dumps(index, indent=2, sort_keys=True) + "\n").encode()


def _write_file(
    arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str], file: BinaryIO
) -> None:
    """Wide types first, so that each tensor begins at a multiple of its width; then by name."""
    ordered = sorted(
        arrays.items(),
        key=lambda item: (-_TYPE_ORDER.index(_little_endian(item[1].dtype)), item[0]),
    )
    header: dict[str, object] = {_METADATA: dict(sorted(metadata.items()))} if metadata else {}
    at = 0
    for name, array in ordered:
        header[name] = {
            "dtype": _TYPE_NAMES[_little_endian(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [at, at + array.nbytes],
        }
        at += array.nbytes
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    file.write(len(encoded).to_bytes(8, "little") + encoded)
    for _, array in ordered:
        # One at a time: only this one is copied, and only if its layout or byte order asks for it.
        plain = np.asarray(array, dtype=_little_endian(array.dtype), order="C")
        file.write(plain.reshape(-1).view(np.uint8).data)


def _little_endian(dtype: np.dtype) -> np.dtype:
    # `=` is the machine's order, and JAX has no big-endian machines.
    return dtype.newbyteorder("=") if dtype.byteorder == ">" else dtype
