"""gin builds the configs, and nothing of it stays behind."""

import dataclasses

import gin
import pytest

from bert_jax.config import TrainConfig
from bert_jax.errors import UserError
from bert_jax.recipes.bindings import CONFIGS, DENIED, KINDS, build, settable_fields


def test_what_is_built_is_the_plain_class() -> None:
    built = build(["TrainConfig"], "TrainConfig.num_steps = 7")["TrainConfig"]
    assert type(built) is TrainConfig
    assert built == TrainConfig(num_steps=7)


def test_calling_a_class_oneself_never_applies_bindings() -> None:
    gin.parse_config("TrainConfig.num_steps = 7")
    try:
        assert TrainConfig().num_steps == 1_000_000
    finally:
        gin.clear_config()


def test_one_build_leaves_nothing_for_the_next() -> None:
    build(["TrainConfig"], "STEPS = 7\nTrainConfig.num_steps = %STEPS")
    assert gin.config_str().strip() == ""
    assert build(["TrainConfig"], "")["TrainConfig"] == TrainConfig()


def test_a_failed_build_leaves_nothing_either() -> None:
    with pytest.raises(UserError):
        build(["TrainConfig"], "TrainConfig.num_steps = 'x'")
    assert gin.config_str().strip() == ""
    assert build(["TrainConfig"], "")["TrainConfig"] == TrainConfig()


def test_what_stood_in_gin_before_does_not_count() -> None:
    gin.parse_config("TrainConfig.num_steps = 7")
    assert build(["TrainConfig"], "")["TrainConfig"] == TrainConfig()


def test_a_refused_value_keeps_the_classs_own_message() -> None:
    with pytest.raises(UserError) as caught:
        build(["TrainConfig"], "TrainConfig.num_steps = 0")
    assert str(caught.value) == "TrainConfig.num_steps is 0, it must be at least 1"
    with pytest.raises(UserError, match=r"^PretrainingObjective: max_predictions"):
        build(["PretrainingObjective"], "PretrainingObjective.max_predictions = 0")


def test_every_kind_of_experiment_builds_registered_classes() -> None:
    for fields in KINDS.values():
        assert set(fields.values()) <= set(CONFIGS)


def test_every_field_of_a_config_has_a_default_and_is_settable_or_denied() -> None:
    for name, cls in CONFIGS.items():
        assert all(f.default is not dataclasses.MISSING for f in dataclasses.fields(cls))
        names = {field.name for field in settable_fields(name)} | set(DENIED.get(name, ()))
        assert names == {field.name for field in dataclasses.fields(cls)}
