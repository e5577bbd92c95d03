"""Hugging Face's `config.json` <-> the shape of our models.

Three families are read: BERT, RoBERTa and DistilBERT. What a config asks for that our encoder does
not do is an error that names the field; nothing is left out silently that would change a number.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bert_jax.config import BertConfig
from bert_jax.convert.hf_classes import (
    DROPPING_OUT,
    READ_TASKS,
    check_has_class,
    class_of,
    model_type_of,
)
from bert_jax.convert.hf_fields import (
    DISTILBERT_FIELDS,
    classifier_dropout,
    labels_of,
    without_aliases,
)
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.field_checks import shown
from bert_jax.head_config import HeadConfig
from bert_jax.regular_files import check_regular
from data_pipeline.strict_json import parse_json

FILE = "config.json"
_PAIR_TASK = "pair_task"
# No model has more; a file that claims so would cost memory before its weights are looked at.
_LARGEST = {"num_hidden_layers": 1024, "vocab_size": 1 << 24, "hidden_size": 1 << 17}
_LARGEST_OF_OTHERS = 1 << 20
_LARGEST_FILE = 10_000_000

# transformers' names of activations -> ours. All of the second kind are the tanh approximation.
_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "gelu_fast": "gelu_new",
    "gelu_accurate": "gelu_new",
    "gelu_python_tanh": "gelu_new",
    "relu": "relu",
}
# What must have this value where it is said at all, and what another one would be.
_MUST_BE: dict[str, tuple[Any, str]] = {
    "position_embedding_type": ("absolute", "positions that our encoder does not have"),
    "is_decoder": (False, "causal attention in transformers, and our encoder looks both ways"),
    "add_cross_attention": (False, "layers that our encoder does not have"),
    "quantization_config": (None, "weights of a kind that is not read"),
    "pruned_heads": ({}, "layers of different widths, which our encoder does not have"),
}
# transformers' DistilBERT computes with it whatever its config says (`modeling_distilbert.py`).
_DISTILBERT_EPS = 1e-12
_SIZES = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"),
    *("intermediate_size", "max_position_embeddings"),
)
_OTHERS = (
    *("hidden_act", "hidden_dropout_prob", "attention_probs_dropout_prob", "type_vocab_size"),
    *("initializer_range", "layer_norm_eps"),
)


class HuggingFaceConfig(NamedTuple):
    """What a `config.json` says of a model.

    Attributes:
      config: the encoder; its `pair_task` says what pairs it was pretrained with only where the
        class named is one that has a head for them.
      model_type: bert, roberta or distilbert.
      task: of the class named in `architectures`; None where none is.
      labels: names of the classes, where there are any.
      problem_type: of sequence classification.
      classifier_dropout: task -> of what goes into the last layer, where the class named heeds it.
      tied: whether the masked LM head has the word table as its last layer.
      notes: lines for a person on what is said and not obeyed, because transformers does not.
    """

    config: BertConfig
    model_type: str
    task: str | None
    labels: tuple[str, ...]
    problem_type: str
    classifier_dropout: Mapping[str, float]
    tied: bool
    notes: tuple[str, ...]


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file that somebody else wrote.

    Raises:
      UserError: there is no such file, it is no JSON, or holds something else.
    """
    check_regular(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise UserError(
                f"{path} has {path.stat().st_size:,} bytes; a config has a few thousand"
            )
        found = parse_json(path.read_bytes())
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {printable(str(error))}") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds {type(found).__name__}, it must hold a JSON object")
    return found


