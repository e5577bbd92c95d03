"""Fields of Hugging Face's `config.json` that are more than a number of the encoder.

What transformers reads of them, and what it takes where they are not said, its classes decide
(`configuration_distilbert.py`, `modeling_bert.py` and their like).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bert_jax.convert.hf_classes import DROPPING_OUT
from bert_jax.convert.tensors import printable
from bert_jax.errors import UserError
from bert_jax.head_config import HeadConfig

_MOST_LABELS = 1 << 16
_WITH_LABELS = (None, "sequence_classification", "token_classification")
# Our field -> theirs, where it is another; sizes have no default, because one would be a guess.
DISTILBERT_FIELDS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
}
# Other names that transformers' DistilBERT takes for its own (`attribute_map`).
_DISTILBERT_ALIASES = ("hidden_size", "num_hidden_layers", "num_attention_heads")
# Of a sequence's head or a choice's there, where nothing is said (`DistilBertConfig`).
_DISTILBERT_DROPOUT = 0.2


def without_aliases(values: Mapping[str, Any]) -> dict[str, Any]:
    """A config of DistilBERT under its own names alone, whichever of both it has."""
    found = dict(values)
    for alias in _DISTILBERT_ALIASES:
        name, other = DISTILBERT_FIELDS[alias], found.pop(alias, None)
        if other is not None and found.setdefault(name, other) != other:
            raise UserError(
                f"{name} is {printable(repr(found[name]))} and {alias}, another name of it, is "
                f"{printable(repr(other))}; remove one"
            )
    return found


def classifier_dropout(values: Mapping[str, Any], model_type: str) -> dict[str, float]:
    """Task -> dropout of its last layer, as the classes of a family heed what is said."""
    name = "seq_classif_dropout" if model_type == "distilbert" else "classifier_dropout"
    said = values.get(name)
    if said is not None and type(said) not in (int, float):
        raise UserError(f"{name} is {printable(repr(said))}; it must be a number")
    if said is None and model_type == "distilbert":
        said = _DISTILBERT_DROPOUT
    return {} if said is None else dict.fromkeys(DROPPING_OUT[model_type], said)


def labels_of(values: Mapping[str, Any], task: str | None) -> tuple[tuple[str, ...], str]:
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


def notes_on_labels(labels: tuple[str, ...], task: str | None) -> tuple[str, ...]:
    """A line for a person where two classes have one name; `task` is None where no class is named.

    transformers opens such a model, and its `label2id` has the last of the ids.
    """
    if len(set(labels)) == len(labels) or task not in _WITH_LABELS:
        return ()
    [(name, _)] = Counter(labels).most_common(1)
    ids = [str(i) for i, label in enumerate(labels) if label == name]
    listed = ", ".join(ids[:4]) + (", ..." if len(ids) > 4 else "")
    return (
        f"id2label has {printable(repr(name))} for the ids {listed}: what is answered, and "
        "label2id, cannot tell these classes apart",
    )
