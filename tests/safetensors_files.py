"""Files in the safetensors format as the tests need them, put together by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    """What a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def content(header: Mapping[str, Any] | bytes, data: bytes = b"", size: int | None = None) -> bytes:
    """A file's bytes; `size` is what it says of its header's length, if not the truth."""
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(encoded) if size is None else size).to_bytes(8, "little") + encoded + data


def write_floats(path: Path, tensors: Mapping[str, list[float]]) -> Path:
    """A sound file of rows of float32."""
    header, data = {}, b""
    for name, numbers in tensors.items():
        array = np.array(numbers, "<f4")
        header[name] = tensor("F32", [len(numbers)], len(data), len(data) + array.nbytes)
        data += array.tobytes()
    path.write_bytes(content(header, data))
    return path


def write_index(folder: Path, weight_map: Mapping[str, str]) -> Path:
    """The index of several files."""
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}))
    return path
