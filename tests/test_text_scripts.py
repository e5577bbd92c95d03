"""The share of letters in a script."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline.errors import DataError
from data_pipeline.text.scripts import check_scripts, script_share


@pytest.mark.parametrize(
    ("text", "scripts", "share"),
    [
        ("Hello", ("Latin",), 1.0),
        ("Hello", ("Greek",), 0.0),
        ("abc где", ("Latin",), 0.5),
        ("abc где", ("Latin", "Cyrillic"), 1.0),
        ("123 !? 45", ("Latin",), 0.0),
        ("", ("Latin",), 0.0),
        ("ab 1234567890 !!!", ("Latin",), 1.0),
        ("東京タワー", ("Han", "Katakana"), 1.0),
        ("東京タワー", ("Han",), 0.5),
        ("𐌰𐌱ab", ("Gothic",), 0.5),
        ("हिन्दी", ("Devanagari",), 1.0),
    ],
)
def test_letters_alone_count(text: str, scripts: tuple[str, ...], share: float) -> None:
    assert script_share(text, scripts) == share


@settings(deadline=None)
@given(st.text(), st.text())
def test_the_order_of_characters_does_not_matter(one: str, two: str) -> None:
    assert script_share(one + two, ("Latin",)) == script_share(two + one, ("Latin",))


@pytest.mark.parametrize(
    ("scripts", "message"),
    [
        (("Latin", "Latin"), "twice"),
        (("latin",), "did you mean Latin"),
        (("Cyrilic",), "did you mean Cyrillic"),
        (("?",), "Latin is one"),
        (("Common",), "no script 'Common'"),
        ("Latin", "must be a tuple"),
        (["Latin"], "must be a tuple"),
        ((1,), "must be a tuple"),
    ],
)
def test_a_script_that_there_is_not_is_refused(scripts: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_scripts(scripts)