def read_config(path: Path) -> HuggingFaceConfig:
    """Read the `config.json` of a folder in Hugging Face's layout.

    Raises:
      UserError: it is missing or damaged, of another kind of model, lacks a size, or holds a value
        that is out of range or that our encoder does not do.
    """
    values = read_json_object(path)
    try:
        return parse_config(values)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def parse_config(values: Mapping[str, Any]) -> HuggingFaceConfig:
    """What the object in a `config.json` says; `UserError` as `read_config`."""
    model_type = values.get("model_type", "bert")
    if model_type not in ("bert", "roberta", "distilbert"):
        raise UserError(
            f"model_type is {printable(repr(model_type))}; only bert, roberta and distilbert can "
            "be read"
        )
    for name, (wanted, why) in _MUST_BE.items():
        if values.get(name, wanted) not in (wanted, None):
            raise UserError(
                f"{name} is {printable(repr(values[name]))}: {why}; it must be {wanted!r}"
            )
    named: Mapping[str, str] = {}
    if model_type == "distilbert":
        named, values = DISTILBERT_FIELDS, without_aliases(values)
    fields: dict[str, Any] = {
        name: value
        for name in (*_SIZES, *_OTHERS)
        if (value := values.get(named.get(name, name))) is not None
    }
    missing = [named.get(name, name) for name in _SIZES if name not in fields]
    if missing:
        raise UserError(f"it does not say {' and '.join(missing)}")
    _check_not_huge(fields, named)
    if "hidden_act" in fields:
        act = fields["hidden_act"]
        if not isinstance(act, str) or act not in _ACTIVATIONS:
            raise UserError(
                f"{named.get('hidden_act', 'hidden_act')} is {printable(repr(act))}; known are "
                f"{', '.join(_ACTIVATIONS)}"
            )
        fields["hidden_act"] = _ACTIVATIONS[act]
    architecture, task = _architecture(values)
    fields["pair_task"] = "none"
    if architecture == "BertForPreTraining":
        fields["pair_task"] = values.get(_PAIR_TASK, "next_sentence")
    if model_type == "roberta":
        padding = values.get("pad_token_id", 1)
        if type(padding) is not int or not 0 <= padding < 1 << 24:
            raise UserError(f"pad_token_id is {printable(repr(padding))}; it must be an id")
        fields["position_offset"] = padding + 1
    notes: tuple[str, ...] = ()
    if model_type == "distilbert":
        said = fields.get("layer_norm_eps", _DISTILBERT_EPS)
        if said != _DISTILBERT_EPS:
            notes = (
                f"layer_norm_eps {printable(repr(said))} of {FILE} is not obeyed: transformers' "
                f"distilbert always computes with {_DISTILBERT_EPS}, and so do we",
            )
        fields |= {
            "type_vocab_size": 0,
            "pooler_act": "relu",
            "layer_norm_eps": _DISTILBERT_EPS,
        }
    labels, problem_type = labels_of(values, task)
    tied = values.get("tie_word_embeddings")
    if tied is not None and type(tied) is not bool:
        raise UserError(f"tie_word_embeddings is {printable(repr(tied))}; it must be true or false")
    return HuggingFaceConfig(
        BertConfig(**fields),
        model_type,
        task,
        labels,
        problem_type,
        classifier_dropout(values, model_type),
        tied is not False,
        notes,
    )


def to_hugging_face(config: BertConfig, head: HeadConfig, dtype: str) -> dict[str, Any]:
    """The object of a `config.json` that transformers opens as the same model.

    Args:
      config: of the encoder.
      head: on it.
      dtype: of the weights written.

    Raises:
      UserError: no class of transformers is such a model.
    """
    model_type = model_type_of(config)
    named = DISTILBERT_FIELDS if model_type == "distilbert" else {}
    check_has_class(config, head)
    values: dict[str, Any] = {
        "architectures": [class_of(config, head)],
        "model_type": model_type,
    }
    for name in (*_SIZES, *_OTHERS):
        if name in ("type_vocab_size", "layer_norm_eps") and model_type == "distilbert":
            continue
        values[named.get(name, name)] = getattr(config, name)
    values["position_embedding_type"] = "absolute"
    if model_type == "roberta":
        values["pad_token_id"] = config.position_offset - 1
    if head.labels:
        values["id2label"] = {str(i): label for i, label in enumerate(head.labels)}
        values["label2id"] = {label: i for i, label in enumerate(head.labels)}
    if head.task == "sequence_classification":
        values["problem_type"] = head.problem_type
    if head.task == "pretraining" and config.pair_task not in ("none", "next_sentence"):
        # Not a field of theirs: their class for pairs means next sentences.
        values[_PAIR_TASK] = config.pair_task
    if head.task in DROPPING_OUT[model_type]:
        dropout = head.classifier_dropout
        if model_type == "distilbert":
            # Nothing said would be another value there.
            values["seq_classif_dropout"] = (
                config.hidden_dropout_prob if dropout is None else dropout
            )
        elif dropout is not None:
            values["classifier_dropout"] = dropout
    return {**values, "dtype": dtype, "torch_dtype": dtype}


def _check_not_huge(fields: Mapping[str, Any], named: Mapping[str, str]) -> None:
    """`BertConfig` checks types and lower limits."""
    for name in (*_SIZES, "type_vocab_size"):
        value, largest = fields.get(name), _LARGEST.get(name, _LARGEST_OF_OTHERS)
        if type(value) is int and value > largest:
            raise UserError(
                f"{named.get(name, name)} is {shown(value)}; no model has more than {largest}"
            )


def _architecture(values: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The class named first, and its task."""
    found = values.get("architectures")
    if not found:
        return None, None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise UserError(f"architectures is {printable(repr(found))}; it must be a list of names")
    name = found[0]
    for ending, task in READ_TASKS.items():
        if name.endswith(ending):
            return name, task
    known = ", ".join(f"...{ending}" for ending in READ_TASKS)
    raise UserError(f"architectures names {printable(name)}, which is not known; known are {known}")
