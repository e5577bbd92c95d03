import re

import pytest
from sentencex import segment

from data_pipeline.errors import DataError
from data_pipeline.text.languages import _ALIASES, LANGUAGES, known_language

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
        assert known_language(relative) == relative
        assert segment(relative, OWN[language]) == cut, relative


@pytest.mark.parametrize(
    "code", "en de th sw km bo vi tr fa ur ka zh yue pt-br ceb war zh-min-nan".split()
)
def test_codes_of_languages_are_known_with_rules_of_their_own_or_without(code: str) -> None:
    assert known_language(code) == code


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("EN", "en"),
        ("pt-BR", "pt-br"),
        ("pt_br", "pt-br"),
        ("pt-PT", "pt"),
        ("de-AT", "de-at"),
        ("en_US", "en"),
        ("sr-Latn-RS", "sr-latn"),
        ("es-419", "es"),
        ("de-CH-1996", "de-ch"),
        ("deu", "de"),
        ("GER-at", "de-at"),
        ("jp", "ja"),
        ("chi", "zh"),
        ("ell", "el"),
        ("dut", "nl"),
        ("simple", "en"),
    ],
)
def test_a_tag_in_any_spelling_is_the_code_of_its_language(tag: str, code: str) -> None:
    assert known_language(tag) == code


def test_no_alias_hides_a_language_and_each_has_one() -> None:
    assert not _ALIASES.keys() & LANGUAGES
    assert set(_ALIASES.values()) <= LANGUAGES


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("English", "did you mean en?"),
        ("germ", "did you mean de?"),
        ("en-?", "did you mean en?"),
        ("xx", None),
        ("tlh", None),
        ("x-de", None),
        ("", None),
        ("日本語", None),
    ],
)
def test_a_language_that_is_not_known_is_one_line_with_what_to_give(
    tag: str, hint: str | None
) -> None:
    with pytest.raises(DataError) as caught:
        known_language(tag)
    hint = hint or (
        "give its code of ISO 639-1 or of its Wikipedia (en, pt-br, ceb), or that of a related "
        "language"
    )
    assert str(caught.value) == f"language {tag!r} is not known: {hint}"


def test_every_code_is_written_as_it_is_given() -> None:
    assert all(re.fullmatch("[a-z]{2,4}(-[a-z]+)*", code) for code in LANGUAGES)
