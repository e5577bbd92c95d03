"""What a model is that others made, or a part of ours: for `bert-jax inspect`.

Unlike whoever opens a model to use it, this stops at nothing that is wrong with it: what is known
is shown, and what is wrong beside it.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bert_jax.config import BertConfig
from bert_jax.convert import hub
from bert_jax.convert.canonical import check_tied
from bert_jax.convert.hf_config import FILE, read_config
from bert_jax.convert.known_facts import card_facts
from bert_jax.convert.layout import BY_WORD, flatten, meant_shapes
from bert_jax.convert.model_card import CARD
from bert_jax.convert.names import GOOGLE, STACKED
from bert_jax.convert.open_model import TOKENIZER_FILES, check_regular_tokenizer, kind_of
from bert_jax.convert.open_tensors import open_tensors
from bert_jax.convert.read import Found, find_weights, read_google_config
from bert_jax.convert.sentence_encoder import (
    MODULES,
    encoder_folder,
    read_pooling,
    read_sentences,
)
from bert_jax.convert.tensor_numbers import numbers_of
from bert_jax.convert.tensors import NOT_NUMBERS, TensorFile, printable
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.sentence_config import SentenceConfig
from data_pipeline.errors import DataError
from data_pipeline.tokenization.read_files import read_vocab
from data_pipeline.tokenization.sentencepiece_tokenizer import SentencePieceTokenizer
from data_pipeline.tokenization.text_tokenizer import ROLES, SPECIALS, TextTokenizer
from data_pipeline.tokenization.tokenizer import load_tokenizer

T = TypeVar("T")
# The first that fits a path of ours is the part that a weight belongs to.
_PARTS = (
    ("embeddings", "bert/embeddings/"),
    ("encoder", "bert/encoder/"),
    ("pooler", "bert/pooler/"),
    ("head", ""),
)
_STEP_COUNTER = "global_step"


def model_facts(source: str | Path, *, weights: bool = False) -> dict[str, Any]:
    """Facts of a model that is no run.

    Args:
      source: a folder in Hugging Face's layout, `hf:OWNER/NAME`, or a checkpoint of
        google-research/bert.
      weights: whether every tensor is read, one at a time, and measured.

    Returns:
      `kind model path layout model_type named_task head config parameters parameters_by_part
      parameters_without_embeddings weights left tokenizer sentences known difference problems
      opens`, and `tensors` with `weights`. None stands for what cannot be said.

    Raises:
      UserError: there is no model, or neither its config nor its weights can be read.
    """
    path = hub.fetch(str(source)) if hub.is_hub_name(source) else Path(source).expanduser()
    layout, path, _ = kind_of(path, None)
    folder = path if path.is_dir() else path.parent
    problems: list[str] = []

    def known(read: Callable[[], T]) -> T | None:
        """What can be read, or None and why not."""
        try:
            return read()
        except (UserError, DataError) as error:
            problems.append(str(error))
            return None

    google = layout == "google"
    encoder = folder if google else known(partial(encoder_folder, folder)) or folder
    config_of = (
        partial(read_google_config, path) if google else partial(read_config, encoder / FILE)
    )
    said, file = known(config_of), known(partial(open_tensors, path if google else encoder))
    if said is None and file is None:
        raise UserError("; ".join(problems))
    found: Found | None = None
    if said is not None and file is not None:
        found = known(partial(find_weights, file, said, GOOGLE if google else None))
        if found and found.not_ours:
            problems.append(found.not_ours)
    config = found.config if found else said.config if said else None
    head = found.head if found else None
    if head is not None and head.task == "encoder":
        pooling = known(partial(read_pooling, folder))
        head = dataclasses.replace(head, **pooling._asdict()) if pooling else head
    facts: dict[str, Any] = {
        "kind": "model",
        "model": str(source),
        "path": str(path),
        "layout": layout,
        "model_type": said.model_type if said else None,
        "named_task": said.task if said else None,
        "head": head and head_facts(head),
        "config": config and vars(config),
        **count_facts(config, head),
        "weights": file and _file_facts(file, found),
        "left": found.names.left if found else {},
        "tokenizer": known(partial(_tokenizer_in, encoder)),
        "sentences": config and head and known(partial(_sentences, folder, config, head)),
        "known": known(partial(_known, folder, file)) or {},
        "difference": _difference(found),
    }
    known(partial(check_regular_tokenizer, encoder))
    tokens = facts["tokenizer"]["vocab_size"] if facts["tokenizer"] else 0
    if config is not None and tokens > config.vocab_size:
        problems.append(
            f"the tokeniser has {tokens:,} tokens and the model {config.vocab_size:,} "
            "(vocab_size); they do not belong together"
        )
    if weights and file is not None:
        facts["tensors"] = [
            known(partial(_tensor_of, file, name)) or {**_info(file, name), "dtype": None}
            for name in file.tensors()
        ]
        if found is not None:
            known(partial(check_tied, found.names, file.read))
    facts["problems"] = problems
    facts["opens"] = not problems and not any(facts["difference"].values())
    return facts


def sentence_facts(head: HeadConfig, sentences: SentenceConfig) -> dict[str, Any]:
    """How an encoder makes vectors of sentences: pooling, normalising, and all of `sentences`."""
    return {
        "pooling": head.pooling,
        "normalize": head.normalize,
        **dataclasses.asdict(sentences),
    }


def head_facts(head: HeadConfig) -> dict[str, Any]:
    """All its fields, as JSON has them."""
    return {**dataclasses.asdict(head), "labels": list(head.labels)}


def count_facts(config: BertConfig | None, head: HeadConfig | None) -> dict[str, Any]:
    """How many weights a model has, in all and by part, without the rows that pad its words."""
    names = ("parameters", "parameters_by_part", "parameters_without_embeddings")
    if config is None or head is None:
        return dict.fromkeys(names)
    parts: Counter[str] = Counter()
    for path, shape in meant_shapes(config, head).items():
        part = next(part for part, beginning in _PARTS if path.startswith(beginning))
        parts[part] += math.prod(shape)
    total = parts.total()
    return dict(zip(names, (total, dict(parts), total - parts["embeddings"]), strict=True))


def tokenizer_facts(tokenizer: TextTokenizer) -> dict[str, Any]:
    """Its kind, size, case and special tokens."""
    ids = ("pad_id", "unk_id", "cls_id", "sep_id", "mask_id")
    facts: dict[str, Any] = {"kind": tokenizer.kind}
    if isinstance(tokenizer, SentencePieceTokenizer):
        facts["model_type"] = tokenizer.model_type
    return facts | {
        "vocab_size": tokenizer.vocab_size,
        "cased": tokenizer.cased,
        "model_max_length": tokenizer.model_max_length,
        "fingerprint": tokenizer.fingerprint,
        "special_tokens": {
            role: {"token": token, "id": getattr(tokenizer, name)}
            for role, token, name in zip(ROLES, tokenizer.special_tokens, ids, strict=True)
        },
    }


def run_tensors(params: Any, config: BertConfig) -> list[dict[str, Any]]:
    """The table of a run's weights, layer by layer, without the rows that pad its words."""
    found: list[dict[str, Any]] = []
    for name, leaf in flatten(params).items():
        array = np.asarray(leaf)
        if name.startswith(STACKED):
            beginning, end = STACKED.rstrip("/"), name.removeprefix(STACKED)
            # One by one: a layer that is dead would not be seen among others.
            found += [_tensor(f"{beginning}[{i}]/{end}", layer) for i, layer in enumerate(array)]
        else:
            found.append(_tensor(name, array[: config.vocab_size] if name in BY_WORD else array))
    return found


