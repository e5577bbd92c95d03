import pytest

from data_pipeline.strict_json import parse_json


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, b"\xff", "9" * 5000])
def test_whatever_is_wrong_is_a_value_error(text: str | bytes) -> None:
    assert parse_json('{"a": [1]}') == {"a": [1]}
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)
