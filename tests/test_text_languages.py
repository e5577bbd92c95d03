import re

import pytest
from sentencex import segment

from data_pipeline.errors import DataError
from data_pipeline.text.languages import LANGUAGES, check_language

# A text of each language whose rules are not those of English, cut otherwise by these.
OWN = {
    "de": "Das kam ca. Ende Mai, bzw. Anfang Juni.",
    "fr": "Il y a M. Dupont. Mme. Petit est là, cf. Paris.",
    "ru": "В 1799 г. Москва. И т. д. Всё.",
    "pl": "To np. Kraków. Prof. Nowak, ul. Długa.",
}
# What stands for their relatives.
RELATIVES = {
    "de": "als bar de-at de-ch dsb frr gsw hsb ksh lb nds pdc stq vmf",
    "fr": "bm frp gcr ht kab ln mg pcd wa wo",
    "ru": "ab av ba ce cv kv mhr myv os sah tt tyv udm xal",
    "pl": "csb szl",
}


@pytest.mark.parametrize("language", OWN)
def test_relatives_of_a_language_are_known_and_read_with_its_rules(language: str) -> None:
    cut = segment(language, OWN[language])
    assert cut != segment("en", OWN[language])
    for relative in RELATIVES[language].split():
        check_language(relative)
        assert segment(relative, OWN[language]) == cut, relative


@pytest.mark.parametrize("code", "en de th sw km bo vi tr fa ur ka zh yue pt-br".split())
def test_codes_of_languages_are_known_with_rules_of_their_own_or_without(code: str) -> None:
    check_language(code)


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("xx", "did you mean xh?"),
        ("eng", "did you mean en or "),
        ("EN", "did you mean en?"),
        ("en_US", "did you mean en?"),
        ("pt-pt", "did you mean pt?"),
        ("pt_BR", "did you mean pt-br?"),
        ("English", "it must be a code such as en or de."),
        ("", "it must be a code such as en or de."),
        ("日本語", "it must be a code such as en or de."),
    ],
)
def test_a_language_that_nobody_speaks_is_one_line_with_the_nearest(code: str, hint: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"language {code!r} is not known")) as caught:
        check_language(code)
    message = str(caught.value)
    assert hint in message
    assert message.endswith("a related one, such as language 'en' (--language en)")
    assert "\n" not in message


def test_every_code_is_written_as_it_is_given() -> None:
    assert all(re.fullmatch("[a-z]{2,4}(-[a-z]+)*", code) for code in LANGUAGES)
