"""From a path to the tensors there: which format it is, and why some are refused.

The beginning of a file decides before its name: a pickle that is called `model.safetensors` is a
pickle.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from bert_jax.convert.leveldb_table import MAGIC as TABLE_MAGIC
from bert_jax.convert.safetensors_file import INDEX_NAME, SINGLE_NAME, open_safetensors
from bert_jax.convert.tensors import TensorFile
from bert_jax.convert.tf1_checkpoint import Tf1Checkpoint, is_file_of_checkpoint
from bert_jax.errors import UserError
from bert_jax.regular_files import check_regular

_ZIP = b"PK\x03\x04"
# PyTorch's archive begins with its pickle; the name stands in the first bytes.
_PICKLE_IN_ZIP = b"/data.pkl"
_PICKLE = b"\x80"
_PICKLE_PROTOCOLS = (b"\2", b"\3", b"\4", b"\5")
_HDF5 = b"\x89HDF\r\n\x1a\n"

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_HDF5S = (".h5", ".hdf5", ".keras")
_FLAX = (".msgpack",)


def open_tensors(path: Path) -> TensorFile:
    """Open weights of any format that is read.

    Args:
      path: a `.safetensors` file, the index of several, the prefix or a file of a TensorFlow
        checkpoint, or a folder with one of these. Of a folder with both formats (some of the
        Hub's are) it is the safetensors.

    Raises:
      UserError: there is nothing, it is damaged, or its format is not read; then why, and what to
        do.
    """
    if path.is_dir():
        return _open_folder(path)
    check_regular(path.with_name(f"{path.name}.index"))
    if is_file_of_checkpoint(path) or not path.exists():
        if not path.exists() and not path.with_name(f"{path.name}.index").is_file():
            raise UserError(f"there is neither a file or folder {path} nor a file {path}.index")
        return Tf1Checkpoint(path)
    check_regular(path)
    if path.suffix != ".json":
        _refuse_by_content(path)
    return open_safetensors(path)


def _open_folder(folder: Path) -> TensorFile:
    if (folder / SINGLE_NAME).exists() or (folder / INDEX_NAME).exists():
        for path in folder.glob(SINGLE_NAME):
            _refuse_by_content(path)
        return open_safetensors(folder)
    if any(folder.glob("*.index")):
        return Tf1Checkpoint(folder)
    # Before an optimiser's state, say, what is called a model.
    for path in sorted(folder.iterdir(), key=lambda path: ("model" not in path.name, path.name)):
        _refuse_by_name(path)
    raise UserError(
        f"{folder} has no weights: {SINGLE_NAME}, {INDEX_NAME} with its files, or a TensorFlow "
        "checkpoint (*.index and *.data-00000-of-00001) is needed"
    )


def _refuse_by_content(path: Path) -> None:
    """Say what a file is if its first or last bytes tell; safetensors and the unknown pass."""
    check_regular(path)
    with path.open("rb") as file:
        head = file.read(256)
        file.seek(-min(len(TABLE_MAGIC), path.stat().st_size), 2)
        tail = file.read()
    if head[8:9] == b"{":
        # The header of safetensors, whatever the bytes of its length look like.
        return
    if head.startswith(_ZIP) and _PICKLE_IN_ZIP in head:
        _refuse_pickle(path)
    if head[:1] == _PICKLE and head[1:2] in _PICKLE_PROTOCOLS:
        _refuse_pickle(path)
    if head.startswith(_HDF5):
        _refuse_hdf5(path)
    if tail == TABLE_MAGIC:
        raise UserError(
            f"{path} is a TensorFlow checkpoint in the format of before 2017, one file for all; "
            "save it with tf.compat.v1.train.Saver, which writes PREFIX.index and "
            "PREFIX.data-00000-of-00001"
        )
    _refuse_by_name(path)


def _refuse_by_name(path: Path) -> None:
    if path.suffix in _PICKLES:
        _refuse_pickle(path)
    if path.suffix in _HDF5S:
        _refuse_hdf5(path)
    if path.suffix in _FLAX:
        raise UserError(
            f"{path} has weights in Flax's msgpack format, which is not read. Where the same model "
            "is there as model.safetensors, take that; otherwise transformers of before version 5 "
            "converts it: BertForPreTraining.from_pretrained(FOLDER, from_flax=True)"
            ".save_pretrained(NEW_FOLDER)"
        )


def _refuse_pickle(path: Path) -> NoReturn:
    raise UserError(
        f"{path} is a pickle, and to read one is to run what its author wrote into it; it is never "
        "read here. Where the same model is there as model.safetensors, take that. If you trust "
        "the file, convert it with Python where PyTorch and safetensors are installed: "
        "import torch, safetensors.torch; safetensors.torch.save_file({name: tensor.contiguous()"
        f".clone() for name, tensor in torch.load({path.name!r}, map_location='cpu', "
        "weights_only=True).items()}, 'model.safetensors', {'format': 'pt'})"
    )


def _refuse_hdf5(path: Path) -> NoReturn:
    raise UserError(
        f"{path} has weights in Keras's HDF5 format, which is not read. Where the same model is "
        "there as model.safetensors, or as a TensorFlow checkpoint (PREFIX.index), take that; "
        "otherwise transformers of before version 5 converts it: BertForPreTraining"
        ".from_pretrained(FOLDER, from_tf=True).save_pretrained(NEW_FOLDER)"
    )
