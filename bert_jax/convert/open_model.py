"""From what a user calls a MODEL to the model: a run, a checkpoint, a folder, a name of the Hub."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bert_jax import models
from bert_jax.checkpoint import open_read_only
from bert_jax.config import BertConfig
from bert_jax.config_file import read_config_file, read_sentence_config
from bert_jax.convert import hub
from bert_jax.convert.finite import check_finite, count_not_finite
from bert_jax.convert.hf_config import FILE
from bert_jax.convert.layout import flatten
from bert_jax.convert.model import Kind, Model, Weights
from bert_jax.convert.read import GOOGLE_CONFIG, read_google, read_hugging_face
from bert_jax.convert.sentence_encoder import (
    MODULES,
    encoder_folder,
    limited,
    read_pooling,
    read_sentences,
)
from bert_jax.convert.stablehlo import PROGRAM
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig
from bert_jax.regular_files import check_regular
from data_pipeline.tokenization.files import says_max_length
from data_pipeline.tokenization.text_tokenizer import TextTokenizer
from data_pipeline.tokenization.tokenizer import load_tokenizer

CHECKPOINTS = "checkpoints"
TOKENIZER = "tokenizer"
# Only a run that was trained here has it.
_OPERATIVE = "operative.gin"
# A folder has a tokeniser if it has one of these.
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "sentencepiece.model", "vocab.json")
# What says more of it.
_BESIDE_A_TOKENIZER = (
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt"),
)


def open_model(
    source: str | Path,
    *,
    task: str | None = None,
    step: int | None = None,
    cased: bool | None = None,
    drop: Sequence[str] = (),
    new: Sequence[str] = (),
    with_tokenizer: bool = True,
    encoder_will_do: bool = False,
) -> Model:
    """Open a model; its weights are found and checked by name and shape, and not read yet.

    Args:
      source: the folder of a run or one of its `checkpoints/STEP`; a folder in Hugging Face's
        layout, or `hf:OWNER/NAME`; a checkpoint of google-research/bert, by its folder or prefix.
      task: of the head (`bert_jax.head_config.TASKS`); what the weights are of where not given.
      step: which checkpoint of a run; the newest where not given.
      cased: of a tokeniser that does not say it itself, a lone `vocab.txt`.
      drop: patterns of names of weights that are not to be taken over.
      new: patterns of names of weights that are not there and shall start at random.
      with_tokenizer: whether its tokeniser is opened as well, where there is one.
      encoder_will_do: whether a head that is none of ours is left, and is no error; as is a masked
        LM beside `modules.json`, which says how vectors are made of its encoder.

    Raises:
      UserError: there is no model, or it is not what it says it is.
    """
    path = hub.fetch(str(source)) if hub.is_hub_name(source) else Path(source).expanduser()
    kind, path, step = kind_of(path, step)
    if kind == "run":
        return _open_run(path, step, task, cased, drop, new, with_tokenizer)
    if step is not None:
        raise UserError(f"{source} has no checkpoint of step {step}: it is no run")
    folder = path if path.is_dir() else path.parent
    sentences = None
    if kind == "google":
        encoder = folder
        weights = read_google(path, task=task, drop=drop, new=new, encoder_will_do=encoder_will_do)
    else:
        encoder = encoder_folder(folder)
        weights = read_hugging_face(
            encoder,
            task=task,
            drop=drop,
            new=new,
            encoder_will_do=encoder_will_do,
            of_sentences=(folder / MODULES).is_file(),
        )
        if weights.head.task != "encoder" and (folder / MODULES).is_file():
            weights = weights._replace(
                notes=(*weights.notes, f"{MODULES} is not looked at: the model has a head")
            )
        elif pooling := read_pooling(folder):
            weights = weights._replace(head=dataclasses.replace(weights.head, **pooling._asdict()))
            sentences = read_sentences(folder, weights.config.max_length)
    tokenizer = _tokenizer_of(encoder, weights.config, cased) if with_tokenizer else None
    return Model(kind, path, weights, tokenizer, sentences=sentences)


def kind_of(path: Path, step: int | None) -> tuple[Kind, Path, int | None]:
    """What is there, its path, and the step where a run's checkpoint is named by its folder.

    Raises:
      UserError: it is no model.
    """
    folder = path if path.is_dir() else path.parent
    for part in (path, folder / FILE, folder / MODULES, folder / GOOGLE_CONFIG):
        check_regular(part)
    if path.is_dir() and path.name.isdecimal() and path.parent.name == CHECKPOINTS:
        return "run", path.parent.parent, int(path.name) if step is None else step
    if (path / CHECKPOINTS).is_dir() or (path / TOKENIZER).is_dir():
        return "run", path, step
    if (path / PROGRAM).is_file():
        raise UserError(
            f"{path} is a compiled program (bert-jax convert --to stablehlo), which is run with "
            "bert_jax.convert.stablehlo.read_stablehlo or jax.export; what it was made from is the "
            "MODEL to give here"
        )
    if (path / FILE).is_file() or (path / MODULES).is_file():
        return "hugging_face", path, step
    if (folder / GOOGLE_CONFIG).is_file():
        return "google", path, step
    if not path.exists() and not path.with_name(f"{path.name}.index").is_file():
        raise UserError(f"{path} is no model: there is no such folder")
    raise UserError(
        f"{path} is no model: it has no {FILE}, as a run and Hugging Face's layout, and no "
        f"{GOOGLE_CONFIG}, as Google's checkpoints"
    )


def _open_run(
    folder: Path,
    step: int | None,
    task: str | None,
    cased: bool | None,
    drop: Sequence[str],
    new: Sequence[str],
    with_tokenizer: bool,
) -> Model:
    for name in (FILE, TOKENIZER, CHECKPOINTS):
        if not (folder / name).exists():
            raise UserError(
                f"{folder} is no model: it has no {name}. Give the folder of a run, one with "
                "config.json, tokenizer/ and checkpoints/, or one in Hugging Face's layout"
            )
    config, head = read_config_file(folder / FILE)
    if new or (drop and task is None) or (task is not None and task != head.task):
        raise UserError(
            f"{folder} is a run, whose head is taken as it is; convert it first (--to hf), and "
            "take that with --head, --drop and --new"
        )
    tokenizer = None
    # What was converted without a tokeniser has an empty folder.
    if with_tokenizer and any((folder / TOKENIZER).iterdir()):
        check_regular_tokenizer(folder / TOKENIZER)
        tokenizer = load_tokenizer(folder / TOKENIZER, cased)
        # A model of another library may have spare rows; what was trained here has none.
        spare = 0 if (folder / _OPERATIVE).exists() else config.vocab_size
        if not 0 <= config.vocab_size - tokenizer.vocab_size <= spare:
            raise _do_not_belong(folder, config, tokenizer)
    sentences = None
    if head.pooling != "none":
        lengths = [config.max_length]
        sentences = read_sentence_config(folder / FILE)
        if sentences.max_length is None and tokenizer is not None:
            lengths.append(tokenizer.model_max_length)
        sentences = limited(sentences, *lengths)
    with open_read_only(folder / CHECKPOINTS) as checkpoints:
        found = checkpoints.latest if step is None else step
        if found is None:
            raise UserError(f"{folder} has no checkpoint yet")
        checkpoints.metadata(found)  # raises where there is none of that step
    return Model(
        "run",
        folder,
        Weights(config, head, lambda: _read_run(folder, config, head, found)),
        tokenizer,
        found,
        sentences,
    )


def _read_run(folder: Path, config: BertConfig, head: HeadConfig, step: int) -> Any:
    """The weights of a run, on one device."""
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    target = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here),
        models.abstract_params(config, head),
    )
    with open_read_only(folder / CHECKPOINTS) as checkpoints:
        params = checkpoints.restore_params(target, step)
    counts = {path: count_not_finite(np.asarray(x)) for path, x in flatten(params).items()}
    check_finite(f"{folder}, step {step}", counts)
    return params


def _tokenizer_of(folder: Path, config: BertConfig, cased: bool | None) -> TextTokenizer | None:
    check_regular_tokenizer(folder)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return None
    tokenizer = load_tokenizer(folder, cased)
    if not says_max_length(folder):
        tokenizer = tokenizer.with_max_length(config.max_length)
    # A word table may have more rows than there are tokens, as those that were padded have.
    if tokenizer.vocab_size > config.vocab_size:
        raise _do_not_belong(folder, config, tokenizer)
    if config.position_offset and tokenizer.pad_id != config.position_offset - 1:
        raise UserError(
            f"{folder}: pad_token_id is {config.position_offset - 1} in {FILE}, and the tokeniser "
            f"pads with {tokenizer.pad_id}; transformers' roberta numbers positions by that id, "
            "wherever it stands in a text: say which of the two is right"
        )
    return tokenizer


def check_regular_tokenizer(folder: Path) -> None:
    """Raise `UserError` where one of its files is there and is none: it would count as missing."""
    for name in (*TOKENIZER_FILES, *_BESIDE_A_TOKENIZER):
        check_regular(folder / name)


def _do_not_belong(folder: Path, config: BertConfig, tokenizer: TextTokenizer) -> UserError:
    return UserError(
        f"{folder}: the tokeniser has {tokenizer.vocab_size} tokens and the model "
        f"{config.vocab_size} (vocab_size of config.json); they do not belong together"
    )
