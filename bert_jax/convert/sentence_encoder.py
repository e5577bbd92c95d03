"""Encoders that make vectors of sentences, in the layout of sentence-transformers: read.

`modules.json` lists what follows on each other: the encoder, a pooling of its tokens, and maybe a
division by the vector's length (arXiv 1908.10084). What is read, and what stands for what is not
said, is as in sentence-transformers 6.2 (base/model.py, base/modules/transformer.py and
sentence_transformer/modules/pooling.py). A setting that would change a vector and that we do not
have is an error.
"""

from pathlib import Path
from typing import Any, NamedTuple

from bert_jax.convert.hf_config import FILE, read_json_object
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.head_config import POOLINGS
from data_pipeline.strict_json import parse_json

MODULES = "modules.json"
PACKAGE = "sentence_transformers"
SENTENCES = "sentence_bert_config.json"
# Their switch of each pooling, in the order in which vectors are put one after another.
SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_LARGEST_FILE = 1_000_000
_VECTOR = "sentence_embedding"


class Pooling(NamedTuple):
    """What is made of the states of the tokens.

    Attributes:
      pooling: as in a `HeadConfig`.
      normalize: whether the vector is divided by its length.
    """

    pooling: str
    normalize: bool


def encoder_folder(folder: Path) -> Path:
    """Where the encoder's own files are: the folder, or the one in it that modules.json names.

    Raises:
      UserError: `modules.json` is no list of modules, or names a place outside the folder.
    """
    path = folder / MODULES
    first = _modules(path)[:1] if path.is_file() else []
    return folder / first[0][1] if first and first[0][0] == "Transformer" else folder


def read_pooling(folder: Path) -> Pooling | None:
    """What modules.json says; None where there is none.

    Raises:
      UserError: it lists modules that we do not have, or a pooling that is unknown.
    """
    path = folder / MODULES
    if not path.is_file():
        return None
    modules = _modules(path)
    names = [kind for kind, _ in modules]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise UserError(
            f"{path} lists {printable(' -> '.join(names)) or 'nothing'}; known are Transformer -> "
            "Pooling, and Normalize after it"
        )
    normalize = "Normalize" in names
    if normalize:
        _check_normalize(folder / modules[2][1] / FILE)
    return Pooling(_pooling(folder / modules[1][1] / FILE), normalize)


def read_max_length(folder: Path) -> int | None:
    """Tokens that sentences are cut to; None where the folder does not say it."""
    path = folder / SENTENCES
    length = read_json_object(path).get("max_seq_length") if path.is_file() else None
    return length if type(length) is int and length > 0 else None


def _modules(path: Path) -> list[tuple[str, str]]:
    """Class and folder of every module; a class that is not theirs with its whole name."""
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"it has {path.stat().st_size:,} bytes")
        modules = parse_json(path.read_bytes())
        if not isinstance(modules, list):
            raise ValueError("it is no list")
        found = [(str(each["type"]), str(each["path"])) for each in modules]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is no list of modules: {printable(str(error))}") from error
    inside = path.parent.resolve()
    for _, place in found:
        # A null byte is in no path.
        if "\0" in place or not (inside / place).resolve().is_relative_to(inside):
            raise UserError(f"{path} names {printable(place)}, which is outside its folder")
    return [
        (kind.rpartition(".")[2] if kind.startswith(f"{PACKAGE}.") else kind, place)
        for kind, place in found
    ]


def _pooling(path: Path) -> str:
    """The newer `pooling_mode`, a name or a list of them, or else the switches; mean if none."""
    values = read_json_object(path)
    unknown = [name for name in values if name.startswith("pooling_mode_") and name not in SWITCHES]
    if "pooling_mode" in values:
        given = values["pooling_mode"]
        modes = given if isinstance(given, list) else [given]
    else:
        modes = [mode for switch, mode in SWITCHES.items() if values.get(switch) is True]
        modes = [*modes, *(name for name in unknown if values[name] is True)] or ["mean"]
    if not modes or not all(isinstance(mode, str) and mode in POOLINGS for mode in modes):
        raise UserError(
            f"{path} pools by {printable(', '.join(map(str, modes)) or 'nothing')}; known are "
            f"{', '.join(POOLINGS)}, and several of them"
        )
    return "+".join(modes)


def _check_normalize(path: Path) -> None:
    """Raise `UserError` where it is told to divide something else than the vector."""
    values: dict[str, Any] = read_json_object(path) if path.is_file() else {}
    for name in ("module_input_name", "module_output_name"):
        if values.get(name, _VECTOR) not in (_VECTOR, None):
            raise UserError(
                f"{path}: {name} is {printable(repr(values[name]))}; it must be {_VECTOR}"
            )
