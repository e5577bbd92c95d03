"""Registers the config classes with gin: the one file that does, so that they stay ordinary.

`gin.register` leaves the classes as they are: only `build` below applies bindings, and what it
returns is a plain instance that remembers nothing of gin.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import gin

from bert_jax.config import (
    BertConfig,
    ComputeConfig,
    MeshConfig,
    OptimizerConfig,
    TrainConfig,
)
from bert_jax.errors import UserError
from bert_jax.field_checks import check_types
from bert_jax.recipes.data_config import DataConfig
from bert_jax.recipes.length_schedule import LengthSchedule
from data_pipeline.objective import PretrainingObjective

CONFIGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        TrainConfig,
        OptimizerConfig,
        BertConfig,
        PretrainingObjective,
        LengthSchedule,
        DataConfig,
        ComputeConfig,
        MeshConfig,
    )
}

# Fields that no experiment sets, each with the reason.
DENIED = {
    "BertConfig": {
        "vocab_size": "it is the size of the token store's vocabulary",
        "pair_task": "it is that of PretrainingObjective.pairs",
    }
}

# What each kind of experiment builds: the fields of an `Experiment`, and their classes.
KINDS: dict[str, dict[str, str]] = {
    "pretrain": {
        "train": "TrainConfig",
        "optimizer": "OptimizerConfig",
        "model": "BertConfig",
        "objective": "PretrainingObjective",
        "length_schedule": "LengthSchedule",
        "data": "DataConfig",
        "compute": "ComputeConfig",
        "mesh": "MeshConfig",
    },
}

for _name, _cls in CONFIGS.items():
    gin.register(_cls, module="bert_jax", denylist=list(DENIED.get(_name, ())))


def settable_fields(class_name: str) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a config class that an experiment can set, in their order."""
    denied = DENIED.get(class_name, {})
    return tuple(f for f in dataclasses.fields(CONFIGS[class_name]) if f.name not in denied)


def build(class_names: Iterable[str], bindings: str) -> dict[str, Any]:
    """One instance of each class, with bindings (gin's syntax) applied to those that have some.

    gin's state is global; it is empty before and after, so that nothing leaks from one experiment
    into the next. The names in the bindings must be right already (`checks.py`).

    Raises:
      UserError: a class refuses its values. The message is the class's own, with its name.
    """
    gin.clear_config()
    try:
        gin.parse_config(bindings)
        return {name: _build_one(name) for name in class_names}
    finally:
        gin.clear_config()


def _build_one(class_name: str) -> Any:
    try:
        config = gin.get_configurable(f"bert_jax.{class_name}")()
        check_types(config)
    except ValueError as error:
        # gin raises a copy with more lines of text; the original hangs behind it.
        message = str(error.__context__ or error)
        named = message if class_name in message else f"{class_name}: {message}"
        raise UserError(named) from error
    return config
