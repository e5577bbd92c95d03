"""The nearest right name."""

from bert_jax.suggest import did_you_mean, nearest


def test_the_nearest_name_is_found_whatever_its_capitals() -> None:
    names = ["TrainConfig", "OptimizerConfig"]
    assert nearest("trianconfig", names) == "TrainConfig"
    assert did_you_mean("TRAINCONFIG", names) == "; did you mean TrainConfig?"


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert nearest("zzz", ["TrainConfig"]) is None
    assert did_you_mean("zzz", ["TrainConfig"]) == ""
    assert did_you_mean("", []) == ""