def _file_facts(file: TensorFile, found: Found | None) -> dict[str, Any]:
    tensors = file.tensors()
    if found is not None:
        left = {name for names in found.names.left.values() for name in names}
        tensors = {name: info for name, info in tensors.items() if name not in left}
    numbers: Counter[str] = Counter()
    for info in tensors.values():
        kind = "no numbers" if info.dtype == NOT_NUMBERS else info.dtype.name
        numbers[kind] += math.prod(info.shape)
    return {
        "tensors": len(tensors),
        "numbers": dict(numbers),
        "files": {path.name: path.stat().st_size for path in file.paths},
    }


def _tokenizer_in(folder: Path) -> dict[str, Any] | None:
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return None
    try:
        return {**tokenizer_facts(load_tokenizer(folder)), "says_its_case": True}
    except DataError as error:
        path = folder / "vocab.txt"
        if not path.is_file():
            raise
        # A lone vocabulary does not say its case: one that has capitals needs them.
        capitals = any(t != t.lower() for t in read_vocab(path) if t not in SPECIALS)
        try:
            tokenizer = load_tokenizer(folder, capitals)
        except DataError:
            raise error from None
    return {**tokenizer_facts(tokenizer), "says_its_case": False}


def _sentences(folder: Path, config: BertConfig, head: HeadConfig) -> dict[str, Any] | None:
    """How an encoder of sentences makes vectors of them; None of other models."""
    if head.pooling == "none" or not (folder / MODULES).is_file():
        return None
    return sentence_facts(head, read_sentences(folder, config.max_length))


def _known(folder: Path, file: TensorFile | None) -> dict[str, Any]:
    """What a model's card and a counter in its checkpoint say of its training."""
    card = card_facts(folder / CARD)
    facts: dict[str, Any] = {
        "license": card.license,
        "languages": list(card.languages),
        "datasets": list(card.datasets),
        "results": [result._asdict() for result in card.results],
    }
    counter = file.tensors().get(_STEP_COUNTER) if file is not None else None
    if file is not None and counter and counter.shape == () and counter.dtype.kind == "i":
        facts["steps"] = int(file.read(_STEP_COUNTER))
    return {name: value for name, value in facts.items() if value not in (None, [])}


def _difference(found: Found | None) -> dict[str, Any]:
    if found is None:
        return {}
    missing, unexpected, misshapen, unfit, _ = found.difference
    return {
        "missing": list(missing),
        "unexpected": [found.names.original[name] for name in unexpected],
        "misshapen": {name: [list(a), list(b)] for name, (a, b) in misshapen.items()},
        "unfit": unfit,
    }


def _info(file: TensorFile, name: str) -> dict[str, Any]:
    return {"name": printable(name), "shape": list(file.tensors()[name].shape)}


def _tensor_of(file: TensorFile, name: str) -> dict[str, Any]:
    if file.tensors()[name].dtype == NOT_NUMBERS:
        return {**_info(file, name), "dtype": None}
    return _tensor(printable(name), file.read(name))


def _tensor(name: str, array: Any) -> dict[str, Any]:
    array = np.asarray(array)
    facts = {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
    return {**facts, **numbers_of(array)._asdict()}
