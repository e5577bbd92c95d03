"""Values from the command line."""

import warnings

import pytest

from bert_jax.errors import UserError
from bert_jax.recipes.overrides import Macro, Override, with_data


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("A.x=1", "A.x", 1),
        ("A.long-name=1_000", "A.long_name", 1000),
        ("A.x=1e-4", "A.x", 1e-4),
        ("A.x=-3", "A.x", -3),
        ("A.x=adamw", "A.x", "adamw"),
        ("A.x='adamw'", "A.x", "adamw"),
        ("A.x=runs/a b=c", "A.x", "runs/a b=c"),
        ("A.x=", "A.x", ""),
        ("A.x=None", "A.x", None),
        ("A.x=none", "A.x", "none"),
        ("A.x=True", "A.x", True),
        ("A.x=%M", "A.x", Macro("M")),
        ("A.x=50%", "A.x", "50%"),
        ("A.x=\\d", "A.x", "\\d"),
        ("A.x=1else", "A.x", "1else"),
        ("M=3", "M", 3),
    ],
)
def test_values_on_the_command_line_need_no_inner_quotes(
    text: str, name: str, value: object
) -> None:
    override = Override.parse(text)
    assert (override.name, override.value) == (name, value)
    assert type(override.value) is type(value)
    assert override.flag == f"--gin.{text}"


@pytest.mark.parametrize("text", ["A.x", "=3", "A..x=3", "A x=3", "3=3", ""])
def test_a_binding_without_name_or_value_is_an_error(text: str) -> None:
    with pytest.raises(UserError, match=r"must be --gin\.NAME=VALUE"):
        Override.parse(text)


@pytest.mark.parametrize("value", [r"'\d'", "1else", "0x1for"])
def test_a_value_that_python_would_warn_of_is_taken_in_silence(value: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert isinstance(Override.parse(f"A.x={value}").value, str)
    assert seen == []


def test_a_store_takes_the_place_of_the_data_of_a_file_and_not_of_weights_given_beside_it() -> None:
    weights = Override.parse("DataConfig.weights=1,2")
    values = [(o.name, o.value) for o in with_data([weights], ["a"]) if isinstance(o, Override)]
    assert dict(values)["DataConfig.store"] == "a"
    # A later one wins: the file's weights are gone, and what was typed stands, to be an error.
    assert values.index(("DataConfig.weights", ())) < values.index(("DataConfig.weights", (1, 2)))
    with pytest.raises(UserError, match="--data names no token store"):
        with_data([], [])
