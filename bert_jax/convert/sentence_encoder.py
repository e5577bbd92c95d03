"""Encoders that make vectors of sentences, in the layout of sentence-transformers: read.

`modules.json` lists what follows on each other: the encoder, a pooling of its tokens, and maybe a
division by the vector's length (arXiv 1908.10084). What is read, and what stands for what is not
said, is as in sentence-transformers 6.2 (base/model.py, base/modules/transformer.py and
sentence_transformer/modules/pooling.py). A setting that would change a vector and that we do not
have is an error.
"""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from bert_jax.convert.hf_config import FILE, read_json_object
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.head_config import POOLINGS
from bert_jax.regular_files import check_regular
from bert_jax.sentence_config import SentenceConfig
from data_pipeline.strict_json import parse_json
from data_pipeline.tokenization.read_files import read_json

MODULES = "modules.json"
PACKAGE = "sentence_transformers"
SENTENCES = "sentence_bert_config.json"
PROMPTS = "config_sentence_transformers.json"
# Their switch of each pooling, in the order in which vectors are put one after another.
SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_KINDS = ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
_SETTINGS = (SENTENCES, *(f"sentence_{kind}_config.json" for kind in _KINDS))
# Of the settings, what is handed to transformers, and could change anything.
_NOT_HAD = (
    *("processing_kwargs", "processor_kwargs", "tokenizer_args", "config_kwargs", "config_args"),
    "tokenizer_name_or_path",
)
# Of the settings, what must be so where it is said at all.
_MUST_BE = {
    "transformer_task": "feature-extraction",
    "module_output_name": "token_embeddings",
}
_OF_TEXT = {"method": "forward", "method_output_name": "last_hidden_state"}
_TOKENIZER = "tokenizer_config.json"
_FULL = "tokenizer.json"
_KIND = "SentenceTransformer"
_NO_LIMIT = 1 << 31
# Of PROMPTS; the first is of the libraries that it was written with.
_KNOWN = (
    *("__version__", "model_type", "prompts", "default_prompt_name", "truncate_dim"),
    "similarity_fn_name",
)
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
    check_regular(path)
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


def read_sentences(folder: Path, positions: int) -> SentenceConfig:
    """How a text is read, of a folder with modules.json.

    Args:
      folder: with `modules.json`.
      positions: of the encoder, which no text is longer than.

    Raises:
      UserError: a file is damaged, or asks for what we do not have.
    """
    encoder = encoder_folder(folder)
    for path in (*(encoder / name for name in _SETTINGS), folder / PROMPTS):
        check_regular(path)
    names = [name for name in _SETTINGS if (encoder / name).is_file()]
    path = encoder / (names[0] if names else SENTENCES)
    settings = read_json_object(path) if names else {}
    _check_settings(settings, path)
    _check_side(encoder)
    values = read_json_object(folder / PROMPTS) if (folder / PROMPTS).is_file() else {}
    _check_known(values, folder / PROMPTS)
    prompts, default = _prompts(values)
    pooling = read_json_object(folder / _modules(folder / MODULES)[1][1] / FILE)
    length = settings.get("max_seq_length")
    try:
        said = SentenceConfig(
            max_length=_length_of_tokenizer(encoder) if length is None else length,
            lowercase=settings.get("do_lower_case") or False,
            prompts=prompts,
            default_prompt=default,
            include_prompt=pooling.get("include_prompt", True),
            truncate_dim=values.get("truncate_dim"),
            similarity=values.get("similarity_fn_name"),
        )
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error
    return limited(said, positions)


def limited(sentences: SentenceConfig, *lengths: int) -> SentenceConfig:
    """The same with a length, which is none of these lengths longer than."""
    said = [] if sentences.max_length is None else [sentences.max_length]
    return dataclasses.replace(sentences, max_length=min(*lengths, *said, _NO_LIMIT))


def _check_settings(settings: dict[str, Any], path: Path) -> None:
    """Raise `UserError` for a setting that could change a vector, and that we do not have."""
    for name in _NOT_HAD:
        if settings.get(name):
            raise UserError(f"{path}: {name} is given, which is not had here; take it out")
    for name, wanted in _MUST_BE.items():
        if settings.get(name, wanted) != wanted:
            raise UserError(
                f"{path}: {name} is {printable(repr(settings[name]))}; it must be {wanted}"
            )
    modalities = settings.get("modality_config") or {"text": _OF_TEXT}
    if not isinstance(modalities, dict) or modalities.get("text") != _OF_TEXT:
        raise UserError(
            f"{path}: modality_config says another thing of texts than that the last states of "
            "the encoder are pooled"
        )


def _check_side(folder: Path) -> None:
    """Raise `UserError` where a text that is too long would lose its beginning.

    It is `tokenizer_config.json` that says so, or else `tokenizer.json`.
    """
    path = folder / _TOKENIZER
    side = read_json_object(path).get("truncation_side") if path.is_file() else None
    if side is None and (folder / _FULL).is_file():
        path = folder / _FULL
        truncation = read_json(path).get("truncation")
        side = truncation.get("direction") if isinstance(truncation, dict) else None
    if side is not None and side not in ("right", "Right"):
        name = "truncation_side" if path.name == _TOKENIZER else "direction of its truncation"
        raise UserError(
            f"{path}: the {name} is {printable(repr(side))[:60]}, and texts are cut at their end "
            "alone here; take it out if none is too long"
        )


def _length_of_tokenizer(folder: Path) -> int | None:
    """What is taken where no length is said; who opens the tokeniser checks what it says."""
    path = folder / _TOKENIZER
    length = read_json_object(path).get("model_max_length") if path.is_file() else None
    # Hugging Face writes 1e30 for "no limit".
    if isinstance(length, int | float) and 2 <= length < _NO_LIMIT:
        return int(length)
    return None


def _check_known(values: dict[str, Any], path: Path) -> None:
    """Raise `UserError` for another kind of model, and for a key that could change a vector."""
    kind = values.get("model_type", _KIND)
    if kind != _KIND:
        raise UserError(f"{path} is of a {printable(str(kind))}; only a {_KIND} can be read")
    unknown = [name for name, value in values.items() if name not in _KNOWN and value is not None]
    if unknown:
        raise UserError(
            f"{path} has {printable(', '.join(unknown))}, which is not known and could change a "
            f"vector; take it out (known are {', '.join(_KNOWN)})"
        )


def _prompts(values: dict[str, Any]) -> tuple[dict[str, str], str | None]:
    """Prompts by name, and the name of the default one."""
    prompts, default = values.get("prompts") or {}, values.get("default_prompt_name")
    if isinstance(prompts, dict):
        prompts = {name: "" if text is None else text for name, text in prompts.items()}
        # These two are always there, and empty where nothing else is said.
        if default in ("query", "document"):
            prompts.setdefault(default, "")
    return prompts, default


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
        # A null byte is in no path, and neither is half of a surrogate pair.
        if not place.isprintable() or not (inside / place).resolve().is_relative_to(inside):
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
