"""Hugging Face's `config.json` <-> the shape of our models.

Three families are read: BERT, RoBERTa and DistilBERT. What a config asks for that our encoder does
not do is an error that names the field; nothing is left out silently that would change a number.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bert_jax.config import BertConfig
from bert_jax.convert.hf_classes import CLASS_TASKS, check_has_class, class_of, model_type_of
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.field_checks import shown
from bert_jax.head_config import HeadConfig
from data_pipeline.strict_json import parse_json

FILE = "config.json"
_PAIR_TASK = "pair_task"
# No model has more; a file that claims so would cost memory before its weights are looked at.
_LARGEST = {"num_hidden_layers": 1024, "vocab_size": 1 << 24, "hidden_size": 1 << 17}
_LARGEST_OF_OTHERS = 1 << 20
_MOST_LABELS = 1 << 16
_LARGEST_FILE = 10_000_000

# transformers' names of activations -> ours. All of the second kind are the tanh approximation.
_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_new",
    "gelu_pytorch_tanh": "gelu_new",
    "relu": "relu",
}
# What must have this value where it is said at all.
_MUST_BE: dict[str, Any] = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
    "quantization_config": None,
    "pruned_heads": {},
}
# Our field -> theirs, where it is another; sizes have no default, because one would be a guess.
_DISTILBERT_FIELDS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
}
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
      classifier_dropout: of what goes into the last layer, where it is said.
    """

    config: BertConfig
    model_type: str
    task: str | None
    labels: tuple[str, ...]
    problem_type: str
    classifier_dropout: float | None


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file that somebody else wrote.

    Raises:
      UserError: there is no such file, it is no JSON, or holds something else.
    """
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
    for name, wanted in _MUST_BE.items():
        if values.get(name, wanted) not in (wanted, None):
            raise UserError(
                f"{name} is {printable(repr(values[name]))}, which our encoder does not do; it "
                f"must be {wanted!r}"
            )
    named = _DISTILBERT_FIELDS if model_type == "distilbert" else {}
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
    if model_type == "distilbert":
        fields |= {"type_vocab_size": 0, "pooler_act": "relu"}
    labels, problem_type = _labels(values, task)
    dropout = values.get("seq_classif_dropout" if named else "classifier_dropout")
    if dropout is not None and type(dropout) not in (int, float):
        raise UserError(f"classifier_dropout is {printable(repr(dropout))}; it must be a number")
    config = BertConfig(**fields)
    return HuggingFaceConfig(config, model_type, task, labels, problem_type, dropout)


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
    named = _DISTILBERT_FIELDS if model_type == "distilbert" else {}
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
    if head.classifier_dropout is not None and (head.labels or head.task == "multiple_choice"):
        name = "seq_classif_dropout" if model_type == "distilbert" else "classifier_dropout"
        values[name] = head.classifier_dropout
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
    for ending, task in CLASS_TASKS.items():
        if name.endswith(ending):
            return name, task
    known = ", ".join(f"...{ending}" for ending in CLASS_TASKS)
    raise UserError(f"architectures names {printable(name)}, which is not known; known are {known}")


def _labels(values: Mapping[str, Any], task: str | None) -> tuple[tuple[str, ...], str]:
    """Names of the classes, and what they are; transformers leaves two unnamed ones out."""
    names, count = values.get("id2label"), values.get("num_labels", 2)
    if names is None:
        if type(count) is not int or not 1 <= count <= _MOST_LABELS:
            raise UserError(f"num_labels is {printable(repr(count))}; it must be at least 1")
        names = {str(i): f"LABEL_{i}" for i in range(count)}
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise UserError("id2label must be an object of ids and names")
    if set(names) != {str(i) for i in range(len(names))}:
        raise UserError(f"id2label must name the ids 0 to {len(names) - 1}, each once")
    labels = tuple(names[str(i)] for i in range(len(names)))
    problem_type = values.get("problem_type")
    if problem_type is None:
        # As transformers: one number is what a model with one label gives.
        problem_type = "regression" if len(labels) == 1 else "single_label_classification"
    if task == "sequence_classification":
        HeadConfig(task=task, labels=labels, problem_type=problem_type)
    return labels, problem_type
